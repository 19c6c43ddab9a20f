"""config/models.yaml: which deployments there are, what they promise, and in which order a route tries them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from ..configfile import ConfigFile, ConfigurationError, Faults, Section, secret
from .messages import ChatRequest, EmbeddingRequest

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*))?\}")


def _seconds(value: object) -> object:
    """'500ms', '60s', '2m' → seconds."""
    found = _DURATION.fullmatch(str(value))
    if not found:
        raise ValueError(f"'{value}' is no duration; write 500ms, 60s or 2m")
    return float(found[1]) * _UNITS[found[2]]


def _from_environment(value: object) -> object:
    """'${NAME:-fallback}' → the variable NAME, so that one file serves several environments."""
    if not isinstance(value, str):
        return value
    return _VARIABLE.sub(lambda found: os.environ.get(found[1], found[2] or ""), value)


Name = Annotated[str, Field(min_length=1, max_length=128)]  # as long as the ledger's columns
Seconds = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
Identity = Literal["aws", "azure", "google"]
_IDENTIFIED = {"aws": ("bedrock",), "azure": ("openai:", "azure"), "google": ("openai:",)}
Address = Annotated[str, BeforeValidator(_from_environment), Field(pattern=r"^https?://[^\s@]+$")]


class Price(Section):
    """US dollars per million tokens; one dollar per million is one micro-dollar a token."""

    input_per_million: Annotated[Decimal, Field(ge=0)]
    output_per_million: Annotated[Decimal, Field(ge=0)]

    def micro_usd(self, input_tokens: int, output_tokens: int) -> int:
        """Whole micro-dollars, rounded up: what is spent is never booked as less."""
        spent = input_tokens * self.input_per_million + output_tokens * self.output_per_million
        return int(spent.to_integral_value(ROUND_CEILING))


class DeploymentEntry(Section):
    openai: str | None = Field(
        default=None, description="the model's name at a server that speaks OpenAI's wire format"
    )
    litellm: str | None = Field(default=None, description="provider/model, translated by litellm")
    base_url: Address | None = None
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")] | None = None
    identity: Identity | None = Field(
        default=None, description="in place of a key: what the cloud that this runs in says it is"
    )
    api_version: str | None = Field(default=None, description="for litellm: azure/DEPLOYMENT")
    aws_region: str | None = Field(default=None, description="for litellm: bedrock/MODEL, such as eu-central-1")
    lacks: list[str] = Field(default=[], description="fields of a request that its server leaves out without a word")
    region: str
    retention_days: Annotated[int, Field(ge=0)]
    trains_on_data: bool
    hosted_by: Literal["provider", "self"]
    price: Price | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] = 4096

    @model_validator(mode="after")
    def _names_one_model(self) -> DeploymentEntry:
        if (self.openai is None) == (self.litellm is None):
            raise ValueError("name the model once: 'openai: MODEL' (with base_url) or 'litellm: PROVIDER/MODEL'")
        if self.litellm is not None and "/" not in self.litellm:
            raise ValueError("'litellm:' names the provider too, such as anthropic/claude-sonnet-4-5")
        if self.openai is not None and self.base_url is None:
            raise ValueError("'openai:' needs the server's base_url, such as https://api.openai.com/v1")
        return self

    @model_validator(mode="after")
    def _fits_its_provider(self) -> DeploymentEntry:
        provider = "openai:" if self.openai else (self.litellm or "").partition("/")[0]
        if provider.startswith("vertex_ai"):
            raise ValueError("litellm needs google-auth for Vertex AI; use its address for OpenAI's format, 'openai:'")
        if self.identity and self.api_key_env:
            raise ValueError("give 'api_key_env' or 'identity', not both")
        if self.identity and provider not in _IDENTIFIED[self.identity]:
            raise ValueError(
                f"'identity: {self.identity}' is of use to {' and '.join(_IDENTIFIED[self.identity])} only"
            )
        if self.aws_region and provider != "bedrock":
            raise ValueError("'aws_region' is of use to bedrock only")
        if self.api_version and provider != "azure":
            raise ValueError("'api_version' is of use to azure only")
        if unknown := {*self.lacks} - ChatRequest.model_fields.keys() - EmbeddingRequest.model_fields.keys():
            raise ValueError(f"'lacks' names fields of a request; there is no {', '.join(sorted(unknown))}")
        return self


class RouteEntry(Section):
    order: Annotated[list[str], Field(alias="try", min_length=1)]
    serves: Literal["chat", "embeddings"] = "chat"
    deadline: Seconds = 60.0
    first_token: Seconds = 10.0
    gap: Seconds = 15.0
    refuses: list[str] = []


class ModelsFile(Section):
    """config/models.yaml"""

    deployments: dict[Name, DeploymentEntry]
    routes: dict[Name, RouteEntry]


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
        faults.add(where, f"'{name}' takes its key from {key}, which is not set; set it, or {key}_FILE")


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
