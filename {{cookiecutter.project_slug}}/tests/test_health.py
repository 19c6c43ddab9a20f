"""Whether the service can serve, as a metric."""

import asyncio
import time
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider

from {{ cookiecutter.package_name }} import health
from {{ cookiecutter.package_name }}.telemetry import Metrics

from tests.programs import free_port
from tests.service import Service, Surroundings, running_service
from tests.telemetry.scraped import by


async def checks(service: Service, port: int, identity: float) -> dict[str, float]:
    """Once that of the identity is what it should be."""
    end = time.monotonic() + 10
    while (found := await by(service, port, "app_ready", "app_check")).get("identity") != identity:
        assert time.monotonic() < end, found
        await asyncio.sleep(0.05)
    return found


async def test_whether_it_is_ready_is_known_although_nobody_asks(
    tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SECONDS", 0.1)
    port = free_port()
    around.issuer.is_down()
    async with running_service(tmp_path, around, metrics_port=port) as service:
        assert await checks(service, port, identity=0) == {"identity": 0, "audit": 1, "routes": 1}
        around.issuer.reset()
        assert await checks(service, port, identity=1) == {"identity": 1, "audit": 1, "routes": 1}


async def test_a_check_that_breaks_is_one_to_wait_for_and_stops_no_other() -> None:
    async def breaks() -> str | None:
        raise RuntimeError("a fault of its own")

    async def holds() -> str | None:
        return None

    metrics = Metrics(MeterProvider(shutdown_on_exit=False).get_meter("test"))
    readiness = health.Readiness({"broken": breaks, "sound": holds}, dict, metrics)
    assert await readiness.look() == {"broken": "this could not be found out; the log has the cause"}


async def test_a_look_serves_all_who_ask_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def counted() -> str | None:
        nonlocal looks
        looks += 1
        return None

    metrics = Metrics(MeterProvider(shutdown_on_exit=False).get_meter("test"))
    readiness = health.Readiness({"counted": counted}, dict, metrics)
    await readiness.waiting_for()
    await readiness.waiting_for()
    assert looks == 1
    monkeypatch.setattr(readiness, "_until", time.monotonic())
    await readiness.waiting_for()
    assert looks == 2
