"""What a service said of itself counts for the service, wherever the report is made."""

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from {{ cookiecutter.package_name }}.cli import main as command
from {{ cookiecutter.package_name }}.settings import read_settings

from assurance.readiness.looks.service import PRINTED
from assurance.readiness.plan import Plan
from assurance.readiness.project import Project
from assurance.readiness.report import Report, State
from assurance.readiness.run import report_on
from tests.assurance.ready import TODAY, edit, in_state, production, said, used_by
from tests.docs.pages import DOCS, text

SETTINGS = {"no-default-secret", "production-settings", "telemetry-leaves"}
TOLD = {*SETTINGS, "trail-verifies", "people-use-it", "people-rate-it"}


def report(project: Path) -> Report:
    return report_on(Project(project, today=TODAY, told=project / "told"), Plan())


def tell(project: Path, environment: Mapping[str, str]) -> None:
    """As an operator does, in the service's own environment."""
    (project / "told").mkdir(exist_ok=True)
    for name, line in PRINTED.items():
        ran = CliRunner().invoke(command, shlex.split(line), env={**environment, "CONFIG_DIR": str(project / "config")})
        edit(project / "told" / f"{name}.json", ran.stdout)


@pytest.fixture
def environment(project: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """Of a service that three people have used; the report's own says nothing."""
    settings = {**production(project, f"sqlite:///{project / 'service.db'}"), "OIDC_CLIENT_ID": "web"}
    with monkeypatch.context() as there:
        for name, value in settings.items():
            there.setenv(name, value)
        used_by(3, read_settings())
    return settings


def test_a_laptop_judges_the_service_by_what_that_printed(project: Path, environment: Mapping[str, str]) -> None:
    tell(project, environment)
    edit(project / "told" / "doctor.json", json.dumps({"production": [], "telemetry": ["METRICS_PORT"]}))
    found = report(project)
    assert {name: said(found, name) for name in TOLD - in_state(found, State.PASSED)} == {}
    assert re.fullmatch(
        r"3 people have asked, without eval; .* \(by usage.json of \d{4}-\d\d-\d\d\)", said(found, "people-use-it")
    )


def test_doctor_tells_what_production_would_refuse_and_no_secret(project: Path, environment: Mapping[str, str]) -> None:
    tell(project, {**environment, "PUBLIC_URL": "http://ask.example.com"})
    printed = (project / "told" / "doctor.json").read_text(encoding="utf-8")
    assert "PUBLIC_URL: " in said(report(project), "production-settings")
    assert "no-default-secret" in in_state(report(project), State.PASSED)
    assert environment["SECRET_KEY"] not in printed
    tell(project, {**environment, "SECRET_KEY": "short"})
    assert "SECRET_KEY" in said(report(project), "no-default-secret")


def test_a_trail_with_a_fault_and_an_unused_service_are_told(project: Path, environment: Mapping[str, str]) -> None:
    tell(project, environment)
    fault = {"writer": "a", "seq": 3, "reason": "was changed"}
    edit(project / "told" / "verify.json", json.dumps({"records": 7, "faults": [fault]}))
    edit(project / "told" / "usage.json", "[]")
    found = report(project)
    assert {"trail-verifies", "people-use-it"} <= in_state(found, State.OPEN)
    assert "was changed" in said(found, "trail-verifies")


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "7"])
def test_what_was_not_told_is_open_and_says_which_command_tells_it(project: Path, content: str | None) -> None:
    (project / "told").mkdir()
    if content is not None:
        edit(project / "told" / "doctor.json", content)
    found = report(project)
    assert in_state(found, State.OPEN) >= SETTINGS
    assert "doctor.json, as 'doctor --json' prints it, is missing" in said(found, "no-default-secret")


def test_without_it_the_report_says_that_it_judged_itself(project: Path) -> None:
    found = report_on(Project(project, "http://127.0.0.1:9", TODAY), Plan())
    assert "by this process's settings, not by those of http://127.0.0.1:9" in said(found, "no-default-secret")


def test_the_page_has_the_commands_that_the_report_reads() -> None:
    printed = re.findall(
        r"^\$INSIDE python -m \S+ (.+) > \.local/told/(\w+)\.json$", text(DOCS / "adoption" / "go-live.md"), re.M
    )
    assert {name: line for line, name in printed} == PRINTED
