"""Where is it kept? Engine, metadata, and the Writer that commits what all waiting requests have to write at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from .configfile import ConfigurationError
from .errors import AuditUnavailable, ServiceError
from .telemetry import Metrics

metadata = MetaData()
LARGEST_BATCH = 500
_log = structlog.get_logger()


def open_engine(url: str) -> Engine:
    """Raises ConfigurationError where the database cannot promise that what is committed survives a power cut."""
    sqlite = make_url(url).get_backend_name() == "sqlite"
    options: dict[str, Any] = (
        {} if sqlite else {"connect_args": {"options": "-c synchronous_commit=on", "connect_timeout": 5}}
    )
    engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, **options)
    if sqlite:
        event.listen(engine, "connect", _set_sqlite_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def check_durability(engine: Engine) -> None:
    """The settings are read back, since a database may decline one without an error (WAL on a network drive, say)."""
    if engine.dialect.name == "sqlite":
        wanted = {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2"}
    else:
        wanted = {"SHOW synchronous_commit": "on", "SHOW fsync": "on"}
    with engine.connect() as connection:
        found = {query: str(connection.execute(text(query)).scalar()) for query in wanted}
    faults = [
        f"DATABASE_URL: {query} gives {found[query]}, must be {wanted[query]}"
        for query in wanted
        if found[query] != wanted[query]
    ]
    if faults:
        raise ConfigurationError(faults)


def _set_sqlite_pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's transactions, not the driver's own
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins with a read cannot be made a writing one while another writes.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


class Book(Protocol):
    """What takes part in a group commit. Called in the writer's thread, with all entries of one batch."""

    def write(self, connection: Connection, entries: Sequence[Any]) -> Mapping[int, ServiceError]:
        """Returns what it refuses, by the entry's place; the work of which that entry is a part is then not written."""
        ...

    def forget(self) -> None:
        """The transaction was lost, or may have been: believe the tables, not what you remember."""
        ...


class _Work:
    __slots__ = ("done", "entries")

    def __init__(self, entries: Mapping[Book, Any]) -> None:
        self.entries = entries
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Writer:
    """One transaction for all who wait: each is woken when the commit that holds its own entries is durable."""

    def __init__(self, engine: Engine, books: Sequence[Book], metrics: Metrics) -> None:
        self._engine = engine.execution_options(writes=True)
        self._books = books
        self._metrics = metrics
        self._waiting: list[_Work] = []
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")

    async def commit(self, entries: Mapping[Book, Any]) -> None:
        """Raises AuditUnavailable when nothing was written, or what a book refused the work with."""
        work = _Work(entries)
        self._waiting.append(work)
        self._metrics.writer_queue.add(1)
        self._wake.set()
        await asyncio.shield(work.done)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                await self._commit(batch)

    async def _commit(self, batch: list[_Work]) -> None:
        begun = time.monotonic()
        self._metrics.writer_queue.add(-len(batch))
        try:
            refused = await asyncio.get_running_loop().run_in_executor(self._thread, self._write, batch)
        except Exception as error:  # whatever went wrong, those who wait must hear of it
            for book in self._books:
                book.forget()
            self._metrics.commit_failures.add(1)
            _log.error("commit_failed", error=type(error).__name__, works=len(batch))
            failure = AuditUnavailable(
                "The audit trail cannot be written, so nothing was asked. Try again shortly.", retry_after=5
            )
            refused = dict.fromkeys(range(len(batch)), failure)
        self._metrics.commit_duration.record(time.monotonic() - begun)
        for place, work in enumerate(batch):
            if work.done.done():
                continue
            if place in refused:
                work.done.set_exception(refused[place])
                work.done.exception()  # marks it as seen: who waited may be gone
            else:
                work.done.set_result(None)

    def _write(self, batch: list[_Work]) -> dict[int, ServiceError]:
        refused: dict[int, ServiceError] = {}
        with self._engine.begin() as connection:
            for book in self._books:
                places = [place for place, work in enumerate(batch) if book in work.entries and place not in refused]
                if places:
                    refusals = book.write(connection, [batch[place].entries[book] for place in places])
                    refused |= {places[place]: error for place, error in refusals.items()}
        return refused

    def close(self) -> None:
        self._thread.shutdown(wait=True)


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[Writer]:
    task = asyncio.create_task(writer.run(), name="writer")
    try:
        yield writer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        writer.close()


def answers(engine: Engine) -> bool:
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError:
        return False
    return True
