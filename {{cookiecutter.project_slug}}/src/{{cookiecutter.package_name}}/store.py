"""What is written, by whom, and who looks whether it is still there?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from . import database
from .audit import Checkpoints, Clerk, Notary, SigningKeys, Trail, Watch, notarised, watched_store
from .configfile import ConfigurationError
from .feedback import Ratings
from .governance import Ledger, Switches, watched
from .settings import Settings
from .telemetry import Metrics


@dataclass(frozen=True)
class Store:
    engine: Engine
    trail: Trail
    ledger: Ledger
    ratings: Ratings
    notary: Notary
    writer: database.Writer
    watch: Watch
    switches: Switches

    def checkpoints(self) -> str:
        """`unread`: some could not be read at the start."""
        if self.notary.failing:
            return "failing"
        return "unread" if self.watch.unread else "written"

    def fault(self) -> str | None:
        """What keeps it from being written to, if anything does. Asks the database."""
        if self.watch.fault:
            return self.watch.fault
        try:
            behind = database.pending(self.engine)
        except SQLAlchemyError:
            return "the database does not answer"
        if behind:
            return "migrations are not applied; run the command 'migrate'"
        return "the last commit of the audit trail was lost" if self.writer.failing else None


@asynccontextmanager
async def open_store(settings: Settings, metrics: Metrics) -> AsyncIterator[Store]:
    async with AsyncExitStack() as stack:
        engine = stack.enter_context(database.opened(settings.database_url))
        trail, ledger, ratings = Trail(), Ledger(metrics), Ratings()
        # Entered before the writer, so that its last checkpoint follows the writer's last commit.
        notary = await stack.enter_async_context(notarised(Notary(trail, open_checkpoints(settings), metrics)))
        writer = await stack.enter_async_context(
            database.running(database.Writer(engine, [ledger, trail, ratings], metrics))
        )
        watch = await stack.enter_async_context(watched_store(Watch(engine, trail, open_checkpoints(settings), writer)))
        switches = await stack.enter_async_context(watched(Switches(engine)))
        yield Store(engine, trail, ledger, ratings, notary, writer, watch, switches)


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


def open_clerk(settings: Settings) -> Clerk:
    """For commands that change something beside a running service, and record it. Raises ConfigurationError."""
    return Clerk(open_database(settings), open_checkpoints(settings))
