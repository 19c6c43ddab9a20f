"""The way out for all that litellm sends: our session under its HTTP clients. Imported with litellm only."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import aiohttp
import httpx
from yarl import URL

from ..proxy import proxy_for
from .exchange import Exchange, watched_exchange
from .upstream import pieces, send, streamed

_OURS_TO_SET = {"accept-encoding", "content-length", "content-encoding", "transfer-encoding"}


class Transport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = watched_exchange()
        kept = {name: value for name, value in request.headers.items() if name not in _OURS_TO_SET}
        url = URL(str(request.url), encoded=True)  # as it is, or a signature over it breaks
        with exchange.noted():
            response = await send(
                exchange.session,
                request.method,
                url,
                {**kept, **exchange.trace_headers},  # signatures name the headers they cover, and these are none
                await request.aread(),
                proxy=proxy_for(url),
            )
        exchange.response = response
        answered = [(name, value) for name, value in response.headers.items() if name.lower() not in _OURS_TO_SET]
        return httpx.Response(response.status, headers=answered, stream=_Body(response, exchange))


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, exchange: Exchange) -> None:
        self._response = response
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        is_sse = self._response.content_type == "text/event-stream"
        body = _plain_events(self._response) if is_sse else pieces(self._response)
        with self._exchange.noted():
            async with aclosing(body) as sent:
                async for piece in sent:
                    if not self._exchange.is_stream:
                        self._exchange.body += piece
                    yield piece

    async def aclose(self) -> None:
        self._response.release()


async def _plain_events(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    """In the one form of server-sent events that every reader in litellm takes: a line of ASCII and an empty one."""
    async with aclosing(streamed(response)) as sent:
        async for event in sent:
            yield b"data: %s\n\n" % json.dumps(event).encode()
