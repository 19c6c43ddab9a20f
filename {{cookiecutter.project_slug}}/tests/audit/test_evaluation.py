"""An evaluation's report on the trail."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import Recorder, record_evaluation, verify

from tests.audit.signed import KEY, folder
from tests.audit.trails import records
from tests.command import invoked as run

SECRET = "what somebody asked"


def row(**changes: Any) -> dict[str, Any]:
    usual = {"suite": "handbook", "case": "leave", "model": "handbook", "required": True, "passed": True, "score": 1.0}
    answer = {"question": SECRET, "answer": SECRET, "deployment": "first", "data_class": "internal", "cost_usd": 0.0001}
    return {**usual, "faults": [], **answer, **changes}


def report(**changes: Any) -> dict[str, Any]:
    about = {"at": "2026-03-01T09:00:00+00:00", "url": "http://127.0.0.1:1", "repeats": 1, "judge": "none"}
    about |= {"code": "c" * 64, "prompts": {"handbook/answer": "3 (0123456789ab)"}}
    failed = row(passed=False, faults=[SECRET], deployment="second", cost_usd=0.0002)
    verdicts = [{"suite": "handbook", "threshold": 0.9, "rows": [row(), failed], "skipped": []}]
    return {"passed": False, "drops": [], "deployments": ["first"], "about": about, "verdicts": verdicts, **changes}


def written(tmp_path: Path, content: Any) -> Path:
    file = tmp_path / "latest.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def test_what_was_judged_and_how_it_ended_is_recorded_without_a_word_of_it(engine: Engine, tmp_path: Path) -> None:
    file = written(tmp_path, report())
    record_evaluation(Recorder(engine, folder(tmp_path)), file)
    (found,) = [json.loads(one["body"]) for one in records(engine)]
    assert (found["kind"], found["passed"], found["code"]) == ("evaluated", False, "c" * 64)
    assert found["report"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found["suites"] == [{"suite": "handbook", "answers": 2, "passed": 1, "threshold_permille": 900}]
    assert (found["models"], found["deployments"]) == (["handbook"], ["first", "second"])
    assert (found["data_classes"], found["cost_micro_usd"]) == (["internal"], 300)
    assert found["prompts"] == {"handbook/answer": "3 (0123456789ab)"}
    assert found["by"]
    assert SECRET not in json.dumps(found)
    assert verify(engine, folder(tmp_path)).faults == []


def test_a_cost_that_is_not_known_is_null(engine: Engine, tmp_path: Path) -> None:
    verdicts = [{"suite": "x", "threshold": 1, "rows": [row(), row(cost_usd=None)]}]
    record_evaluation(Recorder(engine, folder(tmp_path)), written(tmp_path, report(verdicts=verdicts)))
    assert json.loads(records(engine)[0]["body"])["cost_micro_usd"] is None


@pytest.mark.parametrize("content", [[], {}, {"passed": True}, report(about={}), "text"])
def test_what_is_no_report_is_named_and_not_recorded(engine: Engine, tmp_path: Path, content: Any) -> None:
    with pytest.raises(ValueError, match="is no report of an evaluation: "):
        record_evaluation(Recorder(engine, folder(tmp_path)), written(tmp_path, content))
    assert records(engine) == []


def test_the_command_says_what_it_recorded(engine: Engine, tmp_path: Path) -> None:
    where = {
        "DATABASE_URL": engine.url.render_as_string(hide_password=False),
        "AUDIT_CHECKPOINTS": str(tmp_path / "checkpoints"),
        "AUDIT_SIGNING_KEY": KEY,
    }
    done = run("audit", "record-evaluation", str(written(tmp_path, report())), **where)
    assert (done.exit_code, done.stdout) == (0, "Recorded: NOT passed, 2 answers.\n")
    wrong = run("audit", "record-evaluation", str(written(tmp_path, {})), **where)
    assert wrong.exit_code == 1
    assert "is no report of an evaluation: passed: Field required" in wrong.stderr
