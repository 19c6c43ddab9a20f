"""The outermost layer: request id, arrival time, the one server span, the access line. Pure ASGI."""

import re
import secrets
import time
from contextvars import ContextVar

import structlog
from opentelemetry.propagate import extract
from opentelemetry.trace import Span, SpanKind, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import names
from .telemetry import Telemetry

_current: ContextVar[str | None] = ContextVar("request_id", default=None)
_ACCEPTABLE = re.compile(rb"[A-Za-z0-9._-]{8,64}")
PROBES = ("/livez", "/readyz")  # asked every few seconds, and of no interest
_log = structlog.get_logger()


def request_id() -> str | None:
    return _current.get()


class Observed:
    """Keeps the caller's X-Request-Id if it is one short plain word, else makes one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        identifier = _identifier(headers.get(b"x-request-id", b""))
        scope["state"].update(request_id=identifier, arrival=time.monotonic())
        _current.set(identifier)
        status = 500

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", identifier.encode())]
            await send(message)

        parent = extract({"traceparent": headers.get(b"traceparent", b"").decode("latin-1")})
        telemetry: Telemetry = scope["state"]["telemetry"]  # opened after this was made
        with telemetry.tracer.start_as_current_span(
            scope["method"],
            context=parent,
            kind=SpanKind.SERVER,
            record_exception=False,
            set_status_on_exception=False,  # with the exception's text
        ) as span:
            try:
                await self._app(scope, receive, observed_send)
            finally:
                self._observe(scope, span, status)

    def _observe(self, scope: Scope, span: Span, status: int) -> None:
        method, route = _method(scope["method"]), getattr(scope.get("route"), "path", scope.get("unrouted", "unknown"))
        attributes = {
            names.HTTP_METHOD: method,
            names.HTTP_ROUTE: route,
            names.HTTP_STATUS: status,
            names.URL_SCHEME: scope["scheme"],
        }
        if status >= 500:
            attributes[names.ERROR_TYPE] = scope.get("error_type", str(status))
            span.set_status(StatusCode.ERROR)
        span.update_name(f"{method} {route}")
        span.set_attributes({**attributes, names.REQUEST_ID: scope["state"]["request_id"]})
        seconds = time.monotonic() - scope["state"]["arrival"]
        scope["state"]["telemetry"].metrics.http_duration.record(seconds, attributes)
        say = _log.debug if route in PROBES else _log.info
        say("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1))


def _identifier(offered: bytes) -> str:
    return offered.decode() if _ACCEPTABLE.fullmatch(offered) else secrets.token_hex(16)


def _method(offered: str) -> str:
    return offered if offered in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else "_OTHER"
