"""The dashboards: what Grafana wants of them, what their readers need, and their queries at a real Prometheus."""

import itertools
import json
import re
from typing import Any

import pytest

from tests.ops.boards import BOARDS, PROJECT, Query, panels, queries, variables
from tests.ops.queries import unknown

QUERIES = list(queries())
PANELS = [pytest.param(panel, id=f"{board}: {panel['title']}") for board, panel in panels()]
BUILT_IN = {"__all", "__range", "__rate_interval"}
# Prometheus makes this one of the alerts it evaluates.
ALERTS = {"ALERTS": {"alertname", "alertstate", "severity"}}


def test_there_is_one_for_each_kind_of_reader() -> None:
    assert set(BOARDS) == {"cost", "governance", "quality", "service"}
    assert {board["uid"] for board in BOARDS.values()} == {f"groundwork-{name}" for name in BOARDS}


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
        assert 'job=~"$job"' in target["expr"]
        named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        grouped = {one for by in re.findall(r"\bby \(([^)]*)\)", target["expr"]) for one in by.split(", ")}
        assert named == grouped - {"le"}


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_what_is_asked_for_is_a_metric_of_the_service(query: Query, found: dict[str, set[str]]) -> None:
    assert list(unknown(query.expression, found | ALERTS)) == []
