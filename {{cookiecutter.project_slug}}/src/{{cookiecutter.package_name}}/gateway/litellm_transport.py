"""The way out for all that litellm sends: our session under its HTTP clients. Imported with litellm only."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import aiohttp
import httpx
from yarl import URL

from ..proxy import proxy_for
from . import upstream
from .exchange import Exchange, watched_exchange
from .failure import AttemptFailed, Failure
from .upstream import pieces, send, streamed

# A header of Amazon's frames; within a text of the model the bytes below 32 would be escaped.
_EXCEPTION = b":message-type\x07\x00\x09exception"
_OURS_TO_SET = {"accept-encoding", "content-length", "content-encoding", "transfer-encoding"}


class Transport(httpx.AsyncBaseTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = watched_exchange()
        kept = {name: value for name, value in request.headers.items() if name not in _OURS_TO_SET}
        url = URL(str(request.url), encoded=True)  # unchanged, or signatures over it become invalid
        with exchange.noted():
            response = await send(
                exchange.session,
                request.method,
                url,
                {**kept, **exchange.trace_headers},  # signatures do not cover these headers
                await request.aread(),
                proxy=proxy_for(url),
            )
        exchange.response = response
        answered = [(name, value) for name, value in response.headers.items() if name.lower() not in _OURS_TO_SET]
        return httpx.Response(response.status, headers=answered, stream=_Body(response, exchange))


class _NoWayOut(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("Nothing is sent without a deadline.", request=request)


no_way_out = httpx.Client(transport=_NoWayOut(), trust_env=False)


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, exchange: Exchange) -> None:
        self._response = response
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        match self._response.content_type:
            case "text/event-stream":
                body = _plain_events(self._response, self._exchange, b"data: %s\n\n")
            case upstream.NDJSON:
                body = _plain_events(self._response, self._exchange, b"%s\n")
            case "application/vnd.amazon.eventstream":
                body = _amazon_frames(self._response)
            case _:
                body = pieces(self._response)
        with self._exchange.noted():
            async with aclosing(body) as sent:
                async for piece in sent:
                    self._exchange.saw(piece)
                    yield piece

    async def aclose(self) -> None:
        self._response.release()


async def _plain_events(
    response: aiohttp.ClientResponse, exchange: Exchange, form: bytes
) -> AsyncGenerator[bytes, None]:
    """In the one form that every reader in litellm takes: a line of ASCII, and of server-sent events an empty one."""
    async with aclosing(streamed(response)) as sent:
        async for event in sent:
            exchange.refusal += _refusal(event)
            yield form % json.dumps(event).encode()


def _refusal(event: dict[str, Any]) -> str:
    try:
        return str(event["choices"][0]["delta"]["refusal"] or "")
    except (LookupError, TypeError):
        return ""


async def _amazon_frames(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    before = b""
    async with aclosing(pieces(response)) as sent:
        async for piece in sent:
            if _EXCEPTION in (near := before + piece):
                raise AttemptFailed(Failure.SERVER_ERROR)
            before = near[-len(_EXCEPTION) :]
            yield piece
