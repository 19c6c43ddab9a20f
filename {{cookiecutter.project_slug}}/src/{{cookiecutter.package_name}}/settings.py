"""Every setting of the service: an environment variable of the same name; docs/settings.md has a row for each."""

import difflib
import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from .configfile import ConfigurationError, Faults, secret

SECRETS = (
    "database_url",
    "redis_url",
    "oidc_client_secret",
    "oidc_exchange_client_secret",
    "secret_key",
    "audit_signing_key",
)
LOCAL_SECRET_KEY = "for-the-local-environment-only: everybody knows it"  # noqa: S105 # production refuses it
LOCAL_SIGNING_KEY = "Zm9yLXRoZS1sb2NhbC1lbnZpcm9ubWVudC1vbmx5ISE="  # likewise


_SHAPES = {  # the patterns below in words
    "public_url": "must be https://HOST, or http://HOST on a laptop, and nothing more",
    "oidc_issuer": "must begin with https://, or with http:// on a laptop",
    "secret_key": "must hold a key",
    "database_url": "must begin with sqlite:/// or postgresql+psycopg://",
    "redis_url": "must begin with redis:// or rediss://",
}


def _signing_keys(text: str) -> str:
    from .audit import SigningKeys  # not needed by commands that only ask the running service

    SigningKeys(text)
    return text


class Settings(BaseSettings):
    model_config = SettingsConfigDict(extra="ignore", frozen=True)

    environment: Literal["local", "staging", "production"] = "local"
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s]+$")] = "http://127.0.0.1:8000"
    oidc_issuer: Annotated[str, Field(pattern=r"^https?://\S+$")] = "http://127.0.0.1:8910"
    oidc_audience: Annotated[str, Field(min_length=1)] = __name__.partition(".")[0]
    oidc_client_id: str | None = None
    oidc_client_secret: str | None = None
    oidc_exchange_client_id: str | None = None
    oidc_exchange_client_secret: str | None = None
    secret_key: Annotated[str, Field(pattern=r"[^,\s]")] = LOCAL_SECRET_KEY
    database_url: Annotated[str, Field(pattern=r"^(sqlite:///|postgresql\+psycopg://).+$")] = "sqlite:///service.db"
    audit_checkpoints: Path = Path("checkpoints")
    audit_signing_key: Annotated[str, AfterValidator(_signing_keys)] = LOCAL_SIGNING_KEY
    redis_url: Annotated[str, Field(pattern=r"^rediss?://\S+$")] | None = None
    config_dir: Path = Path("config")
    organisation_policy: Path | None = None
    feedback_days: Annotated[int, Field(ge=1, le=3650)] = 90
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
        """Lists are written with commas, an empty variable is one that is not set, and a port makes an address here."""
        for name in ("cors_origins", "trusted_proxies"):
            if isinstance(values.get(name), str):
                values[name] = [one.strip() for one in values[name].split(",") if one.strip()]
        given = {name: value for name, value in values.items() if value != ""}
        if str(given.get("port", "")).isdigit():
            given.setdefault("public_url", f"http://127.0.0.1:{given['port']}")
        if os.environ.get("LOCAL_IDP_PORT"):
            given.setdefault("oidc_issuer", f"http://127.0.0.1:{os.environ['LOCAL_IDP_PORT']}")
        return given

    def sqlite_file(self) -> Path | None:
        """None where the database is no file."""
        sqlite, _, path = self.database_url.partition("sqlite:///")
        return Path(path) if not sqlite else None

    def telemetry(self) -> list[str]:
        """The settings by which metrics leave, of those that are set."""
        ways = {
            "METRICS_PORT": self.metrics_port,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.otel_exporter_otlp_endpoint,
        }
        return [name for name, value in ways.items() if value]

    def doubts(self) -> list[str]:
        """What staging and production start with, and warn of."""
        if self.environment == "local":
            return []
        found = []
        if self.oidc_client_id and not self.trusted_proxies:
            fault = "TRUSTED_PROXIES: is not set, so that one person can keep all others behind a proxy from signing in"
            found.append(f"{fault}; name its addresses, or 127.0.0.1 if there is none")
        if self.metrics_port and self.otel_exporter_otlp_endpoint:
            fault = "METRICS_PORT: is set beside OTEL_EXPORTER_OTLP_ENDPOINT, so that metrics leave twice"
            found.append(f"{fault}; let only one of the two reach Prometheus, or dashboards and alerts count double")
        return found

    def faults(self) -> list[str]:
        """What production refuses to start with, and staging warns of."""
        found = []
        if is_loopback(self.oidc_issuer) or not self.oidc_issuer.startswith("https://"):
            found.append(f"OIDC_ISSUER: {self.oidc_issuer} is for a laptop; name the company's issuer, by https")
        if not self.public_url.startswith("https://"):
            found.append(f"PUBLIC_URL: {self.public_url} must begin with https://")
        keys = [key.strip() for key in self.secret_key.split(",") if key.strip()]
        if LOCAL_SECRET_KEY in keys or min(map(len, keys)) < 32:
            found.append("SECRET_KEY: must be 32 characters or more that nobody knows; see 'openssl rand -hex 32'")
        if LOCAL_SIGNING_KEY in self.audit_signing_key:
            found.append("AUDIT_SIGNING_KEY: is the one that everybody knows; 'openssl rand -base64 32' makes another")
        if self.database_url.startswith("sqlite") and not self.single_replica:
            found.append("DATABASE_URL: SQLite serves one replica only; use PostgreSQL, or set SINGLE_REPLICA=true")
        return found


def read_settings() -> Settings:
    """Raises ConfigurationError, naming every setting that is wrong, and no secret's value."""
    faults = Faults()
    settings = settings_despite(faults)
    faults.raise_if_any()
    return settings


def settings_despite(faults: Faults) -> Settings:
    """What is wrong is in `faults`, and has its default here: good for finding further faults, not for a start."""
    files: dict[str, Any] = {}
    for name in SECRETS:
        try:
            files |= {name: value} if (value := secret(name.upper())) else {}
        except ConfigurationError as error:
            faults.found += error.faults
    try:
        return Settings(**files)  # the other values come from the environment
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
    faults.found += [_fault(one) for one in wrong]
    defaults = {name: Settings.model_fields[name].default for name in (str(one["loc"][0]) for one in wrong)}
    return Settings(**{**files, **defaults})


def _fault(fault: Any) -> str:
    name = str(fault["loc"][0])
    said = _SHAPES[name] if fault["type"] == "string_pattern_mismatch" else fault["msg"].removeprefix("Value error, ")
    return f"{name.upper()}: {said}"


def misspelt() -> list[str]:
    """Of the environment, what is nearly a setting. What is far from all belongs to other programs."""
    known = [name.upper() for name in Settings.model_fields]
    read = {*known, *(f"{name.upper()}_FILE" for name in SECRETS)}
    likely = [name for name in known if len(name) > len("PORT")]
    found = []
    for name in sorted(os.environ.keys() - read):
        meant = difflib.get_close_matches(name, likely, 1, cutoff=0.88)
        if meant and not name.startswith("OTEL_"):  # the SDK has many more
            found.append(f"{name}: is no setting; did you mean {meant[0]}?")
    return found


def is_loopback(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
