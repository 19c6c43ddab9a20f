"""A generated trail with its checkpoints."""

import base64
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.audit import (
    Checkpointer,
    Checkpoints,
    Kind,
    SigningKeys,
    Trail,
    checkpointing,
)
from {{ cookiecutter.package_name }}.database import Writer, running

from tests.audit.trails import event
from tests.silence import METRICS

KEY = base64.b64encode(b"k" * 32).decode()
OLD_KEY = base64.b64encode(b"o" * 32).decode()


def folder(path: Path, keys: str = KEY) -> Checkpoints:
    return Checkpoints(path / "checkpoints", SigningKeys(keys))


async def signed_trail(engine: Engine, checkpoints: Checkpoints, calls: int, *, at: str | None = None) -> Trail:
    """One process life: a checkpoint at its beginning, after each call and at its end. `at` makes its records old."""
    trail = Trail()
    checkpointer = Checkpointer(trail, checkpoints)
    async with checkpointing(checkpointer), running(Writer(engine, [trail], METRICS)) as writer:
        for number in range(calls):
            for kind in (Kind.STARTED, Kind.FINISHED):
                one = event(number, kind)
                await writer.commit({trail: replace(one, at=at or one.at)})
            checkpointer.write()
    return trail


def altered(engine: Engine, statement: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql(statement)
