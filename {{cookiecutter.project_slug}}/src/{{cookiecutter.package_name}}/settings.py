"""Every setting of the service: an environment variable of the same name; docs/settings.md has a row for each."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .configfile import ConfigurationError, secret

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_SECRETS = ("database_url", "redis_url")


class Settings(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    environment: Literal["local", "staging", "production"] = "local"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] = "http://127.0.0.1:8000"
    oidc_issuer: Annotated[str, Field(pattern=r"^https?://\S+$")]
    oidc_audience: Annotated[str, Field(min_length=1)]
    database_url: str = "sqlite:///service.db"
    redis_url: str | None = None
    config_dir: Path = Path("config")
    cors_origins: Annotated[list[str], NoDecode] = []
    trusted_proxies: Annotated[list[str], NoDecode] = []
    single_replica: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    otel_exporter_otlp_endpoint: str | None = None
    otel_service_name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _prepare(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Secrets may come from files; lists are written with commas; an empty variable is one that is not set."""
        files = {name: secret(name.upper()) for name in _SECRETS if os.environ.get(f"{name.upper()}_FILE")}
        for name in ("cors_origins", "trusted_proxies"):
            if isinstance(values.get(name), str):
                values[name] = [one.strip() for one in values[name].split(",") if one.strip()]
        return {name: value for name, value in {**values, **files}.items() if value != ""}

    def faults(self) -> list[str]:
        """What production refuses to start with, and staging warns of."""
        found = []
        if is_loopback(self.oidc_issuer) or not self.oidc_issuer.startswith("https://"):
            found.append(
                f"OIDC_ISSUER: {self.oidc_issuer} is no issuer for {self.environment}; name the company's, by https"
            )
        if not self.public_url.startswith("https://"):
            found.append(f"PUBLIC_URL: {self.public_url} must begin with https:// in {self.environment}")
        if self.database_url.startswith("sqlite") and not self.single_replica:
            found.append("DATABASE_URL: SQLite serves one replica only; use PostgreSQL, or set SINGLE_REPLICA=true")
        return found


def read_settings() -> Settings:
    """Raises ConfigurationError, naming every setting that is wrong or missing, and no secret's value."""
    try:
        return Settings()  # type: ignore[call-arg]  # the values come from the environment
    except ValidationError as error:
        raise ConfigurationError(
            [_fault(one) for one in error.errors(include_url=False, include_input=False)]
        ) from None


def _fault(fault: Any) -> str:
    name = ".".join(str(part) for part in fault["loc"][:1]).upper()
    return (
        f"{name}: is not set; docs/settings.md tells what it is"
        if fault["type"] == "missing"
        else f"{name}: {fault['msg']}"
    )


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK
