"""`adopt`: what a real user asked, and shared, becomes a case; nothing else does."""

import asyncio
import io
import json
import re
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from assurance.evals.run import main
from assurance.evals.suite import read_suites
from tests.issuer import AUDIENCE
from tests.service import Service

QUESTION, ANSWER = "Where is ada@acme.example?", "In the handbook."
CONVERSATION = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hello"},
    {"role": "assistant", "content": "Hello, what is it?"},
    {"role": "user", "content": QUESTION},
    {"role": "assistant", "content": ANSWER},
]


@pytest.fixture
def beside(service: Service, monkeypatch: pytest.MonkeyPatch) -> Service:
    """The environment of a command beside the service."""
    values = {
        "OIDC_ISSUER": service.issuer.url,
        "OIDC_AUDIENCE": AUDIENCE,
        "DATABASE_URL": service.engine.url.render_as_string(hide_password=False),
        "AUDIT_CHECKPOINTS": str(service.checkpoints),
        "CONFIG_DIR": str(service.checkpoints.parent / "config"),
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return service


async def shared(service: Service, who: str = "ada", data_class: str = "internal", **fields: Any) -> str:
    answer = await service.ask(who=who, headers={"X-Data-Class": data_class})
    body = {"response_id": answer.json()["id"], "score": 0, "conversation": CONVERSATION, **fields}
    given: httpx2.Response = await service.http.post(
        f"{service.url}/v1/feedback", json=body, headers=service.headers(who)
    )
    assert given.status_code == 200, given.text
    return str(given.json()["id"])


async def adopted(file: Path, feedback_id: str) -> int:
    return await asyncio.to_thread(main, ["adopt", feedback_id, "--file", str(file)])


async def test_a_shared_conversation_becomes_a_case_without_a_name(beside: Service, tmp_path: Path) -> None:
    file = tmp_path / "cases" / "adopted.yaml"
    file.parent.mkdir()
    feedback_id = await shared(beside, comment="bob@acme.example knows")
    assert await adopted(file, feedback_id) == 0
    (suite,) = read_suites(file.parent)
    (case,) = suite.cases.cases
    assert (case.inputs.ask, case.inputs.model, case.inputs.data_class) == (
        "Where is [email]?",
        "assistant",
        "internal",
    )
    assert (case.inputs.system, [turn.content for turn in case.inputs.earlier]) == (
        "Be brief.",
        ["Hello", "Hello, what is it?"],
    )
    text = file.read_text(encoding="utf-8")
    assert '# a user said: "[email] knows"' in text
    assert not re.search(r"\bada\b", text)  # an id may hold these letters
    assert "acme" not in text
    assert [record["feedback"] for record in beside.records("disclosed")] == [feedback_id]


async def test_a_second_case_leaves_the_first_as_somebody_wrote_it(beside: Service, tmp_path: Path) -> None:
    file = tmp_path / "adopted.yaml"
    first, second = await shared(beside), await shared(beside, score=1)
    await adopted(file, first)
    file.write_text(file.read_text(encoding="utf-8").replace("cases:", "cases: # ours"), encoding="utf-8")
    assert await adopted(file, second) == 0
    assert await adopted(file, second) == 2
    text = file.read_text(encoding="utf-8")
    assert "cases: # ours" in text
    names = [one["name"] for one in yaml.safe_load(text)["cases"]]
    assert names == [f"feedback_{one[:8]}" for one in (first, second)]
    assert "which a user found good: In the handbook." in text


async def test_what_was_shown_beside_the_database_can_be_adopted_elsewhere(
    beside: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {"id": "a" * 32, "model": "assistant", "deployment": "first", "data_class": "public", "score": 1}
    told |= {"expires": "", "words": {"conversation": CONVERSATION[-2:]}}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(told)))
    assert await adopted(tmp_path / "adopted.yaml", "-") == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("{}"))
    assert await adopted(tmp_path / "adopted.yaml", "-") == 2


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"conversation": None, "comment": "bad"}, "did not share the conversation"),
        ({"conversation": None}, "nothing was shared"),
        ({"who": "grace", "data_class": "confidential"}, "The conversation is confidential"),
    ],
)
async def test_what_was_not_shared_or_is_too_sensitive_is_refused(
    beside: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], says: str
) -> None:
    feedback_id = await shared(beside, **fields)
    assert await adopted(tmp_path / "adopted.yaml", feedback_id) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "adopted.yaml").exists()
