"""The HTTP application: what wraps every request, who answers it, and whether it can serve."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.errors import ServerErrorMiddleware

from . import NAME, __version__, feedback, health, web
from .api import ROUTERS, BodyLimit, InFlight, InFlightCap, answer_error
from .errors import ServiceError
from .services import Services, open_services
from .settings import Settings
from .telemetry import Observed


def create_app(settings: Settings) -> FastAPI:
    local, in_flight = settings.environment == "local", InFlight()
    app = FastAPI(
        title=NAME,
        version=__version__,
        lifespan=_lifespan(settings, in_flight),
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json" if local else None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # request_id.py makes the one server span
        redirect_slashes=False,
    )
    for router in (*ROUTERS, health.router, feedback.router, *web.ROUTERS):
        app.include_router(router)
    for kind in (ServiceError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, answer_error)
    # The last one added is the outermost.
    app.add_middleware(BodyLimit)
    app.add_middleware(InFlightCap, in_flight=in_flight)
    # Starlette's own stands outside of all others: what it answers, a browser at another origin may not read.
    app.add_middleware(ServerErrorMiddleware, handler=answer_error)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
        )
    app.add_middleware(web.SafeAnswers, https=settings.public_url.startswith("https://"))
    app.add_middleware(Observed)
    return app


def _lifespan(settings: Settings, in_flight: InFlight):  # type: ignore[no-untyped-def]  # its type is Starlette's own
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[dict[str, Any]]:
        async with (
            open_services(settings) as services,
            health.watched(_readiness(services)) as readiness,
        ):
            services.telemetry.metrics.watch_in_flight(lambda: in_flight.count)
            yield {**vars(services), "readiness": readiness}

    return lifespan


def _readiness(services: Services) -> health.Readiness:
    return health.Readiness(_checks(services), lambda: _shown(services), services.telemetry.metrics)


def _shown(services: Services) -> dict[str, Any]:
    stopped = services.store.switches.stopped
    return {
        "loading": services.chain.loading(),
        "failing": services.chain.failing(),
        # Anybody may ask; which organisation is stopped is between it and the operator.
        "stopped": ["a tenant" if what == "tenant" else f"{what} {name}" for what, name in stopped],
        "checkpoints": services.store.checkpoints(),
    }


def _checks(services: Services) -> dict[str, health.Check]:
    async def identity() -> str | None:
        if not services.keys.ready:
            await services.keys.refresh()
        return None if services.keys.ready else f"no keys of the issuer {services.settings.oidc_issuer} yet"

    async def storage() -> str | None:
        return await asyncio.to_thread(services.store.fault)

    async def routes() -> str | None:
        unserved = [
            route.name
            for route in services.configuration.catalogue.routes.values()
            if not any(services.chain.serves(one) for one in route.deployments)
        ]
        return f"no adapter is loaded yet for {', '.join(unserved)}" if unserved else None

    return {"identity": identity, "audit": storage, "routes": routes}
