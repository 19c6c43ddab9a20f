"""config/models.yaml as it is written: what each deployment promises, and in which order a route tries them."""

from __future__ import annotations

import os
import re
from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..configfile import Section
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
