"""The only place where things are built: read from top to bottom, it is the list of what the service is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from sqlalchemy import Engine

from . import __name__ as package
from . import __version__, database, schema
from .audit import (
    AuditEvent,
    Checkpoints,
    Clerk,
    ContentDigests,
    Json,
    Kind,
    Notary,
    SigningKeys,
    Trail,
    new_call_id,
    notarised,
)
from .configfile import Faults
from .configuration import Configuration, Feature, check_environment, digests, read_files
from .gateway import (
    Catalogue,
    ChainGateway,
    Deployment,
    DirectGateway,
    Gateway,
    LiteLLMGateway,
    LiteLLMLibrary,
)
from .governance import (
    GovernedGateway,
    Ledger,
    Model,
    Policy,
    Switches,
    open_limits,
    open_redactor,
    watched,
)
from .handbook import open_handbook
from .identity import (
    AccessRules,
    Browsers,
    ClientRegistration,
    IssuerKeys,
    Login,
    RefusedLogins,
    Seal,
    Sessions,
    Site,
    TokenEndpoint,
    TokenExchange,
    TokenVerifier,
)
from .settings import Settings
from .telemetry import Telemetry, open_telemetry

_log = structlog.get_logger()


@dataclass(frozen=True)
class Services:
    settings: Settings
    configuration: Configuration
    telemetry: Telemetry
    engine: Engine
    writer: database.Writer
    trail: Trail
    notary: Notary
    switches: Switches
    keys: IssuerKeys
    verifier: TokenVerifier
    exchange: TokenExchange
    browsers: Browsers | None
    chain: ChainGateway
    models: Mapping[str, Model]


def read_configuration(settings: Settings) -> Configuration:
    """Raises ConfigurationError with every fault of every file."""
    return read_files(settings, _features)


def _features(policy: Policy, faults: Faults) -> dict[str, Feature]:
    """A model name → the feature that answers it, once it has the governed gateway."""
    features: dict[str, Feature | None] = {}
    features["handbook"] = open_handbook(policy, faults)
    return {name: feature for name, feature in features.items() if feature}


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    read = read_configuration(settings)
    check_environment(settings, read)
    async with AsyncExitStack() as stack:
        telemetry = stack.enter_context(_telemetry(settings))
        session = await stack.enter_async_context(_http_session())
        engine = stack.enter_context(database.opened(settings.database_url))
        trail, ledger = Trail(), Ledger()
        # Entered before the writer, so that its last checkpoint follows the writer's last commit.
        notary = await stack.enter_async_context(
            notarised(Notary(trail, open_checkpoints(settings), telemetry.metrics))
        )
        writer = await stack.enter_async_context(
            database.running(database.Writer(engine, [ledger, trail], telemetry.metrics))
        )
        switches = await stack.enter_async_context(watched(Switches(engine)))
        keys = IssuerKeys(settings.oidc_issuer, session)
        verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, read.access, keys)
        chain = ChainGateway(_gateways(read.catalogue, session), telemetry)
        limits, redactor = open_limits(settings.redis_url), open_redactor(read.policy.patterns)
        digests = ContentDigests(settings.secret_key)
        governed = GovernedGateway(
            read.policy, switches, limits, redactor, digests, ledger, trail, writer, chain, telemetry
        )
        models = _models(governed, read)
        exchange = TokenExchange(read.access, _exchanging_client(settings, keys), keys)
        browsers = _browsers(settings, read.access, keys, verifier, engine)
        services = Services(
            settings,
            read,
            telemetry,
            engine,
            writer,
            trail,
            notary,
            switches,
            keys,
            verifier,
            exchange,
            browsers,
            chain,
            models,
        )
        await _record_loaded(services)
        await keys.refresh()
        yield services


def _http_session() -> aiohttp.ClientSession:
    """For the issuer and for every model; nothing but a request's deadline limits its time."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a small body could unfold to a huge one
        headers={"Accept-Encoding": "identity"},
    )


def _exchanging_client(settings: Settings, keys: IssuerKeys) -> TokenEndpoint | None:
    """Some issuers let only a client of another kind exchange tokens than the one that people sign in with."""
    if settings.oidc_exchange_client_id:
        return TokenEndpoint(settings.oidc_exchange_client_id, settings.oidc_exchange_client_secret, keys)
    if settings.oidc_client_id:
        return TokenEndpoint(settings.oidc_client_id, settings.oidc_client_secret, keys)
    return None


def _browsers(
    settings: Settings, rules: AccessRules, keys: IssuerKeys, verifier: TokenVerifier, engine: Engine
) -> Browsers | None:
    if settings.oidc_client_id is None:
        return None
    client = ClientRegistration(
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret,
        issuer=settings.oidc_issuer,
        audience=settings.oidc_audience,
        public_url=settings.public_url,
    )
    login = Login(client, rules, keys, verifier, Seal(settings.secret_key, "login"))
    sessions = Sessions(engine, Seal(settings.secret_key, "sessions"))
    return Browsers(Site(settings.public_url), login, sessions, RefusedLogins())


def open_checkpoints(settings: Settings) -> Checkpoints:
    return Checkpoints(settings.audit_checkpoints, SigningKeys(settings.audit_signing_key))


def open_clerk(settings: Settings) -> Clerk:
    """For commands that change something beside a running service, and record it."""
    return Clerk(database.open_engine(settings.database_url), open_checkpoints(settings))


def _models(governed: GovernedGateway, configuration: Configuration) -> dict[str, Model]:
    """A model name → what answers it: every route by itself, and each feature under its own name."""
    features: dict[str, Model] = {name: feature(governed) for name, feature in configuration.features.items()}
    return features | {name: governed for name in configuration.catalogue.routes if name not in features}


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
        "config": dict(digests(services.settings)),
    }
    await services.writer.commit({services.trail: AuditEvent(Kind.LOADED, new_call_id(), details=details)})
