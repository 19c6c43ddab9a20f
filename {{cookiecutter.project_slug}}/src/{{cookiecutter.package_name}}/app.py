"""The HTTP application: what wraps every request, who answers it, and the one handler of errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from . import __version__, errors, feedback, health, web
from .api import ROUTERS, BodyLimit, InFlightCap
from .audit import AuditEvent, Kind, new_call_id
from .database import pending
from .errors import ServiceError
from .governance import current_trace_id
from .identity import Principal
from .services import Services, open_services
from .settings import Settings
from .telemetry import Observed, names

_log = structlog.get_logger()
_OF_STATUS = {
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
}
# Decisions against a caller; whatever fails after `started` is told by the call's own `finished` record.
_DECIDED = (errors.PermissionDenied, errors.BudgetExceeded, errors.RateLimited, errors.Stopped)


def create_app(settings: Settings) -> FastAPI:
    local = settings.environment == "local"
    app = FastAPI(
        title="AI service",
        version=__version__,
        lifespan=_lifespan(settings),
        docs_url="/docs" if local else None,
        redoc_url=None,
        openapi_url="/openapi.json" if local else None,
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
        },  # request_id.py makes the one server span
        redirect_slashes=False,
    )
    for router in (*ROUTERS, health.router, feedback.router, *web.ROUTERS):
        app.include_router(router)
    for kind in (ServiceError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer_error)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(InFlightCap)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    app.add_middleware(web.SafeAnswers, https=settings.public_url.startswith("https://"))
    app.add_middleware(_ObservedOnceOpen)
    return app


class _ObservedOnceOpen:
    """Middleware is made before the lifespan opens the services: its telemetry is in the first request's state."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._observed: Observed | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._observed is None:
            self._observed = Observed(self._app, scope["state"]["services"].telemetry)
        await self._observed(scope, receive, send)


def _lifespan(settings: Settings):  # type: ignore[no-untyped-def]  # Starlette's own type for it is private
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with open_services(settings) as services:
            yield {
                "services": services,
                "telemetry": services.telemetry,
                "settings": settings,
                "verifier": services.verifier,
                "exchange": services.exchange,
                "browsers": services.browsers,
                "writer": services.writer,
                "trail": services.trail,
                "policy": services.configuration.policy,
                "models": services.models,
                "embedders": services.embedders,
                "feedback": services.feedback,
                "checks": _checks(services),
                "shown": lambda: _shown(services),
            }

    return lifespan


def _shown(services: Services) -> dict[str, Any]:
    return {
        "loading": services.chain.loading(),
        "failing": services.chain.failing(),
        # Anybody may ask; which organisation is stopped is between it and the operator.
        "stopped": ["a tenant" if what == "tenant" else f"{what} {name}" for what, name in services.switches.stopped],
        "checkpoints": "failing" if services.notary.failing else "written",
    }


def _checks(services: Services) -> dict[str, health.Check]:
    async def identity() -> str | None:
        if not services.keys.ready:
            await services.keys.refresh()
        return None if services.keys.ready else f"no keys of the issuer {services.settings.oidc_issuer} yet"

    async def storage() -> str | None:
        if services.watch.fault:
            return services.watch.fault
        try:
            behind = await asyncio.to_thread(pending, services.engine)
        except SQLAlchemyError:
            return "the database does not answer"
        if behind:
            return "migrations are not applied; run the command 'migrate'"
        return "the last commit of the audit trail was lost" if services.writer.failing else None

    async def routes() -> str | None:
        unserved = [
            route.name
            for route in services.configuration.catalogue.routes.values()
            if not any(services.chain.serves(one) for one in route.deployments)
        ]
        return f"no adapter is loaded yet for {', '.join(unserved)}" if unserved else None

    return {"identity": identity, "audit": storage, "routes": routes}


async def answer_error(request: Request, raised: Exception) -> JSONResponse:
    error = _as_service_error(raised)
    identifier = request.scope.get("state", {}).get("request_id")
    services: Services = request.state.services
    if (error.status < 500 or isinstance(error, errors.Unavailable)) and not isinstance(error, errors.ClientClosed):
        services.telemetry.metrics.refusals.add(1, {names.REASON: error.code})
    if isinstance(error, _DECIDED):
        await _record_refusal(services, request.scope, error)
    headers = {**error.headers(), **_challenge(error, request, services.settings.public_url)}
    if error.code == "internal_error":
        headers["X-Request-Id"] = str(identifier)  # sent from outside of the layer that adds it
    return JSONResponse(error.body(identifier), error.status, headers)


def _as_service_error(raised: Exception) -> ServiceError:
    match raised:
        case ServiceError():
            return raised
        case RequestValidationError():
            fault = raised.errors()[0]
            return errors.InvalidRequest(
                str(fault["msg"]).removeprefix("Value error, "),
                param=".".join(str(part) for part in fault["loc"][1:]) or None,
            )
        case HTTPException() if raised.status_code in _OF_STATUS:
            return _OF_STATUS[raised.status_code](
                f"{raised.detail}. /docs lists what this service answers in the local environment."
            )
        case HTTPException() if raised.status_code < 500:
            return errors.InvalidRequest(str(raised.detail))
        case _:
            return errors.InternalError("Something went wrong here; quote the request id.")


def _challenge(error: ServiceError, request: Request, public_url: str) -> dict[str, str]:
    """RFC 6750, 3 (no error is named to a caller who showed nothing) and RFC 9728, 5.1."""
    metadata = f'resource_metadata="{public_url}/.well-known/oauth-protected-resource"'
    if error.status == 401 and "authorization" not in request.headers:
        return {"WWW-Authenticate": f"Bearer {metadata}"}
    if error.status == 401:
        return {"WWW-Authenticate": f'Bearer error="invalid_token", {metadata}'}
    if error.code == "permission_denied":
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", {metadata}'}
    return {}


async def _record_refusal(services: Services, scope: Scope, error: ServiceError) -> None:
    """Of a request whose caller is known. `data_class` is the declared one; what a feature added is in the reason."""
    principal: Principal | None = scope.get("principal")
    if principal is None:
        return
    details = {
        "code": error.code,
        "reason": error.message,
        "policy_version": services.configuration.policy.version,
        **scope.get("asked", {"model": None, "data_class": None}),
    }
    event = AuditEvent(
        Kind.REFUSED, new_call_id(), principal.tenant, principal.subject, current_trace_id(), details=details
    )
    try:
        await services.writer.commit({services.trail: event})
    except errors.AuditUnavailable:
        _log.error("refusal_not_recorded", code=error.code)  # refused it stays
