"""Builds everything the service consists of, in this one place; store.py builds the parts that write."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import structlog
from sqlalchemy import Engine

from . import __name__ as package
from . import __version__, configuration
from .audit import AuditEvent, ContentDigests, Json, Kind, new_call_id
from .configfile import Faults
from .configuration import Configuration, digests, read_files
from .feedback import Feedback, Kept
from .gateway import Catalogue, ChainGateway, Deployment, DirectGateway, Gateway, LiteLLMGateway, LiteLLMLibrary
from .governance import Feature, GovernedGateway, Model, Policy, open_limits, open_redactor
from .handbook import open_handbook
from .identity import (
    AccessRules,
    Browsers,
    ClientRegistration,
    IssuerKeys,
    Login,
    Seal,
    Sessions,
    Site,
    TokenEndpoint,
    TokenExchange,
    TokenVerifier,
)
from .settings import Settings
from .store import Store, begun, open_store
from .telemetry import Telemetry, open_telemetry

_log = structlog.get_logger()


@dataclass(frozen=True)
class Services:
    settings: Settings
    configuration: Configuration
    telemetry: Telemetry
    store: Store
    keys: IssuerKeys
    verifier: TokenVerifier
    exchange: TokenExchange
    browsers: Browsers | None
    chain: ChainGateway
    models: Mapping[str, Model]
    embedders: Mapping[str, GovernedGateway]
    feedback: Feedback


def read_configuration(settings: Settings) -> Configuration:
    """Raises ConfigurationError with every fault of every file."""
    return read_files(settings, _features)


def read_to_start(settings: Settings, faults: Faults) -> tuple[Configuration, Sequence[str]]:
    """Also returns the warnings. In production most of those are faults, raised together with all others."""
    return configuration.read_to_start(settings, _features, faults)


def _features(policy: Policy, faults: Faults) -> dict[str, Feature]:
    """Model name → the feature that answers it."""
    features: dict[str, Feature | None] = {}
    features["handbook"] = open_handbook(policy, faults)
    return {name: feature for name, feature in features.items() if feature}


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    read, doubtful = read_to_start(settings, Faults())
    for fault in doubtful:
        _log.warning("configuration_fault", fault=fault)
    async with AsyncExitStack() as stack:
        telemetry = stack.enter_context(_telemetry(settings))
        session = await stack.enter_async_context(_http_session())
        store = await stack.enter_async_context(open_store(settings, telemetry.metrics))
        services = _built(settings, read, telemetry, session, store)
        await stack.enter_async_context(begun(store, lambda: _record_loaded(services)))
        await services.keys.refresh()
        yield services


def _built(
    settings: Settings, read: Configuration, telemetry: Telemetry, session: aiohttp.ClientSession, store: Store
) -> Services:
    keys = IssuerKeys(settings.oidc_issuer, session)
    telemetry.metrics.watch_issuer(lambda: keys.failures)
    verifier = TokenVerifier(settings.oidc_issuer, settings.oidc_audience, read.access, keys)
    chain = ChainGateway(_gateways(read.catalogue, session), telemetry)
    limits, redactor = open_limits(settings.redis_url), open_redactor(*read.policy.patterns)
    digests, trail, writer = ContentDigests(settings.secret_key), store.trail, store.writer
    governed = GovernedGateway(
        read.policy, store.switches, limits, redactor, digests, store.ledger, trail, writer, chain, telemetry
    )
    kept = Kept(read.policy, open_feedback_seal(settings), settings.feedback_days)
    return Services(
        settings=settings,
        configuration=read,
        telemetry=telemetry,
        store=store,
        keys=keys,
        verifier=verifier,
        exchange=TokenExchange(read.access, _exchanging_client(settings, keys), keys),
        browsers=_browsers(settings, read.access, keys, verifier, store.engine),
        chain=chain,
        models=_models(governed, read),
        embedders=dict.fromkeys(_routes(read, "embeddings"), governed),
        feedback=Feedback(kept, limits, store.engine, trail, store.ratings, writer, telemetry.metrics),
    )


def _http_session() -> aiohttp.ClientSession:
    """For the issuer's keys and all models. No total timeout: each request's deadline limits the time."""
    return aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,  # a small body could unfold to a huge one
        headers={"Accept-Encoding": "identity"},
    )


def _exchanging_client(settings: Settings, keys: IssuerKeys) -> TokenEndpoint | None:
    """A client of its own if configured: with some issuers the client for sign-in cannot exchange tokens."""
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
    return Browsers(Site(settings.public_url), login, sessions)


def open_feedback_seal(settings: Settings) -> Seal:
    return Seal(settings.secret_key, "feedback")


def _models(governed: GovernedGateway, read: Configuration) -> dict[str, Model]:
    """Model name → what answers it: each feature, and the governed gateway for each chat route."""
    features: dict[str, Model] = {name: feature.open(governed) for name, feature in read.features.items()}
    return features | dict.fromkeys(_routes(read, "chat"), governed)


def _routes(read: Configuration, serves: str) -> list[str]:
    """Routes whose name is not taken by a feature."""
    routes = read.catalogue.routes
    return [name for name, route in routes.items() if route.serves == serves and name not in read.features]


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
    details: dict[str, Json] = {
        "policy_version": services.configuration.policy.version,
        "version": __version__,
        "config": dict(digests(services.settings)),
    }
    event = AuditEvent(Kind.LOADED, new_call_id(), details=details)
    await services.store.record(event)
