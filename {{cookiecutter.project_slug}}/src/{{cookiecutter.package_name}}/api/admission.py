"""What is turned away before anything is parsed. Pure ASGI."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import Overloaded, ServiceError, TooLarge
from ..telemetry import names

LARGEST_BODY = 4 * 1024 * 1024
MOST_IN_FLIGHT = 500
_ALWAYS_ANSWERED = ("/livez", "/readyz")


@dataclass(slots=True)
class InFlight:
    count: int = 0


class InFlightCap:
    """Beyond the cap a request is refused at once: waiting longer than the deadline helps nobody."""

    def __init__(self, app: ASGIApp, in_flight: InFlight, most: int = MOST_IN_FLIGHT) -> None:
        self._app = app
        self._in_flight = in_flight
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in _ALWAYS_ANSWERED:
            await self._app(scope, receive, send)
            return
        if self._in_flight.count >= self._most:
            error = Overloaded("The service is at its limit; try again shortly.", retry_after=1)
            await _refuse(error, scope, receive, send)
            return
        self._in_flight.count += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._in_flight.count -= 1


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


async def _refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """Before anybody has looked which route it is for; metrics tell those of the API from the rest all the same."""
    scope["error_type"] = error.reason
    scope["unrouted"] = "/v1/*" if scope["path"].startswith("/v1/") else "unknown"
    scope["state"]["telemetry"].metrics.refusals.add(1, {names.REASON: error.reason})
    body = error.body(scope["state"].get("request_id"))
    await JSONResponse(body, error.status, headers=error.headers())(scope, receive, send)
