"""Refuses requests before anything is parsed: too many at once, too large, too slow. Pure ASGI."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..deadline import Deadline
from ..errors import Overloaded, ServiceError, TooLarge, TooSlow
from ..telemetry import names

LARGEST_BODY = 4 * 1024 * 1024
MOST_HELD = 64 * 1024 * 1024  # bytes of the bodies of all requests in flight
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
    """Counts what really arrives, of one and of all, and how long that takes: a Content-Length is only a promise."""

    def __init__(self, app: ASGIApp, largest: int = LARGEST_BODY, together: int = MOST_HELD) -> None:
        self._app = app
        self._largest = largest
        self._together = together
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received, whole = 0, False

        async def counted() -> Message:
            nonlocal received, whole
            message = await (receive() if whole else _in_time(receive, scope["state"]))
            size = len(message.get("body", b""))
            received += size
            self._held += size
            whole = not message.get("more_body", False)
            if size:  # that the caller is gone must always be heard
                self._check(received)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self._held -= received

    def _check(self, received: int) -> None:
        if received > self._largest:
            raise TooLarge(f"The body is larger than {self._largest // 1024**2} MiB; send less.")
        if self._held > self._together:
            raise Overloaded("The service is at its limit; try again shortly.", retry_after=1)


async def _in_time(receive: Receive, state: Mapping[str, Any]) -> Message:
    """A body has as long as the longest route's answer: one deadline covers both."""
    longest: float = state["configuration"].catalogue.longest_deadline
    try:
        async with Deadline.after(longest, start=state["arrival"]).timeout():
            return await receive()
    except TimeoutError:
        raise TooSlow(f"The body was not there after {longest:g} s; send it faster.") from None


async def _refuse(error: ServiceError, scope: Scope, receive: Receive, send: Send) -> None:
    """No route has been matched yet, so metrics only distinguish the API's paths from all others."""
    scope["error_type"] = error.reason
    scope["unrouted"] = "/v1/*" if scope["path"].startswith("/v1/") else "unknown"
    scope["state"]["telemetry"].metrics.refusals.add(1, {names.REASON: error.reason})
    body = error.body(scope["state"].get("request_id"))
    await JSONResponse(body, error.status, headers=error.headers())(scope, receive, send)
