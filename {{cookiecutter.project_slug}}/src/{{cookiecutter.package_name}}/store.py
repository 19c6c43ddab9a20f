"""Builds the parts that write to the database, and those that check that it is still the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from . import database
from .audit import AuditEvent, Checkpointer, Checkpoints, Recorder, SigningKeys, Trail, Watch, checkpointing
from .background import background
from .configfile import ConfigurationError
from .errors import AuditUnavailable
from .feedback import Ratings
from .governance import Ledger, Switches
from .settings import Settings
from .telemetry import Metrics

SECONDS = 1.0  # between two looks for a database that was not there
_SILENT = "the database does not answer"
_BEHIND = "migrations are not applied; run the command 'migrate'"
_FAILED = "the last commit of the audit trail failed"
_log = structlog.get_logger()


class Opening:
    """The database may become available after this process starts: until then nothing writes; `missing` says why."""

    def __init__(self, engine: Engine, watch: Watch, switches: Switches, writer: database.Writer) -> None:
        self._engine = engine
        self._watch = watch
        self._switches = switches
        self._writer = writer
        self.missing: str | None = None
        writer.halt()

    async def tried(self, first: Callable[[], Awaitable[None]]) -> bool:
        """Whether there is nothing more to wait for. `first` writes before anybody else may."""
        before, self.missing = self.missing, await asyncio.to_thread(_missing, self._engine)
        if self.missing is None:
            known = await self._watch.begin()
            if self._watch.fault:
                return True  # for a person to decide
            self.missing = await self._begun(first) if known else _SILENT
        if self.missing and self.missing != before:
            _log.warning("database_not_ready", missing=self.missing)
        return self.missing is None

    async def _begun(self, first: Callable[[], Awaitable[None]]) -> str | None:
        if not await self._switches.look():  # nobody is served before it is known who is stopped
            return _SILENT
        self._writer.resume()
        try:
            await first()
        except AuditUnavailable:
            self._writer.halt()
            return _FAILED
        return None

    async def run(self, first: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(SECONDS)
            if await self.tried(first):
                return


def _missing(engine: Engine) -> str | None:
    """Why a database that this process has not written to yet cannot be used; None if it can."""
    try:
        database.check_durability(engine)
        return _BEHIND if database.pending(engine) else None
    except SQLAlchemyError as error:
        return database.why_not(error)
    except ConfigurationError as error:
        return "; ".join(error.faults)


@dataclass(frozen=True)
class Store:
    engine: Engine
    trail: Trail
    ledger: Ledger
    ratings: Ratings
    checkpointer: Checkpointer
    writer: database.Writer
    watch: Watch
    switches: Switches
    opening: Opening

    def record(self, event: AuditEvent) -> asyncio.Future[None]:
        """Done when it is durable; raises AuditUnavailable. Written even if nobody waits."""
        return self.writer.commit({self.trail: event})

    def checkpoints(self) -> str:
        """`unread`: some could not be read at the start."""
        if self.checkpointer.failing:
            return "failing"
        return "unread" if self.watch.unread else "written"

    def fault(self) -> str | None:
        """Why the database cannot be written to; None if it can. Queries the database."""
        if known := self.watch.fault or self.opening.missing:
            return known
        try:
            behind = database.pending(self.engine)
        except SQLAlchemyError as error:
            return database.why_not(error)
        return _BEHIND if behind else _FAILED if self.writer.failing else None


@asynccontextmanager
async def open_store(settings: Settings, metrics: Metrics) -> AsyncIterator[Store]:
    async with AsyncExitStack() as stack:
        engine = stack.enter_context(database.opened(settings.database_url))
        trail, ledger, ratings = Trail(), Ledger(metrics), Ratings()
        # Entered before the writer, so that its last checkpoint follows the writer's last commit.
        checkpointer = await stack.enter_async_context(
            checkpointing(Checkpointer(trail, open_checkpoints(settings), metrics))
        )
        writer = await stack.enter_async_context(
            database.running(database.Writer(engine, [ledger, trail, ratings], metrics))
        )
        watch, switches = Watch(engine, trail, open_checkpoints(settings), writer), Switches(engine)
        await stack.enter_async_context(background(watch.run, "store watch"))
        await stack.enter_async_context(background(switches.run, "switches"))
        opening = Opening(engine, watch, switches, writer)
        yield Store(engine, trail, ledger, ratings, checkpointer, writer, watch, switches, opening)


@asynccontextmanager
async def begun(store: Store, first: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """`first` has written, or will when the database is there."""
    if await store.opening.tried(first):
        yield
        return
    async with background(partial(store.opening.run, first), "opening"):
        yield


def open_checkpoints(settings: Settings) -> Checkpoints:
    return Checkpoints(settings.audit_checkpoints, SigningKeys(settings.audit_signing_key))


def open_database(settings: Settings) -> Engine:
    """For commands beside a service. Raises ConfigurationError for a file that is not there, as SQLite would make an
    empty one, of which nothing could be told."""
    file = settings.sqlite_file()
    if file and not file.exists():
        raise ConfigurationError(
            [f"DATABASE_URL: there is no file {file.resolve()}; is the service's elsewhere? A new one: run 'migrate'"]
        )
    return database.open_engine(settings.database_url)


def open_recorder(settings: Settings) -> Recorder:
    """For commands that change something beside a running service, and record it. Raises ConfigurationError."""
    return Recorder(open_database(settings), open_checkpoints(settings))
