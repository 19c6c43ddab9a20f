"""What a running service says: at its address, and by its own commands, or by the settings of this process.

Without what its commands printed (--told), settings and database are those that this process has: a laptop's, perhaps.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from click import ClickException
from sqlalchemy import Column, Engine, select

from {{ cookiecutter.package_name }}.audit import verify
from {{ cookiecutter.package_name }}.commands.http import fetch
from {{ cookiecutter.package_name }}.database import open_engine
from {{ cookiecutter.package_name }}.feedback.ratings import ratings_table
from {{ cookiecutter.package_name }}.governance.tables import entries_table
from {{ cookiecutter.package_name }}.store import open_checkpoints

from assurance.readiness.project import PLAN, Finding, Look, Project, T

FEWEST_USERS, FEWEST_RATINGS = 3, 3
_SECRETS = ("SECRET_KEY", "AUDIT_SIGNING_KEY")
# What the service's own commands print, by the file's name in the folder of --told.
PRINTED = {
    "doctor": "doctor --json",
    "verify": "audit verify --json",
    "usage": "usage --by user --json",
    "feedback": "feedback list --json",
}


def _judged(project: Project, name: str) -> str:
    """Where the finding comes from: a file of --told, or this process's own settings."""
    if project.told is None:
        return f"by this process's settings{f', not by those of {project.url}' if project.url else ''}"
    written = datetime.fromtimestamp((project.told / f"{name}.json").stat().st_mtime, UTC)
    return f"by {name}.json of {written:%Y-%m-%d}"


def _say(project: Project, name: str, passed: bool, said: str) -> Finding:
    return Finding(passed, f"{said} ({_judged(project, name)})")


def _printed(project: Project, told: Path, name: str, read: Callable[[Any], T]) -> T:
    return project.printed(told, name, PRINTED[name], read)


def _faults(project: Project, *, secrets: bool) -> Finding:
    if project.told:
        faults = _printed(project, project.told, "doctor", lambda shown: list(map(str, shown["production"])))
    else:
        faults = project.settings.faults()
    found = [one for one in faults if one.startswith(_SECRETS) is secrets]
    return _say(project, "doctor", not found, "; ".join(found) or "nothing that production refuses")


def _leaves(project: Project) -> Finding:
    if project.told:
        ways = _printed(project, project.told, "doctor", lambda shown: list(map(str, shown["telemetry"])))
    else:
        ways = project.settings.telemetry()
    said = f"by {', '.join(ways)}" if ways else "neither METRICS_PORT nor OTEL_EXPORTER_OTLP_ENDPOINT is set"
    return _say(project, "doctor", bool(ways), said)


def _ready(project: Project) -> Finding:
    if project.url is None:
        return Finding(False, "no service was named: --url, or READY_URL")
    try:
        shown = fetch(f"{project.url}/readyz", seconds=10)
    except ClickException:
        return Finding(False, f"{project.url}/readyz does not answer, or not with JSON")
    if shown.get("status") != "ready":
        return Finding(False, f"{project.url} is not ready: {str(shown.get('waiting_for', shown))[:300]}")
    wrong = [name for name in ("failing", "stopped") if shown.get(name)]
    wrong += ["checkpoints"] if shown.get("checkpoints") != "written" else []
    return Finding(not wrong, f"it is ready, but look at {', '.join(wrong)}" if wrong else "it is ready")


def _engine(project: Project) -> Engine:
    """Raises FileNotFoundError: to ask a file that is not there would make an empty one."""
    file = project.settings.sqlite_file()
    if file and not file.exists():
        raise FileNotFoundError(2, "no such database", f"{file}, which DATABASE_URL of this process names,")
    return open_engine(project.settings.database_url)


def _verified(project: Project) -> Finding:
    if project.told:
        records, faults = _printed(project, project.told, "verify", lambda one: (int(one["records"]), one["faults"]))
    else:
        verdict = verify(_engine(project), open_checkpoints(project.settings))
        records, faults = verdict.records, verdict.faults
    if faults:
        return _say(project, "verify", False, str(faults[0]))
    return _say(project, "verify", bool(records), f"{records} records, no fault" if records else "it is empty")


def _used(project: Project) -> Finding:
    """The evaluation and other clients without a person ask, too; the ledger has them by their subject alone."""
    programs = project.yaml(PLAN).get("programs") or []
    if project.told:
        found = _printed(project, project.told, "usage", lambda rows: {one["user"] for one in rows})
    else:
        found = _values(project, entries_table.c.subject)
    people = len(found - set(programs))
    without = f", without {', '.join(programs)}" if programs else ""
    asked = f"1 person has asked{without}" if people == 1 else f"{people} people have asked{without}"
    return _say(project, "usage", people >= FEWEST_USERS, f"{asked}; {FEWEST_USERS} are wanted")


def _rated(project: Project) -> Finding:
    if project.told:
        found = _printed(project, project.told, "feedback", lambda rows: {one["call_id"] for one in rows})
    else:
        found = _values(project, ratings_table.c.call_id)
    rated = "1 answer was" if len(found) == 1 else f"{len(found)} answers were"
    said = f"{rated} rated; {FEWEST_RATINGS} are wanted"
    return _say(project, "feedback", len(found) >= FEWEST_RATINGS, said)


def _values(project: Project, column: Column[Any]) -> set[str]:
    with _engine(project).connect() as connection:
        return set(connection.execute(select(column).distinct()).scalars())


LOOKS: dict[str, Look] = {
    "no-default-secret": partial(_faults, secrets=True),
    "production-settings": partial(_faults, secrets=False),
    "service-ready": _ready,
    "telemetry-leaves": _leaves,
    "trail-verifies": _verified,
    "people-use-it": _used,
    "people-rate-it": _rated,
}
