"""Is the database still the one that was written to? Whoever finds that it is not lets nobody write into it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from ..database import Writer
from .checkpoint import Checkpoints
from .loss import lost
from .tables import audit
from .trail import Trail

SECONDS = 15.0  # between two checks; longer if a check takes long, as with a large file
SHARE = 20  # checks take at most 1/20 of the time
RUNBOOK = "docs/runbooks/audit-store-changed.md"
_log = structlog.get_logger()


class Watch:
    """`fault` is final for this process: what to do about it is for a person to decide, who then starts it again.

    `unread`: what is wrong with checkpoints that could not be read at the start; of their chains nobody knows then.
    """

    def __init__(self, engine: Engine, trail: Trail, checkpoints: Checkpoints, writer: Writer) -> None:
        self._engine = engine
        self._trail = trail
        self._checkpoints = checkpoints
        self._writer = writer
        name = engine.url.database or ""
        self._file = Path(name).resolve() if engine.dialect.name == "sqlite" else None
        self._identity = _identity(self._file) if self._file else None
        self.fault: str | None = None
        self.unread: list[str] = []

    async def begin(self) -> bool:
        """Before the first record: does the database hold what was signed of it? False if that is not known yet."""
        try:
            self._found(await asyncio.to_thread(self._backup_put_back))
        except SQLAlchemyError as error:
            _log.warning("audit_loss_unknown", error=type(error).__name__)
            return False
        return True

    async def look(self) -> None:
        self._found(self.fault or await asyncio.to_thread(self._change))

    async def run(self) -> None:
        took = 0.0
        while True:
            await asyncio.sleep(max(SECONDS, SHARE * took))
            begun = time.monotonic()
            await self.look()
            took = time.monotonic() - begun

    def _found(self, fault: str | None) -> None:
        if fault:
            self.fault = fault
            self._writer.halt()
            _log.error("audit_store_changed", fault=fault)

    def _backup_put_back(self) -> str | None:
        try:
            with self._engine.connect() as connection:
                found, self.unread = lost(connection, self._checkpoints)
        except OSError as error:
            _log.warning("audit_loss_unknown", error=type(error).__name__)
            return None
        for reason in self.unread:
            _log.error("checkpoint_unread", reason=reason, see="docs/runbooks/trail-does-not-verify.md")
        if not found:
            return None
        missing = sum(one.signed - one.after for one in found)
        return (
            f"the database lacks what was signed (records: {missing}): an older copy was put back, "
            f"or the checkpoints are another database's; see {RUNBOOK}"
        )

    def _change(self) -> str | None:
        """Also None if the database does not answer: no call can be recorded then, so none is answered anyway."""
        try:
            return (self._change_of_file(self._file) if self._file else None) or self._other_head()
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            if type(error) in (DatabaseError, sqlite3.DatabaseError):  # what SQLite's kinds of damage have in common
                return f"the database file {self._file} is damaged; see {RUNBOOK}"
            _log.warning("audit_store_unknown", error=type(error).__name__)
            return None

    def _change_of_file(self, file: Path) -> str | None:
        if (found := _identity(file)) != self._identity:
            state = "was replaced by another" if found else "was deleted or moved"
            return f"the database file {file} {state} while it was in use; see {RUNBOOK}"
        # Through a connection of its own, which has read no page before.
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            (found_by_sqlite,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        return None if found_by_sqlite == "ok" else f"the database file {file} is damaged; see {RUNBOOK}"

    def _other_head(self) -> str | None:
        seq, digest = self._trail.durable
        head = select(audit.c.hash).where(audit.c.writer == self._trail.writer, audit.c.seq == seq)
        with self._engine.connect() as connection:
            if not seq or connection.execute(head).scalar() == digest:
                return None
        return f"the database lost record {seq} of this process, so it is not the one we wrote to; see {RUNBOOK}"


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
