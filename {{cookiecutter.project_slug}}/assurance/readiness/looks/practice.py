"""What people did once, before it was needed: an alert that reached somebody, a backup that was put back."""

import re
from collections.abc import Callable
from datetime import date, timedelta

from assurance.readiness.looks.evidence import alerts
from assurance.readiness.project import Finding, Project, is_past

PAGE = "docs/governance/incidents.md"
LASTS = timedelta(days=183)


def _reached(project: Project) -> Finding:
    known = alerts(project)
    return _practised(project, "Reached", "by ALERT", lambda what: what.removeprefix("by ") in known)


def _restored(project: Project) -> Finding:
    return _practised(project, "Restored", "in … minutes", bool)


def _practised(project: Project, word: str, form: str, fits: Callable[[str], bool]) -> Finding:
    """Asks the page for lines of that word."""
    found = re.findall(rf"^{word}: ([^,\n]+), (\d\d\d\d-\d\d-\d\d), (.+)$", project.text(PAGE), re.MULTILINE)
    lines = [(day, name, what) for name, day, what in found if is_past(day, project.today) and fits(what)]
    if not lines:
        return Finding(False, f"{PAGE} has no line '{word}: NAME, {project.today}, {form}'")
    day, name, what = max(lines)
    recent = project.today - date.fromisoformat(day) <= LASTS
    said = f"{name} on {day}, {what}"
    return Finding(recent, said if recent else f"{said}; more than {LASTS.days} days ago")


LOOKS = {"alert-reached-somebody": _reached, "restore-practised": _restored}
