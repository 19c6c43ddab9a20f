from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.settings import Settings, is_loopback, read_settings

HIDDEN = "hidden-value"
GOOD = {"OIDC_ISSUER": "https://login.example.com", "OIDC_AUDIENCE": "service"}


@pytest.fixture(autouse=True)
def _only_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


def faults(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refused:
        read_settings()
    assert HIDDEN not in str(refused.value)
    return refused.value.faults


def test_two_settings_are_enough_on_a_laptop() -> None:
    settings = read_settings()
    assert (settings.environment, settings.database_url) == ("local", "sqlite:///service.db")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENVIRONMENT", "prod"),
        ("PORT", "http"),
        ("PORT", "65536"),
        ("PUBLIC_URL", "https://example.com/path"),
        ("PUBLIC_URL", "example.com"),
        ("OIDC_ISSUER", "login.example.com"),
        ("DATABASE_URL", f"mysql://user:{HIDDEN}@db/service"),
        ("DATABASE_URL", f"postgresql://user:{HIDDEN}@db/service"),
        ("REDIS_URL", f"http://:{HIDDEN}@cache"),
        ("SINGLE_REPLICA", "perhaps"),
        ("LOG_LEVEL", "debug"),
        ("METRICS_PORT", "0"),
        ("SECRET_KEY", " , "),
        ("AUDIT_SIGNING_KEY", HIDDEN),
    ],
)
def test_a_wrong_value_is_told_by_the_name_of_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    (fault,) = faults(monkeypatch, **{name: value})
    assert fault.startswith(f"{name}: ")


@pytest.mark.parametrize("name", ["DATABASE_URL", "OIDC_ISSUER", "PUBLIC_URL", "REDIS_URL", "SECRET_KEY"])
def test_a_wrong_shape_is_told_in_words(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (fault,) = faults(monkeypatch, **{name: ","})
    assert fault.startswith(f"{name}: must ")
    assert "pattern" not in fault


def test_every_fault_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(
        monkeypatch, PORT="x", LOG_LEVEL="x", OIDC_ISSUER="x", DATABASE_URL_FILE="/nowhere", REDIS_URL_FILE="/"
    )
    assert {one.partition(":")[0] for one in found} == {
        "PORT",
        "LOG_LEVEL",
        "OIDC_ISSUER",
        "DATABASE_URL_FILE",
        "REDIS_URL_FILE",
    }


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "REDIS_URL", "DATABASE_URL", "DATABASE_URL_FILE", "CORS_ORIGINS", "METRICS_PORT"):
        monkeypatch.setenv(name, "")
    settings = read_settings()
    assert (settings.port, settings.redis_url, settings.cors_origins, settings.metrics_port) == (8000, None, [], None)


def test_a_secret_s_file_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///by-variable.db")
    monkeypatch.setenv("DATABASE_URL_FILE", str(tmp_path / "url"))
    (tmp_path / "url").write_text("postgresql+psycopg://db/by-file\n", encoding="utf-8")
    assert read_settings().database_url == "postgresql+psycopg://db/by-file"
    (tmp_path / "url").write_text(f"mysql://user:{HIDDEN}@db", encoding="utf-8")
    (fault,) = faults(monkeypatch)
    assert fault.startswith("DATABASE_URL: ")


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://a.example, https://b.example,")
    assert read_settings().cors_origins == ["https://a.example", "https://b.example"]


PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "oidc_issuer": "https://login.example.com",
    "oidc_audience": "service",
    "public_url": "https://ask.example.com",
    "database_url": "postgresql+psycopg://db/service",
    "secret_key": "0123456789abcdef0123456789abcdef",
    "audit_signing_key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


def test_a_production_that_is_complete_has_no_fault() -> None:
    assert Settings(**PRODUCTION).faults() == []
    assert Settings(**{**PRODUCTION, "database_url": "sqlite:///x.db", "single_replica": True}).faults() == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("oidc_issuer", "http://127.0.0.1:8910"),
        ("oidc_issuer", "https://127.8.9.10"),
        ("oidc_issuer", "https://localhost"),
        ("oidc_issuer", "https://[::1]:8910"),
        ("oidc_issuer", "http://login.example.com"),
        ("public_url", "http://ask.example.com"),
        ("database_url", "sqlite:///service.db"),
        ("secret_key", "short"),
    ],
)
def test_production_refuses_what_is_fit_for_a_laptop(name: str, value: str) -> None:
    (fault,) = Settings(**{**PRODUCTION, name: value}).faults()
    assert fault.startswith(f"{name.upper()}: ")


def test_production_refuses_the_secrets_that_everybody_knows() -> None:
    known = {name: value for name, value in PRODUCTION.items() if name not in ("secret_key", "audit_signing_key")}
    assert [one.partition(":")[0] for one in Settings(**known).faults()] == ["SECRET_KEY", "AUDIT_SIGNING_KEY"]


def test_people_who_sign_in_behind_an_unnamed_proxy_are_a_doubt_and_no_fault() -> None:
    unnamed = Settings(**{**PRODUCTION, "oidc_client_id": "web"})
    assert [one.partition(":")[0] for one in unnamed.doubts()] == ["TRUSTED_PROXIES"]
    assert unnamed.faults() == []
    assert unnamed.model_copy(update={"trusted_proxies": ["10.0.0.5"]}).doubts() == []
    assert unnamed.model_copy(update={"environment": "local"}).doubts() == []
    assert Settings(**PRODUCTION).doubts() == []


def test_metrics_that_leave_twice_are_a_doubt_and_no_fault() -> None:
    collector = {"otel_exporter_otlp_endpoint": "https://collector.example.com"}
    both = Settings(**{**PRODUCTION, **collector, "metrics_port": 9464})
    assert [one.partition(":")[0] for one in both.doubts()] == ["METRICS_PORT"]
    assert both.faults() == []
    assert both.model_copy(update={"environment": "local"}).doubts() == []
    assert Settings(**{**PRODUCTION, **collector}).doubts() == []


@pytest.mark.parametrize("url", ["https://127.example.com", "https://10.0.0.1", "https://[bad", "https://", "x"])
def test_other_hosts_are_not_loopback(url: str) -> None:
    assert not is_loopback(url)
