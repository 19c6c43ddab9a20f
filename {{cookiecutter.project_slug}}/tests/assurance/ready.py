"""A project of which everything can be settled: a copy of this one, on the tests' configuration."""

import json
import re
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from sqlalchemy import insert

from {{ cookiecutter.package_name }} import __name__ as package
from {{ cookiecutter.package_name }}.audit import Kind, Recorder
from {{ cookiecutter.package_name }}.database import migrate, open_engine
from {{ cookiecutter.package_name }}.feedback.ratings import ratings_table
from {{ cookiecutter.package_name }}.governance.tables import entries_table
from {{ cookiecutter.package_name }}.settings import Settings
from {{ cookiecutter.package_name }}.store import open_checkpoints

from assurance.drills.pace import decide, read_rules
from assurance.papers import model_register
from assurance.readiness.looks.evidence import alerts
from assurance.readiness.looks.papers import MATRIX, block, signature
from assurance.readiness.plan import Plan
from assurance.readiness.project import OPEN, PLAN, Project
from assurance.readiness.report import Report, State
from assurance.readiness.run import report_on
from assurance.stamp import stamp
from tests.docs.pages import PROJECT

TODAY = date(2026, 11, 27)
FRESH_PLAN = "demands: {staging: 2, production: 4}\nprograms: [eval]\n"
_COPIED = ("src", "assurance", "docs", "ops", "tests", "controls.yaml", "pyproject.toml", "requirements.lock")


def report(project: Path, plan: Plan | None = None, url: str | None = None, today: date = TODAY) -> Report:
    return report_on(Project(project, url, today), plan or Plan())


def in_state(found: Report, state: State) -> set[str]:
    return {one.name for one in found.results if one.state is state}


def said(found: Report, name: str) -> str:
    return next(one.said for one in found.results if one.name == name)


def copied(folder: Path) -> Path:
    """With the questions of a fresh project, whatever this one has settled since, and without evidence."""
    for name in _COPIED:
        source, target = PROJECT / name, folder / name
        shutil.copytree(source, target, ignore=_caches) if source.is_dir() else shutil.copy(source, target)
    shutil.copytree(PROJECT / "tests" / "config", folder / "config")
    edit(folder / "docs/governance/model-register.md", _current_register(folder))
    edit(folder / PLAN, FRESH_PLAN)
    return folder


def _caches(_: str, names: list[str]) -> list[str]:
    return [name for name in names if name.startswith((".", "__pycache__"))]


def edit(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")


def _current_register(folder: Path) -> str:
    page = (folder / "docs/governance/model-register.md").read_text(encoding="utf-8")
    return page.replace(block(page), "\n".join(model_register(Project(folder).configuration)) + "\n")


def prove_evaluate_and_drill(folder: Path, *, passed: bool = True) -> None:
    """As if the commands had been run on the project as it is now."""
    drills = [{"alert": name, "passed": passed} for name in alerts(Project(folder))]
    for name, also, more in (
        ("proof", ("tests", "controls.yaml"), {}),
        ("evals", (), {}),
        ("drills", decide(read_rules(folder / "ops")), {"drills": drills}),
    ):
        about = {"at": "2026-11-27T09:00:00+00:00", "code": stamp(*also, project=folder)}
        content = {"passed": passed, "about": about, **more}
        path = folder / ".local" / name / "latest.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        edit(path, json.dumps(content))


def settle(folder: Path) -> None:
    """What an organisation does in four weeks: decides, answers, signs, and puts its idea in."""
    for path in folder.glob("docs/adr/0*.md"):
        page = path.read_text(encoding="utf-8")
        edit(path, page.replace("- Status: open", "- Status: accepted").replace("## Question", "## Decision"))
    for path in folder.glob("docs/**/*.md"):
        edit(path, OPEN.sub("- **Answered**: yes (Jo Doe, 2026-11-27)", path.read_text(encoding="utf-8")))
    practised(folder, "Reached: Jo Doe, 2026-11-27, by ServiceSilent", "Restored: Jo Doe, 2026-11-27, in 40 minutes")
    matrix = folder / MATRIX
    page = matrix.read_text(encoding="utf-8")
    edit(matrix, f"{page}\nSigned: Jo Doe, 2026-11-27, matrix `{signature(page)}`\n")
    services = folder / "src" / package / "services.py"
    offered = re.sub(
        r"^    features: .+$",
        r'\g<0>\n    features["idea"] = None',
        services.read_text(encoding="utf-8"),
        count=1,
        flags=re.M,
    )
    edit(services, offered)
    edit(folder / "assurance/evals/cases/idea.yaml", "cases: []\n")


def practised(folder: Path, *lines: str) -> None:
    page = folder / "docs/governance/incidents.md"
    edit(page, "\n".join([page.read_text(encoding="utf-8"), *lines, ""]))


def production(folder: Path, database_url: str) -> Mapping[str, str]:
    """The environment of a service that goes live."""
    return {
        "OIDC_ISSUER": "https://login.example.com",
        "PUBLIC_URL": "https://ask.example.com",
        "SECRET_KEY": "0123456789abcdef0123456789abcdef",
        "AUDIT_SIGNING_KEY": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        "AUDIT_CHECKPOINTS": str(folder / "checkpoints"),
        "DATABASE_URL": database_url,
        "SINGLE_REPLICA": "true",
        "METRICS_PORT": "9100",
    }


def used_by(people: int, settings: Settings) -> None:
    """Their rows in the ledger, beside one of the evaluation, a rating of each, and a trail with its signed head."""
    engine = open_engine(settings.database_url)
    migrate(engine)
    recorder = Recorder(engine, open_checkpoints(settings))
    with recorder.transaction() as connection:
        recorder.record(connection, Kind.LOADED, {})
        calls = [{"call_id": f"{one:032x}", "tenant": "acme"} for one in range(people)]
        asked = {"day": "2026-11-27", "route": "assistant", "reserved_micro_usd": 1}
        entries = [{**call, **asked, "subject": call["call_id"]} for call in calls]
        evaluated = {"call_id": "e" * 32, "tenant": "acme", **asked, "subject": "eval"}
        connection.execute(insert(entries_table), [*entries, evaluated])
        rated = {"model": "assistant", "deployment": "local-large", "data_class": "internal", "score": 1.0}
        times = dict.fromkeys(("at", "expires"), "2026-11-27T09:00:00.000000Z")
        connection.execute(insert(ratings_table), [{**call, **rated, **times} for call in calls])
    engine.dispose()
