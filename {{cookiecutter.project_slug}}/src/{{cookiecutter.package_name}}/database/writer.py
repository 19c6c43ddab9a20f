"""Group commit: one thread writes what all waiting requests have to write, in one transaction."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection, Engine

from ..errors import AuditUnavailable, ServiceError
from ..telemetry import Metrics

LARGEST_BATCH = 500  # calls of `commit` in one transaction
MOST_WAITING = 5_000  # calls of `commit`; if more wait, the database has been too slow for seconds
COMPANY = 0.001  # seconds to wait for more calls if the last batch was larger
FAILING_FOR = 10.0  # seconds after a lost commit in which the service reports itself as not ready
_log = structlog.get_logger()


class Book(Protocol):
    """What takes part in a group commit. Called in the writer's thread, with all entries of one batch."""

    def write(self, connection: Connection, entries: Sequence[Any]) -> Mapping[int, ServiceError]:
        """Returns its refusals by the entry's index; later books then do not get that call's other entries."""
        ...

    def committed(self) -> None:
        """The last write is durable."""
        ...

    def forget(self) -> None:
        """The transaction was lost, or may have been: believe the tables, not what you remember."""
        ...


class _Work:
    __slots__ = ("done", "entries")

    def __init__(self, entries: Mapping[Book, Any]) -> None:
        self.entries = entries
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: ServiceError) -> None:
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # marks it as seen: perhaps nobody waits


class Writer:
    """One transaction for all waiting requests: each resumes when the commit with its own entries is durable.

    `books` write in this order. Only the first may refuse, since nothing undoes what an earlier book has written.
    """

    def __init__(self, engine: Engine, books: Sequence[Book], metrics: Metrics) -> None:
        self._engine = engine.execution_options(writes=True)
        self._books = books
        self._metrics = metrics
        self._waiting: list[_Work] = []
        self._wake = asyncio.Event()
        self._stopping = self._dead = self._halted = False
        self._failed_at = float("-inf")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="writer")
        metrics.watch_queue(lambda: len(self._waiting))

    @property
    def failing(self) -> bool:
        """Whether it stopped, or has just lost a commit. That expires, since only new requests can show a recovery."""
        return self._dead or self._halted or time.monotonic() - self._failed_at < FAILING_FOR

    def commit(self, entries: Mapping[Book, Any]) -> asyncio.Future[None]:
        """Takes the entries at once; they are written even if nobody waits for the future.

        It raises what a book refused them with, or AuditUnavailable when they are not, or may not be, durable.
        """
        work = _Work(entries)
        if self._dead or self._halted or len(self._waiting) >= MOST_WAITING:
            self._metrics.commit_failures.add(1)
            work.fail(_unavailable())
            return work.done
        self._waiting.append(work)
        self._wake.set()
        return work.done

    def halt(self) -> None:
        """Refuses all entries from now on: the database is another one than before, or not available yet."""
        self._halted = True
        self._refuse_waiting()

    def resume(self) -> None:
        """The database is there, and is the right one."""
        self._halted = False

    def stop(self) -> None:
        """Lets `run` end when nothing waits any more."""
        self._stopping = True
        self._wake.set()

    async def run(self) -> None:
        together = 0
        try:
            while self._waiting or not self._stopping:
                await self._wake.wait()
                self._wake.clear()
                while self._waiting:
                    if len(self._waiting) < together:
                        await asyncio.sleep(COMPANY)  # those who were woken at once come back one after another
                        if not self._waiting:  # halted meanwhile
                            break
                    batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
                    together = len(batch)
                    await self._commit(batch)
                    await asyncio.sleep(0)  # those who are woken now may have more to write
        finally:
            self._dead = True
            self._refuse_waiting()
            self._thread.shutdown(wait=False)

    def _refuse_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            work.fail(_unavailable())

    async def _commit(self, batch: list[_Work]) -> None:
        begun = time.monotonic()
        try:
            refused = await asyncio.get_running_loop().run_in_executor(self._thread, self._write, batch)
            for book in self._books:
                book.committed()
        except BaseException as error:  # whatever went wrong, those who wait must hear of it
            self._failed(batch, error)
            if not isinstance(error, Exception):
                raise
            return
        finally:
            self._metrics.commit_duration.record(time.monotonic() - begun)
        for place, work in enumerate(batch):
            if place in refused:
                work.fail(refused[place])
            elif not work.done.done():
                work.done.set_result(None)

    def _failed(self, batch: list[_Work], error: BaseException) -> None:
        self._failed_at = time.monotonic()
        for book in self._books:
            book.forget()
        self._metrics.commit_failures.add(1)
        _log.error("commit_failed", error=type(error).__name__, works=len(batch))
        for work in batch:
            work.fail(_unavailable())

    def _write(self, batch: list[_Work]) -> dict[int, ServiceError]:
        refused: dict[int, ServiceError] = {}
        with self._engine.begin() as connection:
            for book in self._books:
                places = [place for place, work in enumerate(batch) if book in work.entries and place not in refused]
                if places:
                    refusals = book.write(connection, [batch[place].entries[book] for place in places])
                    refused |= {places[place]: error for place, error in refusals.items()}
        return refused


def _unavailable() -> AuditUnavailable:
    said = "The audit trail cannot be written, so there is no answer; try again, and if it lasts, tell who runs this."
    return AuditUnavailable(said, retry_after=5)


@asynccontextmanager
async def running(writer: Writer) -> AsyncIterator[Writer]:
    """On exit, entries handed over so far are written and later ones refused."""
    task = asyncio.create_task(writer.run(), name="writer")
    try:
        yield writer
    finally:
        writer.stop()
        await task
