"""What was stopped by hand, whatever policy allows. Every replica looks each second."""

import asyncio
from collections.abc import Mapping
from typing import Literal

import structlog
from sqlalchemy import Column, Engine, String, Table, Text, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from ..audit import Kind, Recorder, now
from ..database import metadata
from ..errors import Stopped
from ..gateway import Deployment

SECONDS = 1.0  # between two looks
What = Literal["deployment", "route", "tenant"]
Stops = Mapping[tuple[str, str], str]  # what and its name → the reason
switches_table = Table(
    "switches",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", String(27), nullable=False),
)
_log = structlog.get_logger()


def stops(engine: Engine) -> dict[tuple[str, str], str]:
    with engine.connect() as connection:
        rows = connection.execute(select(switches_table).order_by(switches_table.c.kind, switches_table.c.name))
        return {(row.kind, row.name): row.reason for row in rows}


def stop(recorder: Recorder, what: What, name: str, reason: str) -> None:
    """Stopping again replaces the reason."""
    _switch(recorder, what, name, reason, stopped=True)


def start(recorder: Recorder, what: What, name: str, reason: str) -> bool:
    """False where it was not stopped."""
    return _switch(recorder, what, name, reason, stopped=False)


def _switch(recorder: Recorder, what: What, name: str, reason: str, *, stopped: bool) -> bool:
    this = (switches_table.c.kind == what) & (switches_table.c.name == name)
    with recorder.transaction() as connection:
        before = connection.execute(delete(switches_table).where(this)).rowcount
        if stopped:
            row = {"kind": what, "name": name, "reason": reason, "at": now()}
            connection.execute(insert(switches_table), [row])
        details = {"what": what, "name": name, "to": "stopped" if stopped else "started", "reason": reason}
        recorder.record(connection, Kind.SWITCHED, details)
    return bool(before)


def still_open(tenant: str, route: str, deployments: tuple[Deployment, ...], stopped: Stops) -> tuple[Deployment, ...]:
    """Those of a permit's deployments that are not stopped. Raises Stopped with the reason."""
    for what, name in (("tenant", tenant), ("route", route)):
        if (what, name) in stopped:
            raise Stopped(f"The {what} '{name}' is stopped: {stopped[what, name]}", retry_after=60)
    found = tuple(one for one in deployments if ("deployment", one.name) not in stopped)
    if not found:
        reasons = "; ".join(f"{one.name}: {stopped['deployment', one.name]}" for one in deployments)
        raise Stopped(f"Every deployment that may answer this is stopped: {reasons}", retry_after=60)
    return found


class Switches:
    """`stopped` is as of the last successful check. While checks fail no call can be recorded, so none is answered."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.stopped: Stops = {}

    async def look(self) -> bool:
        """Whether it could be found out."""
        try:
            found = await asyncio.to_thread(stops, self._engine)
        except SQLAlchemyError as error:
            _log.warning("switches_unknown", error=type(error).__name__)
            return False
        if found != self.stopped:
            _log.warning("switched", stopped=sorted(" ".join(one) for one in found))
        self.stopped = found
        return True

    async def run(self) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            await self.look()
