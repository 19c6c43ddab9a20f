"""What is recorded, refused and paid for."""

import contextlib
import sqlite3
from collections.abc import AsyncIterator

from assurance.drills.drill import drill
from assurance.drills.stage import Stage, repeated


# A commit waits five seconds for the lock, whatever the pace: a window must hold one that fails.
@drill("AuditTrailUnavailable", shows=['"waiting_for":{"audit"'], pace=20)
async def another_program_holds_the_database(stage: Stage) -> AsyncIterator[None]:
    with contextlib.closing(sqlite3.connect(stage.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


# Checkpoints come every ten seconds, whatever the pace: a window must hold one.
@drill(
    "AuditCheckpointsFailing",
    shows=['"checkpoints":"failing"', r'instance="127.0.0.1:\d+"} => \d+'],
    pace=40,
    findings=["audit verify"],
)
async def a_file_is_where_the_share_was_mounted(stage: Stage) -> AsyncIterator[None]:
    aside = stage.checkpoints.rename(stage.folder / "aside")
    stage.checkpoints.write_bytes(b"")
    yield
    stage.checkpoints.unlink()
    aside.rename(stage.checkpoints)


@drill("RefusalsSpike", shows=['app_reason="budget_exceeded"', 'http_response_status_code="402"'])
async def the_budget_of_the_day_is_spent(stage: Stage) -> AsyncIterator[None]:
    await stage.deploy(budgets={"user": {"usd_per_day": 0.2}})
    yield
    await stage.deploy()


# A day of a minute, which the drill lives through, as an alert on an unusual hour wants usual ones before today.
@drill("CostSpike", shows=[r'app_deployment="first", app_route="assistant"} => \d{2,}'], pace=1440, past=61)
async def a_script_asks_long_questions(stage: Stage) -> AsyncIterator[None]:
    async def at_length() -> None:
        await stage.ask("When are the offices open? " * 1_000)

    async with repeated(at_length, seconds=0.5):
        yield


DRILLS = (
    a_script_asks_long_questions,
    a_file_is_where_the_share_was_mounted,
    the_budget_of_the_day_is_spent,
    another_program_holds_the_database,
)
