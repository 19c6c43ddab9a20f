"""The results of the checks as a table and as JSON: six scores, and what to do next."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from {{ cookiecutter.package_name }}.configfile import ConfigurationError

from assurance.questions import Question
from assurance.readiness.checks import Check
from assurance.readiness.plan import Plan
from assurance.readiness.project import Finding, Look, Project

_wrap = partial(textwrap.wrap, width=118, break_long_words=False, break_on_hyphens=False)


class State(StrEnum):
    PASSED = "passed"
    WAIVED = "waived"
    OPEN = "OPEN"


@dataclass(frozen=True)
class Result:
    name: str
    check: Check
    state: State
    said: str


@dataclass(frozen=True)
class Score:
    """Of the checks that are due. What is waived did not pass: somebody answers for going on without it."""

    passed: int
    waived: int
    due: int

    def __str__(self) -> str:
        waived = f", {self.waived} waived" if self.waived else ""
        return f"{self.passed} of {self.due} passed{waived}" if self.due else "nothing due yet"

    @property
    def share(self) -> str:
        return f"{self.passed / self.due:.0%}" if self.due else "–"


@dataclass(frozen=True)
class Report:
    """`results` are of every check; those of later weeks are known, and not due."""

    at: str
    code: str
    week: int
    results: Sequence[Result]

    def due(self, week: int) -> list[Result]:
        return [one for one in self.results if one.check.week <= week]

    def score(self, week: int, question: Question | None = None) -> Score:
        """None is all questions together."""
        due = [one.state for one in self.due(week) if question in (None, one.check.question)]
        return Score(due.count(State.PASSED), due.count(State.WAIVED), len(due))

    def next_steps(self, week: int) -> list[Result]:
        """What is open, earliest first."""
        return sorted((one for one in self.due(week) if one.state is State.OPEN), key=lambda one: one.check.week)


def judge(project: Project, plan: Plan, checks: Mapping[str, tuple[Check, Look]]) -> Iterator[Result]:
    for name, (check, look) in checks.items():
        finding, waiver = _finding(look, project), plan.waivers.get(name)
        if finding.passed:
            yield Result(name, check, State.PASSED, finding.said)
        elif waiver is None:
            yield Result(name, check, State.OPEN, finding.said)
        elif waiver.until < project.today:
            ended = f"the waiver of {waiver.by} ended on {waiver.until}"
            yield Result(name, check, State.OPEN, f"{finding.said} ({ended})")
        else:
            said = f"{waiver.reason} ({waiver.by}, until {waiver.until}); {finding.said}"
            yield Result(name, check, State.WAIVED, said)


def _finding(look: Look, project: Project) -> Finding:
    try:
        return look(project)
    except ConfigurationError as error:
        return Finding(False, f"the configuration has faults: {error.faults[0]}")
    except FileNotFoundError as error:
        return Finding(False, f"{error.filename} is missing")
    except SQLAlchemyError as error:
        return Finding(False, f"the database of DATABASE_URL cannot be read ({type(error).__name__})")


def table(report: Report, week: int) -> str:
    return "\n".join(line for question in Question for line in _lines(report, question, week))


def _lines(report: Report, question: Question, week: int) -> Iterator[str]:
    score = report.score(week, question)
    yield f"{question}: {score}" + (f", {score.share}" if score.due else "")
    for one in report.due(week):
        if one.check.question is question:
            found = f"  {one.state:6}  week {one.check.week}  {one.name:22}  {one.said.splitlines()[0]}"
            yield from _wrap(found, subsequent_indent=" " * 42)
            if one.state is State.OPEN:
                yield from _wrap(f"next: {one.check.help}", initial_indent=" " * 10, subsequent_indent=" " * 16)


def conclusion(report: Report, week: int) -> Iterator[str]:
    score, steps = report.score(week), report.next_steps(week)
    yield f"By week {week}: {score}, {len(steps)} open."
    ours = sum(one.check.settled_by == "organisation" for one in steps)
    if steps:
        yield f"{ours} of the open ones can be settled by your organisation only, {len(steps) - ours} by a command."
        yield f"Begin with {steps[0].name}."


def as_json(report: Report, week: int) -> dict[str, Any]:
    due = {one.name for one in report.due(week)}
    scores = {str(question): asdict(report.score(week, question)) for question in Question}
    total = report.score(week)
    return {
        "about": {"at": report.at, "code": report.code},
        "week": week,
        "passed": total.passed == total.due,
        "open": len(report.next_steps(week)),
        "score": asdict(total),
        "scores": scores,
        "checks": [
            {
                "name": one.name,
                "question": one.check.question,
                "week": one.check.week,
                "due": one.name in due,
                "state": one.state,
                "said": one.said,
                "evidence": one.check.evidence,
                "settled_by": one.check.settled_by,
                "help": one.check.help,
            }
            for one in report.results
        ],
    }
