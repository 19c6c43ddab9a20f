"""The plan's exit criteria are checks of the go-live report, each in its week."""

import re

from assurance.readiness.checks import read_checks
from tests.docs.pages import DOCS, names, text

PLAN = DOCS / "adoption" / "four-week-plan.md"


def test_each_week_of_the_plan_ends_with_the_checks_that_are_due_in_it() -> None:
    weeks = re.split(r"^## Week (\d): .*$", text(PLAN), flags=re.MULTILINE)[1:]
    planned = {
        int(week): set(names(part.partition("Done when:")[2])) for week, part in zip(*[iter(weeks)] * 2, strict=True)
    }
    due: dict[int, set[str]] = {}
    for name, (check, _) in read_checks().items():
        due.setdefault(check.week, set()).add(name)
    assert planned == due


def test_every_role_has_its_page() -> None:
    headings = re.findall(r"^## (.+)$", text(DOCS / "adoption" / "onboarding.md"), re.MULTILINE)
    assert headings == ["Developer", "Operator", "Security reviewer", "Sponsor"]
