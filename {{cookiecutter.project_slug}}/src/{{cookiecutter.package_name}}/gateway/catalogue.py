"""The deployments and routes of config/models.yaml, found to fit each other."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from ..configfile import ConfigFile, ConfigurationError, Faults, secret
from .modelsfile import DeploymentEntry, Identity, ModelsFile, RouteEntry


@dataclass(frozen=True, slots=True)
class Deployment:
    name: str
    entry: DeploymentEntry
    declared_at: str

    @property
    def model(self) -> str:
        return self.entry.openai or self.entry.litellm or ""

    @property
    def provider(self) -> str:
        """The wire format's family, as the receipt and spans name it."""
        return "openai" if self.entry.openai else self.model.partition("/")[0]

    @property
    def output_limit_name(self) -> str:
        """OpenAI's newer models know the newer name only, most compatible servers the older one."""
        host = urlsplit(self.entry.base_url or "").hostname or ""
        return "max_completion_tokens" if host.endswith(("openai.com", ".azure.com")) else "max_tokens"

    def output_limit(self, wanted: int | None) -> int:
        """Tokens. Always sent, so that a reservation covers what an answer can cost."""
        most = self.entry.max_output_tokens
        return most if wanted is None else min(wanted, most)

    @property
    def identity(self) -> Identity | None:
        """Bedrock without a key is asked in the name of the machine's role."""
        keyless = self.entry.api_key_env is None and self.provider == "bedrock"
        return self.entry.identity or ("aws" if keyless else None)

    def api_key(self) -> str | None:
        return secret(self.entry.api_key_env) if self.entry.api_key_env else None


@dataclass(frozen=True, slots=True)
class Route:
    """Times in seconds."""

    name: str
    deployments: tuple[Deployment, ...]
    deadline: float
    first_token: float
    gap: float
    refuses: frozenset[str]
    declared_at: str
    serves: Literal["chat", "embeddings"] = "chat"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """`broken`: routes that name a deployment which is not there, or has a fault."""

    deployments: dict[str, Deployment]
    routes: dict[str, Route]
    broken: frozenset[str] = frozenset()

    @property
    def longest_deadline(self) -> float:
        """Seconds; no request takes longer."""
        return max(route.deadline for route in self.routes.values())


def build_catalogue(file: ConfigFile[ModelsFile], faults: Faults) -> Catalogue:
    for section in ("deployments", "routes"):
        if not file.names(section):
            faults.add(file.at(section), f"{section}: there must be one at least")
    deployments = {
        name: Deployment(name, entry, file.at("deployments", name)) for name, entry in file.content.deployments.items()
    }
    routes = {name: _route(name, entry, deployments, file, faults) for name, entry in file.content.routes.items()}
    for name in sorted({deployment.name for route in routes.values() for deployment in route.deployments}):
        _check_key(name, deployments[name].entry.api_key_env, file, faults)
    _check_embeddings(routes, faults)
    broken = {name for name, entry in file.content.routes.items() if not deployments.keys() >= set(entry.order)}
    return Catalogue(deployments, routes, frozenset(broken))


def _check_key(name: str, key: str | None, file: ConfigFile[ModelsFile], faults: Faults) -> None:
    try:
        missing = key is not None and secret(key) is None
    except ConfigurationError as error:
        faults.found += error.faults
        return
    if missing:
        where = file.at("deployments", name, "api_key_env")
        faults.add(where, f"'{name}' takes its key from {key}, which is not set; write it into .env, or set {key}_FILE")


def _check_embeddings(routes: dict[str, Route], faults: Faults) -> None:
    """docs/adr/T016: what was indexed with one model's vectors cannot be searched with another's."""
    chatting = {one.name for route in routes.values() if route.serves == "chat" for one in route.deployments}
    for route in routes.values():
        if route.serves == "chat":
            continue
        if len({one.model for one in route.deployments}) > 1:
            faults.add(
                route.declared_at,
                f"'{route.name}' serves embeddings and tries different models, whose vectors cannot be compared; "
                "name one model, at several servers if need be, and give each other model a route of its own",
            )
        for one in route.deployments:
            if one.name in chatting:
                faults.add(route.declared_at, f"'{one.name}' is tried for chat, too; a model does one or the other")


def _route(
    name: str,
    entry: RouteEntry,
    deployments: dict[str, Deployment],
    file: ConfigFile[ModelsFile],
    faults: Faults,
) -> Route:
    for position, unknown in enumerate(entry.order):
        if unknown not in file.names("deployments"):
            known = ", ".join(deployments)
            faults.add(
                file.at("routes", name, "try", position),
                f"no deployment is called '{unknown}'; there are {known}",
            )
    if len(set(entry.order)) < len(entry.order):
        faults.add(file.at("routes", name, "try"), "names a deployment twice; each is tried once")
    return Route(
        name=name,
        deployments=tuple(deployments[one] for one in entry.order if one in deployments),
        deadline=entry.deadline,
        first_token=entry.first_token,
        gap=entry.gap,
        refuses=frozenset(entry.refuses),
        declared_at=file.at("routes", name),
        serves=entry.serves,
    )
