"""What is turned away before anything is parsed. Pure ASGI."""

from __future__ import annotations

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Overloaded, ServiceError, TooLarge

LARGEST_BODY = 4 * 1024 * 1024
MOST_IN_FLIGHT = 500
_ALWAYS_ANSWERED = ("/livez", "/readyz")


class InFlightCap:
    """Beyond the cap a request is refused at once: waiting longer than the deadline helps nobody."""

    def __init__(self, app: ASGIApp, most: int = MOST_IN_FLIGHT) -> None:
        self._app = app
        self._most = most
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if self._running >= self._most:
            error = Overloaded("The service is at its limit; try again shortly.", retry_after=1)
            await _answer(error, scope, receive, send)
            return
        self._running += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._running -= 1


class BodyLimit:
    """Counts what really arrives: a Content-Length is only a promise."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY) -> None:
        self._app = app
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._largest:
                raise TooLarge(f"The body is larger than {self._largest // 1024**2} MiB; send less.")
            return message

        await self._app(scope, counted, send)


async def _answer(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    body = error.body(scope.get("state", {}).get("request_id"))
    await JSONResponse(body, error.status, headers=error.headers())(scope, receive, send)
