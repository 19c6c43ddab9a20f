"""The go-live report: what is open and who can settle it, what counts as evidence, and what an environment demands."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from {{ cookiecutter.package_name }}.settings import read_settings

from assurance.questions import Question
from assurance.readiness.checks import read_checks
from assurance.readiness.page import html
from assurance.readiness.plan import Plan, read_plan
from assurance.readiness.project import Project
from assurance.readiness.report import State, as_json
from assurance.readiness.run import main
from local.loopback import listen, serving
from tests.assurance.ready import (
    TODAY,
    edit,
    in_state,
    production,
    prove_evaluate_and_drill,
    report,
    said,
    settle,
    used_by,
)

CHECKS = {name: check for name, (check, _) in read_checks().items()}
OURS = {name for name, check in CHECKS.items() if check.settled_by == "organisation"}
READY = {"status": "ready", "failing": [], "stopped": [], "checkpoints": "written"}


@pytest.fixture
async def live() -> AsyncIterator[str]:
    app = Starlette(routes=[Route("/readyz", lambda _: JSONResponse(READY))])
    async with serving(app, listen(0, "PORT")) as url:
        yield url


def test_once_proven_evaluated_and_drilled_only_the_organisation_is_asked(project: Path) -> None:
    before = in_state(report(project), State.OPEN)
    assert {"controls-proven", "evaluation-passed", "drills-passed"} <= before
    prove_evaluate_and_drill(project)
    assert before - in_state(report(project), State.OPEN) == {"controls-proven", "evaluation-passed", "drills-passed"}
    assert in_state(report(project), State.OPEN) <= OURS


async def test_what_its_organisation_settled_is_at_a_hundred_percent(
    project: Path, live: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in production(project, f"sqlite:///{project / 'service.db'}").items():
        monkeypatch.setenv(name, value)
    used_by(3, read_settings())
    settle(project)
    prove_evaluate_and_drill(project)
    found = await asyncio.to_thread(report, project, url=live)
    assert {one.name: one.said for one in found.results if one.state is not State.PASSED} == {}
    assert {found.score(4, question).share for question in Question} == {"100%"}
    assert as_json(found, 4)["passed"]
    assert "Nothing that is due is open." in html(found, 4, "service")


def test_evidence_about_another_state_counts_as_none(project: Path) -> None:
    prove_evaluate_and_drill(project)
    edit(project / "config" / "policy.yaml", (project / "config" / "policy.yaml").read_text() + "\n# edited\n")
    found = report(project)
    for name in ("controls-proven", "evaluation-passed", "drills-passed"):
        assert "is about another state: " in said(found, name)


def test_a_proof_does_not_outlive_the_tests_that_it_rests_on(project: Path) -> None:
    prove_evaluate_and_drill(project)
    edit(project / "tests" / "test_settings.py", "")
    assert in_state(report(project), State.OPEN) & {"controls-proven", "evaluation-passed"} == {"controls-proven"}


def test_evidence_that_failed_is_open(project: Path) -> None:
    prove_evaluate_and_drill(project, passed=False)
    assert said(report(project), "evaluation-passed") == "did not pass on 2026-11-27T09:00:00+00:00"


def test_an_alert_without_a_drill_is_named(project: Path) -> None:
    prove_evaluate_and_drill(project)
    path = project / ".local" / "drills" / "latest.json"
    content = json.loads(path.read_text())
    edit(path, json.dumps({**content, "drills": [one for one in content["drills"] if one["alert"] != "CostSpike"]}))
    assert said(report(project), "drills-passed") == "no drill for CostSpike"


def test_an_alert_without_a_runbook_is_named(project: Path) -> None:
    prove_evaluate_and_drill(project)
    (project / "docs" / "runbooks" / "cost-spike.md").unlink()
    assert said(report(project), "drills-passed") == "no runbook for CostSpike"


def test_without_alerts_nothing_is_drilled(project: Path) -> None:
    (project / "ops" / "alerts.yaml").unlink()
    prove_evaluate_and_drill(project)
    assert said(report(project), "drills-passed") == "no file of ops/ has an alert"


def test_a_signature_ends_with_its_matrix(project: Path) -> None:
    settle(project)
    assert said(report(project), "policy-matrix-signed") == "signed by Jo Doe"
    page = project / "docs" / "governance" / "policy-matrix.md"
    edit(page, page.read_text(encoding="utf-8").replace("restricted ", "restricted, too "))
    assert "was signed for another matrix" in said(report(project), "policy-matrix-signed")


@pytest.mark.parametrize(("days", "week"), [(-9, 1), (0, 1), (6, 1), (7, 2), (27, 4), (99, 4)])
def test_the_week_follows_from_the_plan_s_first_monday(days: int, week: int) -> None:
    assert Plan(begun=TODAY).week(TODAY + timedelta(days=days)) == week


def test_what_is_due_this_week_is_shown_and_the_rest_on_demand(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--project", str(project)]) == 0
    first = capsys.readouterr().out
    assert "decision-issuer" in first
    assert "people-use-it" not in first
    assert main(["--project", str(project), "--all"]) == 0
    assert "people-use-it" in capsys.readouterr().out


def test_the_status_is_what_the_environment_demands(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_plan(Project(project)).demands == {"staging": 2, "production": 4}
    monkeypatch.setenv("ENVIRONMENT", "production")
    assert main(["--project", str(project)]) == 1
    monkeypatch.setenv("ENVIRONMENT", "local")
    assert main(["--project", str(project)]) == 0


def test_json_and_page_say_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--project", str(project), "--week", "2", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    folder = project / ".local" / "readiness"
    assert printed == json.loads((folder / "latest.json").read_text(encoding="utf-8"))
    assert (printed["week"], printed["passed"], set(printed["scores"])) == (2, False, set(Question))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.count("<meter") == sum(score["due"] > 0 for score in printed["scores"].values())
    assert all(f"<span>{one['name']}<" in page for one in printed["checks"])
    assert "<script" not in page


def test_each_open_row_is_whole_and_says_what_to_do_next(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--project", str(project), "--week", "4"]) == 0
    printed = capsys.readouterr().out
    found = json.loads((project / ".local" / "readiness" / "latest.json").read_text(encoding="utf-8"))
    lines, words = printed.partition("\n\n")[0].splitlines(), " ".join(printed.split())
    assert all(len(line) <= 118 for line in lines)
    assert sum(line.startswith("          next: ") for line in lines) == found["open"] > 0
    for one in found["checks"]:
        assert " ".join(one["said"].splitlines()[0].split()) in words


def test_the_page_says_what_is_asked_and_leads_to_each_paper(project: Path) -> None:
    page = html(report(project), 4, "service")
    assert "Who gets it when, and how does it go back?" in said(report(project), "decision-rollout")
    links = re.findall(r'href="([^"]+)"', page)
    assert "../../docs/adr/0008-rollout.md" in links
    assert [link for link in links if not (project / ".local" / "readiness" / link).resolve().exists()] == []


def test_what_is_open_shows_its_next_step_and_the_rest_when_asked(project: Path) -> None:
    found = report(project)
    assert html(found, 4, "service").count("<p>Next: ") == len(found.next_steps(4)) > 5
    assert html(found, 4, "service").count('open="open"') == len(found.next_steps(4))


def test_what_was_found_is_text_on_the_page(project: Path) -> None:
    edit(project / "docs/adoption/user-guide.md", "- **Open**: <script>alert(1)</script>? (owner: somebody, week 4)\n")
    page = html(report(project), 4, "<b>")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_faults_of_the_configuration_are_findings(project: Path) -> None:
    edit(project / "config" / "policy.yaml", "data_classes: {}\n")
    assert "the configuration has faults" in said(report(project), "classes-covered")


def test_a_service_that_does_not_answer_is_told(project: Path) -> None:
    assert "does not answer" in said(report(project, url="http://127.0.0.1:9"), "service-ready")


async def test_a_service_that_is_not_ready_is_told_with_what_it_waits_for(project: Path) -> None:
    waiting = {"status": "waiting", "waiting_for": {"audit": "migrations are not applied"}}
    app = Starlette(routes=[Route("/readyz", lambda _: JSONResponse(waiting, 503))])
    async with serving(app, listen(0, "PORT")) as url:
        found = await asyncio.to_thread(report, project, url=url)
    assert "migrations are not applied" in said(found, "service-ready")


async def test_a_service_on_this_machine_is_asked_beside_the_company_s_proxy(
    project: Path, live: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert said(await asyncio.to_thread(report, project, url=live), "service-ready") == "it is ready"


def test_a_check_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--explain", "own-idea"]) == 0
    assert "adoption, week 2, settled by the organisation" in capsys.readouterr().out
    assert main(["--explain", "magic"]) == 2


def test_every_question_has_checks_and_there_are_not_too_many() -> None:
    assert {check.question for check in CHECKS.values()} == set(Question)
    assert 25 <= len(CHECKS) <= 35
    assert all(len(check.help) > 80 for check in CHECKS.values())
