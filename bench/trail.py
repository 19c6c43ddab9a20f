"""How many records a second the trail takes, when a commit is shared by all that wait and when it is not."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.surroundings import Surroundings

ROUNDS = 3
WAITING = (1, 16, 64)


@dataclass(frozen=True)
class Throughput:
    """Durable records a second, as medians of alternating rounds."""

    database: str
    waiting: int
    grouped: float
    single: float


async def throughput(around: Surroundings, seconds: float) -> list[Throughput]:
    from acme_assistant.database import writer as group

    found = []
    largest = group.LARGEST_BATCH
    for name, url in _databases(around):
        for waiting in WAITING:
            rates: dict[int, list[float]] = {largest: [], 1: []}
            for _ in range(ROUNDS):
                for batch in rates:
                    group.LARGEST_BATCH = batch
                    rates[batch].append(await _rate(url, waiting, seconds))
            group.LARGEST_BATCH = largest
            found.append(Throughput(name, waiting, median(rates[largest]), median(rates[1])))
    return found


def _databases(around: Surroundings) -> Iterator[tuple[str, str]]:
    if around.new_database:
        yield "PostgreSQL", around.new_database("trail")
    yield "SQLite", f"sqlite:///{around.folder / 'trail.db'}"


async def _rate(url: str, waiting: int, seconds: float) -> float:
    from acme_assistant import database
    from acme_assistant.audit import AuditEvent, Kind, Trail, new_call_id
    from acme_assistant.telemetry import Metrics
    from opentelemetry.metrics import NoOpMeterProvider

    engine = database.open_engine(url)
    await asyncio.to_thread(database.migrate, engine)
    database.check_durability(engine)
    trail, written = Trail(), 0
    details: dict[str, Any] = {"outcome": "answered", "deployment": "upstream", "latency_ms": 12}
    async with database.running(
        database.Writer(engine, [trail], Metrics(NoOpMeterProvider().get_meter("bench")))
    ) as writer:
        begun = time.perf_counter()

        async def record() -> None:
            nonlocal written
            while time.perf_counter() - begun < seconds:
                await writer.commit(
                    {trail: AuditEvent(Kind.FINISHED, new_call_id(), "acme", "ada", details=details)}
                )
                written += 1

        await asyncio.gather(*(record() for _ in range(waiting)))
        took = time.perf_counter() - begun
    engine.dispose()
    return written / took
