"""The dashboards: what Grafana wants of them, what their readers need, and their queries at a real Prometheus."""

import asyncio
import itertools
import json
import math
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import make_asgi_app
from starlette.types import ASGIApp

from assurance.drills.prometheus import Prometheus, prometheus
from local.loopback import listen, serving
from tests.ops.boards import BOARDS, PROJECT, Query, panels, queries, variables
from tests.ops.measured import evaluated, use
from tests.ops.queries import unknown
from tests.programs import free_port, program
from tests.service import Surroundings, running_service

QUERIES = list(queries())
PANELS = [pytest.param(panel, id=f"{board}: {panel['title']}") for board, panel in panels()]
BUILT_IN = {"__all", "__range", "__rate_interval"}
# What Prometheus makes of the rules that it evaluates.
OF_RULES = {"ALERTS": {"alertname", "alertstate", "severity"}, "slo:burn_rate:1h": {"slo"}}

# Nothing of the kind happens in the test.
SILENT = {
    "service: What fires now?",
    "cost: How many calls does a budget or a limit refuse?",
}


def test_there_is_one_for_each_kind_of_reader() -> None:
    assert set(BOARDS) == {"cost", "governance", "quality", "service"}
    assert {name: board["uid"] for name, board in BOARDS.items()} == {name: f"groundwork-{name}" for name in BOARDS}
    page = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")
    assert all(f"](../ops/dashboards/{name}.json)" in page for name in BOARDS)


def test_alerts_that_are_named_exist() -> None:
    rules = (PROJECT / "ops" / "alerts.yaml").read_text(encoding="utf-8")
    named = {name for _, panel in panels() for name in re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", panel["description"])}
    assert named
    assert [name for name in named if f"alert: {name}\n" not in rules] == []


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_numbers_of_their_own_and_do_not_overlap(name: str) -> None:
    found = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in found}) == len(found)
    for panel in found:
        assert 0 <= panel["gridPos"]["x"] <= 24 - panel["gridPos"]["w"]
    for one, other in itertools.combinations([panel["gridPos"] for panel in found], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


@pytest.mark.parametrize("name", BOARDS)
def test_variables_are_those_that_are_used(name: str) -> None:
    board = BOARDS[name]
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - BUILT_IN
    assert used == {one["name"] for one in variables(board)}


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_asks_a_question_and_says_what_is_bad_and_what_to_read(panel: dict[str, Any]) -> None:
    assert panel["title"].endswith("?")
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    (link,) = panel["links"]
    page = link["url"].removeprefix("${runbooks}/")
    assert (PROJECT / "docs" / "runbooks" / page).is_file()


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_reads_from_the_chosen_prometheus(panel: dict[str, Any]) -> None:
    assert panel["type"] in {"timeseries", "stat", "state-timeline"}
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    for target in panel["targets"]:
        assert target.get("instant", False) is (panel["type"] == "stat"), "a number is of now, not the last of a time"
        assert 'job=~"$job"' in target["expr"]
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        grouped = {one for by in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for one in by.split(", ")}
        assert named == grouped - {"le"}


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_what_is_asked_for_is_a_metric_of_the_service(query: Query, found: dict[str, set[str]]) -> None:
    assert list(unknown(query.expression, found | OF_RULES)) == []


@pytest.fixture(scope="module")
async def asked(tmp_path_factory: pytest.TempPathFactory, served_once: Surroundings) -> AsyncIterator[Prometheus]:
    """It has seen a service and an evaluation before and after a few requests."""
    program("prometheus", package="prometheus")
    await served_once.reset()
    folder, port = tmp_path_factory.mktemp("scraped"), free_port()
    evaluation: ASGIApp = make_asgi_app(registry=evaluated())
    async with (
        running_service(folder, served_once, metrics_port=port) as service,
        serving(evaluation, listen(0, "PORT")) as url,
        prometheus(
            folder, {"service": f"127.0.0.1:{port}", "evaluation": url.removeprefix("http://")}, [objectives(folder)]
        ) as one,
    ):
        for times in (1, 2):
            await use(service)
            await scraped(one, f"sum(app_feedback_score_count) == {times}")
        await scraped(one, "app_evaluation_score")
        await scraped(one, 'slo:burn_rate:1h{slo="availability"} >= 0')
        yield one


def objectives(folder: Path) -> Path:
    """The recorded series at Prometheus's own pace here; by themselves they are computed once a minute."""
    rules = yaml.safe_load((PROJECT / "ops" / "objectives.yaml").read_text(encoding="utf-8"))
    hurried = {"groups": [{"name": group["name"], "rules": group["rules"]} for group in rules["groups"]]}
    (folder / "objectives.yaml").write_text(yaml.safe_dump(hurried), encoding="utf-8")
    return folder / "objectives.yaml"


async def scraped(prometheus: Prometheus, expression: str) -> None:
    for _ in range(600):
        if await prometheus.query(expression):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"after a minute Prometheus does not have {expression}")


@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_prometheus_answers_each_query(query: Query, asked: Prometheus) -> None:
    values = [sample.value for sample in await asked.query(query.expression)]
    assert any(not math.isnan(value) for value in values) is (str(query) not in SILENT)
