"""Content is on the trail as a keyed digest, and in no other way."""

import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from {{ cookiecutter.package_name }}.settings import LOCAL_SECRET_KEY

from tests.service import Service, Surroundings, running_service

# As docs/governance/audit-format.md tells it.
KEY = HKDF(SHA256(), length=32, salt=None, info=b"audit digests").derive(LOCAL_SECRET_KEY.encode())


def digest(text: str) -> str:
    return hmac.digest(KEY, text.encode(), hashlib.sha256).hex()


async def test_who_holds_the_key_can_show_what_a_call_was_about(service: Service) -> None:
    answer = (await service.ask("Hello \u00e9")).json()["choices"][0]["message"]["content"]
    sent = json.dumps([{"role": "user", "content": "Hello \u00e9"}], sort_keys=True, separators=(",", ":"))
    assert service.records("started")[0]["content_digest"] == digest(sent)
    assert service.records("finished")[0]["answer_digest"] == digest(answer)


async def test_a_streamed_answer_has_the_same_digest_as_a_whole_one(service: Service) -> None:
    await service.ask("Hello")
    await service.ask("Hello", stream=True)
    whole, streamed = service.records("finished")
    assert whole["answer_digest"] == streamed["answer_digest"]


async def test_a_call_without_an_answer_has_no_digest_of_one(service: Service) -> None:
    await service.upstream.fails_with("500")
    await service.ask()
    assert service.records("finished")[0]["answer_digest"] is None


def written(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("service.db*"))


async def test_content_is_nowhere_in_the_database(service: Service, tmp_path: Path) -> None:
    answer = (await service.ask("a marmalade sandwich at noon")).json()["choices"][0]["message"]["content"]
    files = written(tmp_path)
    assert b"marmalade" not in files
    assert answer.encode() not in files


def test_the_configuration_that_was_loaded_is_recorded_by_its_digests(service: Service, tmp_path: Path) -> None:
    (loaded,) = service.records("loaded")
    for name in ("access.yaml", "models.yaml", "policy.yaml"):
        assert loaded["config"][name] == hashlib.sha256((tmp_path / "config" / name).read_bytes()).hexdigest()


async def test_the_organisation_s_file_that_was_loaded_is_recorded_too(tmp_path: Path, around: Surroundings) -> None:
    overlay = tmp_path / "policy.yaml"  # as the team's is called
    overlay.write_text("tenant_limits: {requests_per_minute: 9}\n", encoding="utf-8")
    async with running_service(tmp_path, around, organisation_policy=overlay) as service:
        (loaded,) = service.records("loaded")
    assert loaded["config"]["ORGANISATION_POLICY"] == hashlib.sha256(overlay.read_bytes()).hexdigest()
    team = (tmp_path / "config" / "policy.yaml").read_bytes()
    assert loaded["config"]["policy.yaml"] == hashlib.sha256(team).hexdigest()
