"""To go on without a check: by name, for a reason, for a while, and never as if it had passed."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from assurance.readiness.checks import read_checks
from assurance.readiness.plan import LONGEST_WAIVER, Plan
from assurance.readiness.project import Project
from assurance.readiness.report import State, as_json
from assurance.readiness.run import main
from tests.assurance.ready import TODAY, edit, in_state, report, said

WAIVED = {"reason": "nobody is invited before May", "by": "Jo Doe", "until": TODAY}


def test_a_waiver_has_an_end(project: Path) -> None:
    plan = Plan.model_validate({"waivers": {"people-use-it": WAIVED}})
    assert in_state(report(project, plan), State.WAIVED) == {"people-use-it"}
    later = report(project, plan, today=TODAY + timedelta(days=1))
    assert "people-use-it" in in_state(later, State.OPEN)
    assert "the waiver of Jo Doe ended" in said(later, "people-use-it")


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"waivers": {"magic": WAIVED}}, "is waived and no check"),
        ({"waivers": {"people-use-it": {"by": "Jo Doe", "until": TODAY}}}, "reason"),
        ({"waivers": {"people-use-it": {"reason": "nobody is invited", "until": TODAY}}}, "by"),
        ({"waivers": {"people-use-it": {"reason": "nobody is invited", "by": "Jo Doe"}}}, "until"),
    ],
)
def test_a_waiver_without_name_reason_or_end_is_none(
    project: Path, plan: dict[str, object], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(project / "readiness.yaml", yaml.safe_dump(plan))
    assert main(["--project", str(project)]) == 2
    assert told in capsys.readouterr().err


def test_a_waiver_lasts_ninety_days_at_most(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for days, status in ((LONGEST_WAIVER, 0), (LONGEST_WAIVER + timedelta(days=1), 2)):
        waived = {**WAIVED, "until": Project(project).today + days}
        edit(project / "readiness.yaml", yaml.safe_dump({"waivers": {"people-use-it": waived}}))
        assert main(["--project", str(project)]) == status
    assert "is the latest" in capsys.readouterr().err


def test_a_project_that_waived_everything_passed_nothing(project: Path) -> None:
    found = report(project, Plan.model_validate({"waivers": dict.fromkeys(read_checks(), WAIVED)}))
    shown, passed = as_json(found, 4), len(in_state(found, State.PASSED))
    assert (shown["passed"], shown["open"]) == (False, 0)
    assert shown["score"] == {"passed": passed, "waived": len(found.results) - passed, "due": len(found.results)}
    assert found.score(4).share != "100%"


def test_table_and_page_show_what_is_waived_apart(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    waived = {**WAIVED, "until": str(Project(project).today)}
    edit(project / "readiness.yaml", json.dumps({"waivers": {"people-use-it": waived, "people-rate-it": waived}}))
    main(["--project", str(project), "--all"])
    printed = capsys.readouterr().out
    assert "adoption: 0 of 6 passed, 2 waived, 0%\n" in printed
    assert re.search(r"^By week 4: \d+ of 35 passed, 2 waived, \d+ open\.$", printed, re.MULTILINE)
    page = (project / ".local" / "readiness" / "report.html").read_text(encoding="utf-8")
    assert "0 of 6 passed, 2 waived" in page
