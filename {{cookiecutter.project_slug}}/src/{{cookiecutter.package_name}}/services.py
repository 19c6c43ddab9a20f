"""The only place where things are built: read from top to bottom, it is the list of what the service is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from sqlalchemy import Engine

from . import __name__ as package
from . import __version__, configfile, database, schema
from .audit import AuditEvent, Json, Kind, Trail, new_call_id
from .configfile import ConfigurationError, Faults
from .gateway import (
    Catalogue,
    ChainGateway,
    Deployment,
    DirectGateway,
    Gateway,
    LiteLLMGateway,
    LiteLLMLibrary,
    ModelsFile,
    build_catalogue,
)
from .governance import (
    GovernedGateway,
    Ledger,
    Model,
    Policy,
    PolicyFile,
    compile_policy,
    open_limits,
    redact,
)
from .handbook import open_handbook
from .identity import AccessFile, AccessRules, IssuerKeys, TokenVerifier
from .settings import Settings, is_loopback
from .telemetry import Telemetry, open_telemetry

_log = structlog.get_logger()


@dataclass(frozen=True)
class Configuration:
    """The three files of CONFIG_DIR, read and found to fit each other."""

    access: AccessRules
    catalogue: Catalogue
    policy: Policy


@dataclass(frozen=True)
class Services:
    settings: Settings
    configuration: Configuration
    telemetry: Telemetry
    engine: Engine
    writer: database.Writer
    trail: Trail
    keys: IssuerKeys
    verifier: TokenVerifier
    chain: ChainGateway
    models: Mapping[str, Model]


def read_configuration(settings: Settings) -> Configuration:
    """Raises ConfigurationError with every fault of every file."""
    faults = Faults()
    models_file = configfile.read(settings.config_dir / "models.yaml", ModelsFile, faults)
    policy_file = configfile.read(settings.config_dir / "policy.yaml", PolicyFile, faults)
    access_file = configfile.read(settings.config_dir / "access.yaml", AccessFile, faults)
    if not (models_file and policy_file and access_file):
        raise ConfigurationError(faults.found)
    access = AccessRules(access_file.content)
    catalogue = build_catalogue(models_file, faults)
    policy = compile_policy(policy_file, catalogue, access.roles, faults)
    faults.raise_if_any()
    assert policy is not None  # noqa: S101 # without faults there is a policy
    return Configuration(access, catalogue, policy)


def check_environment(settings: Settings, configuration: Configuration) -> None:
    """Raises ConfigurationError in production; elsewhere the same faults are warnings."""
    found = configuration.policy.uncovered()
    if settings.environment != "local":
        found += settings.faults()
        found += [
            f"{one.declared_at}: {one.name} is at {one.entry.base_url}, a local model server"
            for one in configuration.catalogue.deployments.values()
            if one.entry.base_url and is_loopback(one.entry.base_url)
        ]
    if found and settings.environment == "production":
        raise ConfigurationError(found)
    for fault in found:
        _log.warning("configuration_fault", fault=fault)


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    configuration = read_configuration(settings)
    check_environment(settings, configuration)
    async with AsyncExitStack() as stack:
        telemetry = stack.enter_context(_telemetry(settings))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                connector=aiohttp.TCPConnector(limit=0),
                trust_env=True,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # a small body could unfold to a huge one
                headers={"Accept-Encoding": "identity"},
            )
        )
        engine = database.open_engine(settings.database_url)
        stack.callback(engine.dispose)
        database.check_durability(engine)
        trail, ledger = Trail(), Ledger()
        writer = await stack.enter_async_context(
            database.running(database.Writer(engine, [ledger, trail], telemetry.metrics))
        )
        keys = IssuerKeys(settings.oidc_issuer, session)
        verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, configuration.access, keys)
        chain = ChainGateway(_gateways(configuration.catalogue, session), telemetry)
        governed = GovernedGateway(
            configuration.policy,
            open_limits(settings.redis_url),
            redact,
            ledger,
            trail,
            writer,
            chain,
            telemetry,
        )
        models = _models(governed, configuration.policy)
        services = Services(settings, configuration, telemetry, engine, writer, trail, keys, verifier, chain, models)
        await _record_loaded(services)
        await keys.refresh()
        yield services


def _models(governed: GovernedGateway, policy: Policy) -> dict[str, Model]:
    """A model name → what answers it: every route by itself, and each feature under its own name."""
    faults = Faults()
    features: dict[str, Model | None] = {}
    features["handbook"] = open_handbook(governed, policy, faults)
    faults.raise_if_any()
    routes: dict[str, Model] = dict.fromkeys(policy.catalogue.routes, governed)
    return routes | {name: feature for name, feature in features.items() if feature}


def _gateways(catalogue: Catalogue, session: aiohttp.ClientSession) -> dict[str, Gateway]:
    library = LiteLLMLibrary(session)
    used = {one.name: one for route in catalogue.routes.values() for one in route.deployments}
    if any(one.entry.litellm for one in used.values()):
        library.begin_loading()
    return {name: _gateway(one, session, library) for name, one in used.items()}


def _gateway(deployment: Deployment, session: aiohttp.ClientSession, library: LiteLLMLibrary) -> Gateway:
    if deployment.entry.openai:
        return DirectGateway(deployment, session)
    return LiteLLMGateway(deployment, library)


def _telemetry(settings: Settings) -> AbstractContextManager[Telemetry]:
    return open_telemetry(
        service=settings.otel_service_name or package,
        version=__version__,
        environment=settings.environment,
        otlp=settings.otel_exporter_otlp_endpoint is not None,
        metrics_port=settings.metrics_port,
    )


async def _record_loaded(services: Services) -> None:
    """The first record of this process life's chain: under which configuration it ran."""
    if schema.pending(services.engine):
        return  # the table may be missing; /readyz says so
    details: dict[str, Json] = {
        "policy_version": services.configuration.policy.version,
        "version": __version__,
    }
    await services.writer.commit({services.trail: AuditEvent(Kind.LOADED, new_call_id(), details=details)})
