"""Prometheus, as drills and the tests of dashboards start it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry, Gauge, make_asgi_app
from starlette.types import ASGIApp

from assurance.drills.prometheus import ProgramMissingError, Prometheus, QueryRefusedError, prometheus
from local.loopback import NotStartedError, listen, serving
from tests.programs import program

RULE = {"alert": "TooHot", "expr": "heat > 10", "labels": {"severity": "page"}}


@pytest.fixture
def stove() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def heat(stove: CollectorRegistry) -> Gauge:
    return Gauge("heat", "of a stove", registry=stove)


@pytest.fixture
async def asked(stove: CollectorRegistry, tmp_path: Path) -> AsyncIterator[Prometheus]:
    program("prometheus", package="prometheus")
    rules = tmp_path / "rules.yaml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "kitchen", "rules": [RULE]}]}), encoding="utf-8")
    app: ASGIApp = make_asgi_app(registry=stove)
    async with serving(app, listen(0, "PORT")) as url, prometheus(tmp_path, {"stove": url[7:]}, [rules], 0.2) as one:
        yield one


async def fires(asked: Prometheus, wanted: bool) -> None:
    for _ in range(300):
        if bool(await asked.firing()) is wanted:
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"after half a minute this fires: {await asked.firing()}")


async def test_an_alert_fires_while_what_is_scraped_says_so(heat: Gauge, asked: Prometheus) -> None:
    heat.set(11)
    await fires(asked, True)
    assert (await asked.firing())["TooHot"][0]["job"] == "stove"
    assert [sample.value for sample in await asked.query("heat")] == [11]
    heat.set(9)
    await fires(asked, False)


async def test_an_expression_that_is_none_is_refused_in_its_own_words(asked: Prometheus) -> None:
    with pytest.raises(QueryRefusedError, match="parse error"):
        await asked.query("rate(")


async def test_rules_that_are_none_are_told_at_its_start(tmp_path: Path) -> None:
    program("prometheus", package="prometheus")
    (tmp_path / "rules.yaml").write_text("groups: 1", encoding="utf-8")
    with pytest.raises(NotStartedError, match="cannot unmarshal"):
        async with prometheus(tmp_path, {}, [tmp_path / "rules.yaml"]):
            pass


async def test_where_it_is_not_installed_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProgramMissingError, match="package prometheus"):
        async with prometheus(tmp_path, {}):
            pass
