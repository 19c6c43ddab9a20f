"""What the settings of this process, the database that they name, and a running service say."""

import json
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from sqlalchemy import Column, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from {{ cookiecutter.package_name }}.audit import verify
from {{ cookiecutter.package_name }}.database import open_engine
from {{ cookiecutter.package_name }}.feedback.ratings import ratings_table
from {{ cookiecutter.package_name }}.governance.tables import entries_table
from {{ cookiecutter.package_name }}.store import open_checkpoints

from assurance.readiness.project import Finding, Project

FEWEST_USERS, FEWEST_RATINGS = 3, 3
_SECRETS = ("SECRET_KEY", "AUDIT_SIGNING_KEY")


def _faults(project: Project, *, secrets: bool) -> Finding:
    faults = [one for one in project.settings.faults() if one.startswith(_SECRETS) is secrets]
    return Finding(not faults, "; ".join(faults) or "nothing that production refuses")


def _secret(project: Project) -> Finding:
    return _faults(project, secrets=True)


def _set(project: Project) -> Finding:
    return _faults(project, secrets=False)


def _told(project: Project) -> Finding:
    ways = {
        "METRICS_PORT": project.settings.metrics_port,
        "OTEL_EXPORTER_OTLP_ENDPOINT": project.settings.otel_exporter_otlp_endpoint,
    }
    found = [name for name, value in ways.items() if value]
    return Finding(bool(found), f"by {', '.join(found)}" if found else f"neither {' nor '.join(ways)} is set")


def _ready(project: Project) -> Finding:
    if project.url is None:
        return Finding(False, "no service was named: --url, or READY_URL")
    try:
        with urlopen(f"{project.url}/readyz", timeout=5) as answer:
            shown = json.load(answer)
    except HTTPError as refused:
        return Finding(
            False, f"{project.url}/readyz answers {refused.code}: {refused.read(300).decode(errors='replace')}"
        )
    except (URLError, OSError, ValueError) as error:
        return Finding(False, f"{project.url}/readyz does not answer ({type(error).__name__})")
    wrong = [name for name in ("failing", "stopped") if shown.get(name)]
    wrong += ["checkpoints"] if shown.get("checkpoints") == "failing" else []
    return Finding(not wrong, f"it is ready, but look at {', '.join(wrong)}" if wrong else "it is ready")


def _engine(project: Project) -> Engine:
    """Raises FileNotFoundError: to ask a file that is not there would make an empty one."""
    file = project.settings.sqlite_file()
    if file and not file.exists():
        raise FileNotFoundError(2, "no such database", str(file))
    return open_engine(project.settings.database_url)


def _verified(project: Project) -> Finding:
    try:
        verdict = verify(_engine(project), open_checkpoints(project.settings))
    except SQLAlchemyError as error:
        return Finding(False, f"the trail of DATABASE_URL cannot be read ({type(error).__name__})")
    if verdict.faults:
        return Finding(False, str(verdict.faults[0]))
    return Finding(bool(verdict.records), f"{verdict.records} records, no fault" if verdict.records else "it is empty")


def _used(project: Project) -> Finding:
    return _counted(project, entries_table.c.subject, FEWEST_USERS, "people have asked")


def _rated(project: Project) -> Finding:
    return _counted(project, ratings_table.c.call_id, FEWEST_RATINGS, "answers were rated")


def _counted(project: Project, column: Column[Any], fewest: int, what: str) -> Finding:
    try:
        with _engine(project).connect() as connection:
            found = connection.execute(select(func.count(func.distinct(column)))).scalar_one()
    except SQLAlchemyError as error:
        return Finding(False, f"the database of DATABASE_URL cannot be read ({type(error).__name__})")
    return Finding(found >= fewest, f"{found} {what}; {fewest} are wanted")


LOOKS = {
    "no-default-secret": _secret,
    "production-settings": _set,
    "service-ready": _ready,
    "telemetry-leaves": _told,
    "trail-verifies": _verified,
    "people-use-it": _used,
    "people-rate-it": _rated,
}
