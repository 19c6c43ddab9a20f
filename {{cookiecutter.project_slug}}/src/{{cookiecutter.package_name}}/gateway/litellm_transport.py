"""The way out for everything that litellm sends: our session under its HTTP client. Imported with litellm only."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import aiohttp
import httpx
from yarl import URL

from .upstream import pieces, send

_OURS_TO_SET = {"accept-encoding", "content-length", "content-encoding", "transfer-encoding"}


@dataclass
class Exchange:
    """What the provider sent in one call, as far as the call's end needs it."""

    response: aiohttp.ClientResponse | None = None
    body: bytearray | None = None

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Not around a `yield`: the variable would leak into the caller's context."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    def close(self) -> None:
        if self.response is not None:
            self.response.close()


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


class Transport(httpx.AsyncBaseTransport):
    """Raises AttemptFailed, which litellm wraps but does not lose: it is found among the causes of what litellm raises."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name not in _OURS_TO_SET}
        url = URL(str(request.url), encoded=True)  # as it is, or a signature over it breaks
        response = await send(self._session, request.method, url, headers, await request.aread())
        exchange = _current.get() or Exchange()
        exchange.response = response
        kept = [(name, value) for name, value in response.headers.items() if name.lower() not in _OURS_TO_SET]
        return httpx.Response(response.status, headers=kept, stream=_Body(response, exchange.body))


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse, copy: bytearray | None) -> None:
        self._response = response
        self._copy = copy

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in pieces(self._response):
            if self._copy is not None:
                self._copy += piece
            yield piece

    async def aclose(self) -> None:
        self._response.release()
