"""What only people can settle is settled by a line with a name and a date, and by no line that is gone."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.settings import read_settings

from assurance.readiness.looks.papers import PAPERS
from assurance.readiness.looks.practice import LASTS
from assurance.readiness.project import OPEN, Project
from assurance.readiness.report import State
from tests.assurance.ready import TODAY, edit, in_state, practised, production, report, said, used_by
from tests.docs.pages import PROJECT


@pytest.mark.parametrize("name", PAPERS)
def test_a_paper_asks_as_many_questions_as_the_report_wants_answers(name: str) -> None:
    page, questions = PAPERS[name]
    here = Project(PROJECT)
    assert len(here.open_questions(page)) + here.answers(page) >= questions


def test_a_question_that_was_deleted_is_not_answered(project: Path) -> None:
    for page, _ in PAPERS.values():
        edit(project / page, OPEN.sub("", (project / page).read_text(encoding="utf-8")))
    assert set(PAPERS) <= in_state(report(project), State.OPEN)
    assert said(report(project), "user-guide").startswith("0 answers in docs/adoption/user-guide.md, which asked 3")


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("- **Answered**: the desk, room 4 (Jo Doe, 2026-11-27)", True),
        ("- **Answered**: the desk\n  in room 4\n  (Jo Doe, 2026-11-27)", True),
        ("- **Answered**: the desk, room 4", False),
        ("- **Answered**: the desk (Jo Doe, 2026-02-30)", False),
        ("- **Answered**: the desk (Jo Doe, 2026-11-28)", False),
        ("- **Answered**: (Jo Doe, 2026-11-27)", False),
        ("`- **Answered**: the desk (Jo Doe, 2026-11-27)`", False),
    ],
)
def test_an_answer_has_a_text_a_name_and_a_day_that_was(project: Path, line: str, counts: bool) -> None:
    edit(project / "docs/adoption/user-guide.md", f"# User guide\n\n{line}\n")
    assert Project(project, today=TODAY).answers("docs/adoption/user-guide.md") == counts


def test_a_decision_is_not_made_by_its_status(project: Path) -> None:
    record = project / "docs/adr/0004-success-and-stop.md"
    edit(record, record.read_text(encoding="utf-8").replace("- Status: open", "- Status: accepted"))
    assert said(report(project), "decision-success").endswith("is accepted, but nothing stands under 'Decision'")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("alert-reached-somebody", "Reached: Jo Doe, 2026-11-27, by ServiceSilent"),
        ("restore-practised", "Restored: Jo Doe, 2026-11-27, in 40 minutes"),
    ],
)
def test_what_was_practised_counts_for_half_a_year(project: Path, name: str, line: str) -> None:
    practised(project, line.replace("2026", "2099"))
    assert name in in_state(report(project), State.OPEN), "tomorrow was nothing practised"
    practised(project, line)
    assert name in in_state(report(project), State.PASSED)
    assert said(report(project), name).startswith("Jo Doe on 2026-11-27, ")
    assert said(report(project, today=TODAY + LASTS + timedelta(days=1)), name).endswith("days ago")


def test_a_person_is_reached_by_an_alert_that_exists(project: Path) -> None:
    practised(project, "Reached: Jo Doe, 2026-11-27, by telephone")
    assert "alert-reached-somebody" in in_state(report(project), State.OPEN)


def test_the_evaluation_is_nobody_who_uses_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in production(project, f"sqlite:///{project / 'service.db'}").items():
        monkeypatch.setenv(name, value)
    used_by(2, read_settings())
    assert said(report(project), "people-use-it") == (
        "2 people have asked, without eval; 3 are wanted (by this process's settings)"
    )
    plan = project / "readiness.yaml"
    edit(plan, re.sub("programs: .*", "programs: []", plan.read_text(encoding="utf-8")))
    assert said(report(project), "people-use-it").startswith("3 ")


def test_one_person_is_counted_as_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in production(project, f"sqlite:///{project / 'service.db'}").items():
        monkeypatch.setenv(name, value)
    used_by(1, read_settings())
    assert said(report(project), "people-use-it").startswith("1 person has asked, without eval; 3 are wanted")
    assert said(report(project), "people-rate-it").startswith("1 answer was rated; 3 are wanted")
