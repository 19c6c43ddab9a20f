"""What a collector that is gone, or silent, costs requests: services side by side, asked in turn.

`pytest -m slow tests/telemetry/test_collector.py -s` prints the ratios. Only ratios mean something.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.durability.process import Process
from tests.programs import free_port
from tests.service import Surroundings
from tests.telemetry.sink import running_sink

REQUESTS, AT_ONCE = 1500, 4


@asynccontextmanager
async def silent_server() -> AsyncIterator[str]:
    """Takes connections, and what comes over them, and says nothing."""

    async def listen(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await reader.read(65_536):
            pass

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@asynccontextmanager
async def exporting_to(url: str, folder: Path, around: Surroundings) -> AsyncIterator[Process]:
    folder.mkdir()  # noqa: ASYNC240 # it takes no time
    database = f"sqlite:///{folder / 'service.db'}"
    process = Process(
        folder,
        around,
        database,
        LOG_LEVEL="WARNING",
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
        OTEL_BSP_SCHEDULE_DELAY="200",
        OTEL_METRIC_EXPORT_INTERVAL="1000",
    )
    await process.start()
    try:
        yield process
    finally:
        process.kill()


async def times(
    http: aiohttp.ClientSession, services: Sequence[Process], headers: dict[str, str], requests: int
) -> list[list[float]]:
    """In seconds, of each service; every caller asks them in turn, so that noise meets all of them alike."""
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
    left = iter(range(requests))
    found: list[list[float]] = [[] for _ in services]

    async def caller() -> None:
        for _ in left:
            for service, seconds in zip(services, found, strict=True):
                begun = time.perf_counter()
                async with http.post(f"{service.url}/v1/chat/completions", json=body, headers=headers) as answer:
                    await answer.read()
                    assert answer.status == 200
                seconds.append(time.perf_counter() - begun)

    await asyncio.gather(*(caller() for _ in range(AT_ONCE)))
    return found


@pytest.mark.slow
async def test_a_collector_that_fails_does_not_slow_requests_down(tmp_path: Path, around: Surroundings) -> None:
    headers = {"Authorization": f"Bearer {around.issuer.token()}"}
    async with (
        running_sink() as sink,
        silent_server() as silent,
        exporting_to(sink.url, tmp_path / "live", around) as live,
        exporting_to(f"http://127.0.0.1:{free_port()}", tmp_path / "gone", around) as gone,
        exporting_to(silent, tmp_path / "silent", around) as mute,
        aiohttp.ClientSession() as http,
    ):
        services = (live, gone, mute)
        await times(http, services, headers, 200)  # warm, and the queues are full
        found = await times(http, services, headers, REQUESTS)
    good, *failing = ([statistics.median(one), statistics.quantiles(one, n=100)[98]] for one in found)
    for name, (p50, p99) in zip(("gone", "silent"), failing, strict=True):
        told = f"collector {name}, over a live one: p50 {p50 / good[0]:.2f}, p99 {p99 / good[1]:.2f}"
        print(f"\n{told}")  # noqa: T201 # asked for with -s
        assert p99 / good[1] < 2, told
    assert sink.received["/v1/traces"]
