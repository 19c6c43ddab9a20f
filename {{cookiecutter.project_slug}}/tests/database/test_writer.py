"""The group commit, on SQLite and on PostgreSQL, with a book of the tests' own."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, event, insert, select
from sqlalchemy.exc import OperationalError

from {{ cookiecutter.package_name }}.database import Writer, open_engine, running
from {{ cookiecutter.package_name }}.database import writer as of_the_writer
from {{ cookiecutter.package_name }}.errors import AuditUnavailable, BudgetExceeded, ServiceError
from {{ cookiecutter.package_name }}.telemetry import Metrics, names

from tests.postgresql import PostgreSQL
from tests.silence import METRICS

notes = Table("notes", MetaData(), Column("note", String(20), primary_key=True))


class Notes:
    """A book that refuses `refuse`, fails on `fail`, and writes the rest when `gate` is open."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.batches: list[int] = []
        self.forgotten = 0

    def write(self, connection: Connection, entries: Sequence[str]) -> Mapping[int, ServiceError]:
        connection.execute(select(notes))  # so that a transaction is open while it waits
        self.entered.set()
        self.gate.wait(10)
        if "fail" in entries:
            raise RuntimeError("a fault of this test's making")
        refused = {place: BudgetExceeded("no") for place, entry in enumerate(entries) if entry == "refuse"}
        rows = [{"note": entry} for place, entry in enumerate(entries) if place not in refused]
        if rows:
            connection.execute(insert(notes), rows)
        self.batches.append(len(entries))
        return refused

    def committed(self) -> None:
        pass

    def forget(self) -> None:
        self.forgotten += 1

    async def held(self) -> None:
        await asyncio.to_thread(self.entered.wait, 10)


class Copies:
    """The second book: what reaches it was not refused by the first."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def write(self, connection: Connection, entries: Sequence[str]) -> Mapping[int, ServiceError]:
        self.entries += entries
        return {}

    def committed(self) -> None:
        pass

    def forget(self) -> None:
        self.entries.clear()


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    with opened.execution_options(writes=True).begin() as connection:
        notes.create(connection)
    yield opened
    opened.dispose()


@pytest.fixture
def book() -> Notes:
    return Notes()


@pytest.fixture
async def writer(engine: Engine, book: Notes) -> AsyncIterator[Writer]:
    async with running(Writer(engine, [book], METRICS)) as writer:
        yield writer
        book.gate.set()


def written(engine: Engine) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(notes.c.note)).scalars())


async def test_all_who_wait_share_one_transaction(engine: Engine, book: Notes, writer: Writer) -> None:
    commits: list[Connection] = []
    event.listen(engine, "commit", commits.append)
    book.gate.clear()
    first = writer.commit({book: "first"})
    await book.held()
    others = [writer.commit({book: f"note {number}"}) for number in range(200)]
    book.gate.set()
    await asyncio.gather(first, *others)
    assert book.batches == [1, 200]
    assert len(commits) == 2
    assert len(written(engine)) == 201


async def test_those_who_were_woken_at_once_share_the_next_commit_too(
    book: Notes, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_the_writer, "COMPANY", 0.2)
    await asyncio.gather(*(writer.commit({book: f"note {number}"}) for number in range(3)))
    early = writer.commit({book: "early"})
    await asyncio.sleep(0.05)
    await asyncio.gather(early, writer.commit({book: "late"}))
    assert book.batches == [3, 2]


async def test_who_is_alone_waits_for_nobody(book: Notes, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_the_writer, "COMPANY", 3_600)
    for number in range(3):
        await writer.commit({book: f"note {number}"})
    assert book.batches == [1, 1, 1]


async def test_a_waiter_is_woken_only_when_its_entries_are_durable(
    engine: Engine, database_url: str, book: Notes, writer: Writer
) -> None:
    may_commit, reached = threading.Event(), threading.Event()

    def hold(_: Connection) -> None:
        reached.set()
        may_commit.wait(10)

    event.listen(engine, "commit", hold)
    waiting = writer.commit({book: "slow"})
    await asyncio.to_thread(reached.wait, 10)
    await asyncio.sleep(0.05)
    other = open_engine(database_url)
    assert not waiting.done()
    assert written(other) == set()
    may_commit.set()
    await waiting
    assert written(other) == {"slow"}
    other.dispose()


async def test_two_writers_on_one_database_wait_for_each_other(
    engine: Engine, database_url: str, book: Notes, writer: Writer
) -> None:
    other_engine, other_book = open_engine(database_url), Notes()
    async with running(Writer(other_engine, [other_book], METRICS)) as other:
        book.gate.clear()
        first = writer.commit({book: "first"})
        await book.held()  # it has read, and will write
        second = other.commit({other_book: "second"})
        await asyncio.sleep(0.1)
        book.gate.set()
        await asyncio.gather(first, second)
    other_engine.dispose()
    assert written(engine) == {"first", "second"}


async def test_what_a_book_refuses_is_not_written_and_the_rest_is(engine: Engine, book: Notes) -> None:
    copies = Copies()
    async with running(Writer(engine, [book, copies], METRICS)) as writer:
        works = [writer.commit({book: note, copies: note}) for note in ("one", "refuse", "two")]
        results = await asyncio.gather(*works, return_exceptions=True)
    assert isinstance(results[1], BudgetExceeded)
    assert results[0] is results[2] is None
    assert written(engine) == {"one", "two"}
    assert copies.entries == ["one", "two"]


async def test_a_lost_transaction_fails_all_who_wait_and_the_next_one_works(
    engine: Engine, book: Notes, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = [writer.commit({book: note}) for note in ("one", "fail", "two")]
    results = await asyncio.gather(*works, return_exceptions=True)
    assert all(isinstance(result, AuditUnavailable) for result in results)
    assert book.forgotten == 1
    assert writer.failing
    await writer.commit({book: "three"})
    assert written(engine) == {"three"}
    monkeypatch.setattr(of_the_writer, "FAILING_FOR", 0)
    assert not writer.failing


async def test_what_was_handed_over_is_written_when_nobody_waits_any_more(
    engine: Engine, book: Notes, writer: Writer
) -> None:
    async def wait(note: str) -> None:
        await writer.commit({book: note})

    book.gate.clear()
    tasks = [asyncio.create_task(wait(note)) for note in ("in the batch", "in the queue")]
    await book.held()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    book.gate.set()
    await writer.commit({book: "after"})
    assert written(engine) == {"in the batch", "in the queue", "after"}


async def test_at_the_end_what_waits_is_written_and_what_comes_later_refused(engine: Engine, book: Notes) -> None:
    async with running(Writer(engine, [book], METRICS)) as writer:
        last = writer.commit({book: "last"})
        last.add_done_callback(lambda _: writer.commit({book: "its answer"}))
    await last
    assert written(engine) == {"last", "its answer"}
    with pytest.raises(AuditUnavailable):
        await writer.commit({book: "too late"})


async def test_a_dead_writer_refuses_instead_of_hanging(engine: Engine, book: Notes) -> None:
    writer = Writer(engine, [book], METRICS)
    task = asyncio.create_task(writer.run())
    book.gate.clear()
    works = [writer.commit({book: "in the batch"})]
    await book.held()
    works.append(writer.commit({book: "in the queue"}))
    task.cancel()
    for work in works:
        with pytest.raises(AuditUnavailable):
            await work
    with pytest.raises(AuditUnavailable):
        await writer.commit({book: "afterwards"})
    assert writer.failing
    book.gate.set()


async def test_a_full_queue_refuses(book: Notes, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_the_writer, "MOST_WAITING", 2)
    book.gate.clear()
    first = writer.commit({book: "first"})
    await book.held()
    others = [writer.commit({book: note}) for note in ("second", "third")]
    with pytest.raises(AuditUnavailable):
        await writer.commit({book: "fourth"})
    book.gate.set()
    await asyncio.gather(first, *others)


async def test_a_halted_writer_writes_nothing_of_what_waits(engine: Engine, book: Notes) -> None:
    async with running(Writer(engine, [book], METRICS)) as writer:
        book.gate.clear()
        under_way = writer.commit({book: "under way"})
        await book.held()
        waiting = writer.commit({book: "waits"})
        writer.halt()
        with pytest.raises(AuditUnavailable):
            await waiting
        book.gate.set()
        await under_way
    assert written(engine) == {"under way"}


async def test_what_is_halted_while_it_waits_for_company_opens_no_transaction(
    engine: Engine, book: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_the_writer, "COMPANY", 0.2)
    commits: list[Connection] = []
    event.listen(engine, "commit", commits.append)
    async with running(Writer(engine, [book], METRICS)) as writer:
        await asyncio.gather(writer.commit({book: "one"}), writer.commit({book: "two"}))
        lone = writer.commit({book: "lone"})
        await asyncio.sleep(0.05)
        writer.halt()
        with pytest.raises(AuditUnavailable):
            await lone
    assert len(commits) == 1


async def test_whatever_the_writer_takes_no_more_is_counted_for_the_alarm(
    engine: Engine, book: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = InMemoryMetricReader()
    metrics = Metrics(MeterProvider([reader]).get_meter("tests"))

    def counted() -> int:
        data: Any = reader.get_metrics_data()
        found = [one for of in data.resource_metrics for scope in of.scope_metrics for one in scope.metrics]
        (failures,) = [one for one in found if one.name == names.METRIC_COMMIT_FAILURES]
        return sum(point.value for point in failures.data.data_points)

    async with running(Writer(engine, [book], metrics)) as writer:
        assert counted() == 0
        with monkeypatch.context() as full:
            full.setattr(of_the_writer, "MOST_WAITING", 0)
            with pytest.raises(AuditUnavailable):
                await writer.commit({book: "the queue is full"})
        assert counted() == 1
        writer.halt()
        with pytest.raises(AuditUnavailable):
            await writer.commit({book: "it is halted"})
        assert counted() == 2
    with pytest.raises(AuditUnavailable):
        await writer.commit({book: "it has ended"})
    assert counted() == 3
    assert writer.failing


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'service.db'}"


async def on_sqlite(url: str, book: Notes, pragma: str, *, notes_of: list[str]) -> list[BaseException | None]:
    opened = open_engine(url)
    event.listen(opened, "connect", lambda connection, _: connection.execute(f"PRAGMA {pragma}"))
    async with running(Writer(opened, [book], METRICS)) as writer:
        return [(await asyncio.gather(writer.commit({book: note}), return_exceptions=True))[0] for note in notes_of]


def locked_by_another(url: str, seconds: float) -> threading.Thread:
    """Started and holding the lock when this returns."""
    holds = threading.Event()

    def hold() -> None:
        other = open_engine(url)
        with other.execution_options(writes=True).begin():
            holds.set()
            threading.Event().wait(seconds)
        other.dispose()

    thread = threading.Thread(target=hold)
    thread.start()
    holds.wait(10)
    return thread


@pytest.mark.parametrize(("seconds", "patience", "durable"), [(0.3, 3000, True), (0.6, 100, False)])
async def test_sqlite_locked_by_another_process_is_waited_for_and_then_refused(
    sqlite_url: str, seconds: float, patience: int, durable: bool
) -> None:
    setup = open_engine(sqlite_url)
    notes.create(setup)
    other = locked_by_another(sqlite_url, seconds)
    results = await on_sqlite(sqlite_url, Notes(), f"busy_timeout={patience}", notes_of=["one"])
    other.join()
    assert [result is None for result in results] == [durable]
    assert [result is None for result in await on_sqlite(sqlite_url, Notes(), "user_version", notes_of=["two"])] == [
        True
    ]
    assert written(setup) == ({"one", "two"} if durable else {"two"})
    setup.dispose()


async def test_a_full_or_read_only_disk_is_refused_and_recovered_from(sqlite_url: str) -> None:
    setup = open_engine(sqlite_url)
    notes.create(setup)
    many = [f"{number:020}" for number in range(300)]
    full = await on_sqlite(sqlite_url, Notes(), "max_page_count=4", notes_of=many)
    assert full[0] is None
    assert isinstance(full[-1], AuditUnavailable)
    read_only = await on_sqlite(sqlite_url, Notes(), "query_only=ON", notes_of=["no"])
    assert isinstance(read_only[0], AuditUnavailable)
    assert await on_sqlite(sqlite_url, Notes(), "user_version", notes_of=["again"]) == [None]
    assert len(written(setup)) == full.count(None) + 1
    setup.dispose()


@pytest.fixture
async def on_postgresql(postgresql: PostgreSQL, book: Notes) -> AsyncIterator[tuple[Engine, Writer]]:
    opened = open_engine(postgresql.emptied_database())
    with opened.begin() as connection:
        notes.create(connection)
    async with running(Writer(opened, [book], METRICS)) as writer:
        yield opened, writer
        book.gate.set()
    opened.dispose()


async def test_a_postgresql_connection_cut_in_a_transaction_costs_that_batch_only(
    postgresql: PostgreSQL, book: Notes, on_postgresql: tuple[Engine, Writer]
) -> None:
    engine, writer = on_postgresql
    book.gate.clear()
    lost = writer.commit({book: "lost"})
    await book.held()
    await asyncio.to_thread(postgresql.cut_connections)
    book.gate.set()
    with pytest.raises(AuditUnavailable):
        await lost
    await writer.commit({book: "kept"})
    assert await asyncio.to_thread(written, engine) == {"kept"}


async def test_a_postgresql_connection_cut_while_idle_costs_nothing(
    postgresql: PostgreSQL, book: Notes, on_postgresql: tuple[Engine, Writer]
) -> None:
    engine, writer = on_postgresql
    await writer.commit({book: "before"})
    await asyncio.to_thread(postgresql.cut_connections)
    await writer.commit({book: "after"})
    assert await asyncio.to_thread(written, engine) == {"before", "after"}


async def test_postgresql_away_is_refused_and_recovered_from(
    postgresql: PostgreSQL, book: Notes, on_postgresql: tuple[Engine, Writer]
) -> None:
    engine, writer = on_postgresql
    await writer.commit({book: "before"})
    await asyncio.to_thread(postgresql.stop)
    try:
        with pytest.raises(AuditUnavailable):
            await writer.commit({book: "lost"})
        with pytest.raises(OperationalError):
            await asyncio.to_thread(engine.connect)
    finally:
        await asyncio.to_thread(postgresql.start)
    await writer.commit({book: "after"})
    assert await asyncio.to_thread(written, engine) == {"before", "after"}
