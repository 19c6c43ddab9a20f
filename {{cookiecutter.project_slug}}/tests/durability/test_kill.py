"""Nothing that anybody was told is forgotten: when the process is killed, asked to end, or loses its database."""

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from {{ cookiecutter.package_name }}.audit import verify
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.database import open_engine
from {{ cookiecutter.package_name }}.governance.tables import balances, entries_table

from tests.durability.process import CALLERS, LONGEST_START, Load, Process
from tests.postgresql import PostgreSQL
from tests.service import Surroundings

ROUNDS = int(os.environ.get("KILL_ROUNDS") or ("20" if os.environ.get("CI") else "2"))
pytestmark = pytest.mark.slow


@pytest.fixture
async def process(tmp_path: Path, around: Surroundings, database_url: str) -> AsyncIterator[Process]:
    made = Process(tmp_path, around, database_url)
    yield made
    made.kill()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The process makes the tables."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def outcomes(engine: Engine) -> dict[str, str | None]:
    """By call: how it ended; None where it has no end."""
    found: dict[str, str | None] = {}
    with engine.connect() as connection:
        for row in connection.execute(select(audit.c.call_id, audit.c.kind, audit.c.body)):
            if row.kind == "started":
                found.setdefault(row.call_id, None)
            elif row.kind == "finished":
                found[row.call_id] = json.loads(row.body)["outcome"]
    return found


def books_agree(engine: Engine) -> bool:
    """What the balances hold is what the ledger's lines say: spent, or still reserved."""
    with engine.connect() as connection:
        lines = connection.execute(select(entries_table)).all()
        held = sum(connection.execute(select(balances.c.micro_usd)).scalars())
    owed = [one.reserved_micro_usd if one.spent_micro_usd is None else one.spent_micro_usd for one in lines]
    return bool(held == sum(owed))


async def test_after_kill_9_every_answered_request_is_in_the_trail(
    process: Process, engine: Engine, around: Surroundings
) -> None:
    answered: set[str] = set()
    for done in range(1, ROUNDS + 1):
        assert await process.start() < LONGEST_START
        load = Load(process.url, {"Authorization": f"Bearer {around.issuer.token()}"}, answered)
        running = asyncio.create_task(load.run())
        await load.answers(CALLERS * done)
        await asyncio.sleep(random.uniform(0, 0.3))
        assert await process.end(signal.SIGKILL) == -signal.SIGKILL
        await running
        assert load.other == []
        ends, verdict = outcomes(engine), verify(engine)
        assert {ends[call] for call in answered} == {"answered"}
        assert verdict.faults == []
        assert verdict.unfinished <= CALLERS * done
        assert books_agree(engine)


async def test_asked_to_end_it_finishes_every_answer(process: Process, engine: Engine, around: Surroundings) -> None:
    await process.start()
    load = Load(process.url, {"Authorization": f"Bearer {around.issuer.token()}"})
    running = asyncio.create_task(load.run())
    await load.answers(CALLERS)
    status = await process.end(signal.SIGTERM)
    await running
    assert status == 0, process.log()[-2000:]
    ends = outcomes(engine)
    assert set(ends.values()) == {"answered"}
    assert set(ends) == load.answered
    assert load.other == []
    assert verify(engine).faults == []


async def test_a_database_restarted_under_load_costs_refusals_and_nothing_else(
    tmp_path: Path, around: Surroundings, postgresql: PostgreSQL
) -> None:
    url = postgresql.emptied_database()
    process = Process(tmp_path, around, url)
    load = Load(url="", headers={"Authorization": f"Bearer {around.issuer.token()}"})
    try:
        await process.start()
        load.url = process.url
        running = asyncio.create_task(load.run())
        await load.answers(CALLERS)
        await asyncio.to_thread(postgresql.stop)
        await asyncio.sleep(0.3)
        await asyncio.to_thread(postgresql.start)
        await load.answers(len(load.answered) + 2 * CALLERS)
        assert await process.end(signal.SIGTERM) == 0
        await running
    finally:
        process.kill()
    opened = open_engine(url)
    ends = outcomes(opened)
    assert set(load.other) == {503}
    assert {ends[call] for call in load.answered} == {"answered"}
    assert verify(opened).faults == []
    assert books_agree(opened)
    opened.dispose()
