import asyncio
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import Checkpoints, Recorder, SigningKeys, Trail, Watch, verify
from {{ cookiecutter.package_name }}.database import Writer, running
from {{ cookiecutter.package_name }}.governance import Switches, What, start, stop, stops
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY
from {{ cookiecutter.package_name }}.store import Opening

from tests.audit.signed import altered, folder
from tests.service import Service
from tests.silence import METRICS

SECONDS = 2.0  # until a switch has to be effective everywhere


def recorder_of(service: Service) -> Recorder:
    return Recorder(service.engine, Checkpoints(service.checkpoints, SigningKeys(LOCAL_SIGNING_KEY)))


async def within_two_seconds(service: Service, code: str | None) -> httpx2.Response:
    """The first answer with this error code, or without one."""
    begun = time.monotonic()
    while True:
        answer = await service.ask()
        if answer.json().get("error", {}).get("code") == code:
            assert time.monotonic() - begun <= SECONDS
            return answer
        assert time.monotonic() - begun <= SECONDS, answer.text
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("what", "name", "shown"), [("route", "assistant", "route assistant"), ("tenant", "acme", "a tenant")]
)
async def test_a_stopped_route_or_tenant_is_told_why_until_it_is_started(
    service: Service, what: What, name: str, shown: str
) -> None:
    stop(recorder_of(service), what, name, "a test of the night")
    answer = await within_two_seconds(service, "stopped")
    assert answer.status_code == 503
    assert "a test of the night" in answer.json()["error"]["message"]
    assert answer.headers["Retry-After"]
    assert service.records("refused")[-1]["code"] == "stopped"
    ready = await service.http.get(f"{service.url}/readyz")
    assert (ready.status_code, ready.json()["stopped"]) == (200, [shown])
    assert start(recorder_of(service), what, name, "")
    await within_two_seconds(service, None)


async def test_a_stopped_route_makes_no_embeddings(service: Service) -> None:
    stop(recorder_of(service), "route", "embedding", "a test of the night")
    await asyncio.sleep(SECONDS)
    answer = await service.embed()
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "stopped")
    assert (await service.upstream.stats())["calls"] == 0


async def test_other_tenants_are_served_while_one_is_stopped(service: Service) -> None:
    stop(recorder_of(service), "tenant", "globex", "unpaid")
    await asyncio.sleep(SECONDS)
    assert (await service.ask()).status_code == 200


async def test_a_stopped_deployment_is_passed_over(service: Service) -> None:
    recorder = recorder_of(service)
    stop(recorder, "deployment", "first", "it leaks")
    await asyncio.sleep(SECONDS)
    answer = await service.ask()
    assert (answer.json()["receipt"]["deployment"], answer.json()["receipt"]["attempts"]) == ("second", 1)
    stop(recorder, "deployment", "second", "it leaks too")
    answer = await within_two_seconds(service, "stopped")
    assert "second: it leaks too" in answer.json()["error"]["message"]


async def test_a_switch_that_is_thrown_under_load_lets_nothing_through_after_two_seconds(service: Service) -> None:
    late: list[int] = []
    thrown = float("inf")

    async def client() -> None:
        while time.monotonic() < thrown + SECONDS + 1:
            begun = time.monotonic()
            answer = await service.ask(who="sam")
            if begun > thrown + SECONDS:
                late.append(answer.status_code)

    clients = [asyncio.create_task(client()) for _ in range(8)]
    await asyncio.sleep(0.5)
    await asyncio.to_thread(stop, recorder_of(service), "route", "assistant", "under load")
    thrown = time.monotonic()
    await asyncio.gather(*clients)
    assert late
    assert set(late) <= {503, 429}
    assert 503 in late


async def test_what_was_switched_is_recorded_with_who_and_why(engine: Engine, tmp_path: Path) -> None:
    recorder = Recorder(engine, folder(tmp_path))
    stop(recorder, "route", "assistant", "once")
    stop(recorder, "route", "assistant", "twice")
    assert stops(engine) == {("route", "assistant"): "twice"}
    assert start(recorder, "route", "assistant", "over")
    assert not start(recorder, "route", "assistant", "over")
    assert stops(engine) == {}
    verdict = verify(engine, folder(tmp_path))
    assert (verdict.records, verdict.unsigned, verdict.faults) == (4, 0, [])


async def test_a_look_that_fails_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    stop(Recorder(engine, folder(tmp_path)), "tenant", "acme", "why not")
    switches = Switches(engine)
    assert await switches.look()
    altered(engine, "ALTER TABLE switches RENAME TO away")
    assert not await switches.look()
    assert switches.stopped == {("tenant", "acme"): "why not"}


async def test_nobody_writes_before_it_is_known_who_is_stopped(engine: Engine, tmp_path: Path) -> None:
    async def first() -> None:
        assert not writer.failing

    stop(Recorder(engine, folder(tmp_path)), "tenant", "acme", "why not")
    trail, switches = Trail(), Switches(engine)
    async with running(Writer(engine, [trail], METRICS)) as writer:
        opening = Opening(engine, Watch(engine, trail, folder(tmp_path), writer), switches, writer)
        altered(engine, "ALTER TABLE switches RENAME TO away")
        assert not await opening.tried(first)
        assert writer.failing
        altered(engine, "ALTER TABLE away RENAME TO switches")
        assert await opening.tried(first)
        assert switches.stopped == {("tenant", "acme"): "why not"}
