"""The register says what is there, and the proof notices a test that would not."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from assurance.controls.absence import Absence, AbsenceError, instead
from assurance.controls.absences import ABSENCES
from assurance.controls.proof import Outcome, Verdict, judged, prove
from assurance.controls.register import REGISTER, Control, read_register
from assurance.controls.run import MEANING, main
from assurance.questions import Question
from tests.docs.pages import PROJECT

CONTROLS = read_register().controls
each_control = pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)
BLUNT = "tests/api/test_surface.py::test_ready_and_alive"
PASSED, FAILED = Outcome(True, False, ""), Outcome(False, False, "AssertionError: assert 200 == 403")
BROKE = Outcome(False, True, "KeyError: 'error'")


def alerts() -> dict[str, str]:
    """The runbook of each."""
    groups = yaml.safe_load((PROJECT / "ops" / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    rules = [rule for group in groups for rule in group["rules"] if "alert" in rule]
    return {rule["alert"]: rule["annotations"]["runbook"] for rule in rules}


@each_control
def test_what_a_control_names_is_there(control: Control) -> None:
    assert list((PROJECT / "docs" / "adr").glob(f"{control.adr}-*.md"))
    assert (PROJECT / control.code).is_file()
    path, _, name = control.test.partition("::")
    function = name.partition("[")[0]
    assert re.search(rf"^(async )?def {function}\(", (PROJECT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert control.alert is None or alerts()[control.alert] == control.runbook
    assert control.runbook is None or (PROJECT / control.runbook).is_file()


@each_control
def test_rows_of_the_standards_have_their_form(control: Control) -> None:
    assert control.asvs
    assert all(re.fullmatch(r"([1-9]|1[0-7])\.\d+\.\d+", row) for row in control.asvs)
    assert all(re.fullmatch(r"LLM(0[1-9]|10)", row) for row in control.llm)
    assert all(re.fullmatch(r"(GOVERN|MAP|MEASURE|MANAGE) \d\.\d+", row) for row in control.nist)


def test_every_test_that_a_control_names_is_collected() -> None:
    named = {control.test for control in CONTROLS.values()}
    files = sorted({test.partition("::")[0] for test in named})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-o", "addopts=", *files]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert named - set(done.stdout.splitlines()) == set()


def test_no_two_controls_rest_on_one_test() -> None:
    assert len({control.test for control in CONTROLS.values()}) == len(CONTROLS)


def test_every_question_has_a_control() -> None:
    assert {control.question for control in CONTROLS.values()} == set(Question)


@pytest.mark.parametrize("absence", ABSENCES.values(), ids=ABSENCES)
def test_what_an_absence_replaces_is_there(absence: Absence) -> None:
    assert absence.place()


def test_an_absence_whose_target_is_gone_is_an_error() -> None:
    with pytest.raises(AbsenceError, match=r"settings has no Settings\.gone any more"):
        Absence("settings", "Settings.gone", instead(None)).apply()


@pytest.mark.parametrize(
    ("attacked", "ordinary", "verdict"),
    [
        (FAILED, PASSED, Verdict.PROVEN),
        (PASSED, PASSED, Verdict.SURVIVED),
        (BROKE, PASSED, Verdict.UNPROVEN),
        (FAILED, FAILED, Verdict.UNPROVEN),
    ],
)
def test_only_a_failure_for_lack_of_the_control_proves_it(
    attacked: Outcome, ordinary: Outcome, verdict: Verdict
) -> None:
    assert judged(attacked, ordinary)[0] is verdict


def test_a_test_that_fails_with_its_control_proves_nothing() -> None:
    assert prove(read_register(), "budget", FAILED).verdict is Verdict.UNPROVEN


def written(folder: Path, **changed: Any) -> Path:
    """The register with controls changed, or added."""
    content = yaml.safe_load(REGISTER.read_text(encoding="utf-8"))
    for name, change in changed.items():
        content["controls"][name] = {**content["controls"].get(name, {}), **change}
    path = folder / "controls.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_control_is_proven_by_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "production-settings", "--output", str(tmp_path / "proof.json")]) == 0
    said = capsys.readouterr()
    assert f"Proven: 1 of 1 control. {MEANING}" in said.out
    assert "1 of 1  production-settings: proven" in said.err
    proof = json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))
    assert (proof["passed"], proof["controls"][0]["verdict"], len(proof["about"]["code"])) == (True, "proven", 64)


def test_a_blunt_test_lets_its_control_survive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = written(tmp_path, **{"token-expiry": {"test": BLUNT}})
    words = ["--register", str(register), "--only", "token-expiry", "--output", str(tmp_path / "proof.json")]
    assert main(words) == 1
    assert "token-expiry  security       SURVIVED" in capsys.readouterr().out
    assert not json.loads((tmp_path / "proof.json").read_text(encoding="utf-8"))["passed"]


def test_the_attack_is_shown_with_and_without_the_control(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--show", "role-ceiling"]) == 0
    refused, answered = capsys.readouterr().out.split("== Without it: the test fails ==")
    assert "x-data-class: confidential" in refused
    assert "< 403 Forbidden" in refused
    assert "< 200 OK" in answered
    assert '"roles": ["employee"]' in answered
    assert MEANING in answered


def test_what_cannot_be_proven_is_told_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "magic"]) == 2
    assert "'magic' is no control" in capsys.readouterr().err
    like = CONTROLS["budget"].model_dump(mode="json", exclude_none=True)
    assert main(["--register", str(written(tmp_path, magic=like))]) == 2
    assert "'magic' has no absence of this name" in capsys.readouterr().err
    assert main(["--register", str(written(tmp_path, budget={"no_alert": "and yet there is one"}))]) == 2
    assert "name an alert, or say under no_alert why there is none" in capsys.readouterr().err
