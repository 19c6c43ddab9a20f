"""readiness.yaml: where the plan stands, what an environment demands, and what was waived."""

from datetime import date, timedelta

from pydantic import Field

from {{ cookiecutter.package_name }}.configfile import Faults, Section, parse

from assurance.readiness.looks import LOOKS
from assurance.readiness.project import PLAN, Project

WEEKS = 4
LONGEST_WAIVER = timedelta(days=90)


class Waiver(Section):
    reason: str = Field(min_length=10)
    by: str = Field(min_length=3)
    until: date


class Plan(Section):
    begun: date | None = None
    demands: dict[str, int] = {}
    waivers: dict[str, Waiver] = {}
    programs: list[str] = []

    def week(self, today: date) -> int:
        """From 1 to 4; the last one goes on."""
        return 1 if self.begun is None else min(WEEKS, max(1, (today - self.begun).days // 7 + 1))


def read_plan(project: Project) -> Plan:
    """Raises ConfigurationError."""
    faults = Faults()
    file = parse(PLAN, project.text(PLAN), Plan, faults)
    for name in sorted(file.content.waivers.keys() - LOOKS.keys()) if file else ():
        faults.add(PLAN, f"'{name}' is waived and no check; there are {', '.join(sorted(LOOKS))}")
    latest = project.today + LONGEST_WAIVER
    for name, waiver in file.content.waivers.items() if file else ():
        if waiver.until > latest:
            faults.add(PLAN, f"'{name}' is waived until {waiver.until}; {latest} is the latest, then look at it again")
    faults.raise_if_any()
    assert file is not None
    return file.content
