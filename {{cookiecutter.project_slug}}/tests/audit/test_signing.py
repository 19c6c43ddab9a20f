"""AUDIT_SIGNING_KEY: where it may come from, what is no key, and what production refuses."""

import base64
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.audit import SigningKeys, verify
from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY, Settings, read_settings

from tests.audit.signed import KEY, OLD_KEY, folder
from tests.service import Surroundings, running_service

REQUIRED = {"OIDC_ISSUER": "https://login.example.com", "OIDC_AUDIENCE": "service"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_it_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY},\n{OLD_KEY}\n", encoding="utf-8")
    monkeypatch.setenv("AUDIT_SIGNING_KEY_FILE", str(tmp_path / "key"))
    assert read_settings().audit_signing_key == f"{KEY},\n{OLD_KEY}"


def test_what_is_no_key_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    text = base64.b64encode(b"k" * 31).decode()
    monkeypatch.setenv("AUDIT_SIGNING_KEY", text)
    with pytest.raises(ConfigurationError) as refused:
        read_settings()
    (fault,) = refused.value.faults
    assert fault.startswith("AUDIT_SIGNING_KEY: ")
    assert "the base64 of its 32 bytes, or PEM" in fault
    assert text not in fault


@pytest.mark.parametrize("end", ["2026-1-31T09:15:00Z", "2026-01-31", "soon"])
def test_an_end_that_would_be_compared_wrongly_is_refused(end: str) -> None:
    with pytest.raises(ValueError, match="PUBLIC@2026-01-31T09:15:00Z"):
        SigningKeys(f"{KEY},{next(iter(SigningKeys(OLD_KEY).public_texts().values()))}@{end}")


@pytest.mark.parametrize(("keys", "refused"), [(LOCAL_SIGNING_KEY, 1), (f"{KEY},{LOCAL_SIGNING_KEY}", 1), (KEY, 0)])
def test_production_refuses_the_key_that_everybody_knows(keys: str, refused: int) -> None:
    settings = Settings(oidc_issuer="https://x.example.com", oidc_audience="x", audit_signing_key=keys)
    assert sum(one.startswith("AUDIT_SIGNING_KEY") for one in settings.faults()) == refused


async def test_a_service_that_cannot_write_checkpoints_says_so_and_answers(
    tmp_path: Path, around: Surroundings
) -> None:
    (tmp_path / "file").touch()
    async with running_service(tmp_path, around, audit_checkpoints=tmp_path / "file") as service:
        assert (await service.ask()).status_code == 200
        ready = await service.http.get(f"{service.url}/readyz")
        assert (ready.status_code, ready.json()["checkpoints"]) == (200, "failing")


async def test_a_service_s_whole_life_verifies(tmp_path: Path, around: Surroundings) -> None:
    async with running_service(tmp_path, around, audit_signing_key=KEY) as service:
        await service.ask()
        assert (await service.http.get(f"{service.url}/readyz")).json()["checkpoints"] == "written"
        engine = service.engine
    verdict = verify(engine, folder(tmp_path))
    assert (verdict.records, verdict.unsigned, verdict.faults) == (3, 0, [])
