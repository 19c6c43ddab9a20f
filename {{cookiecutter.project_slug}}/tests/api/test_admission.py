"""What is turned away before anything is parsed."""

import asyncio
import functools
import time
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }} import app
from {{ cookiecutter.package_name }}.api import InFlightCap

from tests.programs import free_port
from tests.service import Service, Surroundings, deployment, running_service
from tests.telemetry.scraped import by

REQUESTS = "http_server_request_duration_seconds_count"


async def until_open(service: Service, count: int) -> None:
    """So many calls are with the provider."""
    end = time.monotonic() + 20
    while (await service.upstream.stats())["open"] != count:
        assert time.monotonic() < end, f"{count} are not open"
        await asyncio.sleep(0.02)


async def in_flight(service: Service, port: int) -> float:
    return sum((await by(service, port, "app_requests_in_flight")).values())


async def test_beyond_the_cap_a_request_is_refused_at_once_and_counted_and_probes_are_answered(
    tmp_path: Path, around: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "InFlightCap", functools.partial(InFlightCap, most=2))
    models = {"deployments": {"only": deployment(around.upstream.url)}, "routes": {"assistant": {"try": ["only"]}}}
    port = free_port()
    async with running_service(tmp_path, around, changes={"models": models}, metrics_port=port) as service:
        await service.upstream.fails_with("timeout")
        asking = [asyncio.create_task(service.ask()) for _ in range(2)]
        await until_open(service, 2)
        counted = await in_flight(service, port)
        third = await service.ask(headers={"X-Request-Timeout-Ms": "1000"})
        refused = [third, await service.http.get(f"{service.url}/nowhere")]
        probed = [(await service.http.get(f"{service.url}/{probe}")).status_code for probe in ("livez", "readyz")]
        for one in asking:
            one.cancel()
        await until_open(service, 0)
        found = await by(service, port, REQUESTS, "http_route", "http_response_status_code", "error_type")
        reasons = await by(service, port, "app_refusals_total", "app_reason")
    assert [(one.status_code, one.json()["error"]["code"]) for one in refused] == [(503, "overloaded")] * 2
    assert third.headers["Retry-After"]
    assert probed == [200, 200]
    assert counted == 2
    assert reasons == {"overloaded": 2}
    assert (found["/v1/* 503 overloaded"], found["unknown 503 overloaded"]) == (1, 1)
