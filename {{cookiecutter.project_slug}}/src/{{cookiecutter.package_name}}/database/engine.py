"""Opens the database, and checks that its commits survive a power cut."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Engine, MetaData, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from ..configfile import ConfigurationError
from . import dialects
from .failure import why_not

metadata = MetaData()


def open_engine(url: str) -> Engine:
    """Connects to nothing yet. Raises ConfigurationError for an address that is none."""
    try:
        engine = create_engine(url, hide_parameters=True, connect_args=dialects.connect_arguments(url))
    except (SQLAlchemyError, ValueError, ImportError):  # their texts may hold the password
        raise ConfigurationError(["DATABASE_URL: is no address of a database; docs/settings.md shows two"]) from None
    dialects.listen(engine)
    return engine


class DoesNotAnswer(ConfigurationError):
    """A server, which may yet come. A file that cannot be opened will not."""


@contextmanager
def opened(url: str) -> Iterator[Engine]:
    """A durable database, or a server that does not answer yet. Raises ConfigurationError."""
    engine = open_engine(url)
    try:
        with suppress(DoesNotAnswer):
            check_durability(engine)
        yield engine
    finally:
        engine.dispose()


def check_durability(engine: Engine) -> None:
    """Raises ConfigurationError where the database does not promise that what is committed survives a power cut.

    The settings are read back, since a database may decline one without an error (WAL on a network drive, say).
    """
    if engine.dialect.name == "sqlite":
        wanted = {"PRAGMA journal_mode": "wal", "PRAGMA synchronous": "2"}
    else:
        wanted = {"SHOW synchronous_commit": "on", "SHOW fsync": "on"}
    try:
        with engine.connect() as connection:
            found = {query: str(connection.execute(text(query)).scalar()) for query in wanted}
    except SQLAlchemyError as error:
        raise (ConfigurationError if engine.dialect.name == "sqlite" else DoesNotAnswer)([why_not(error)]) from None
    faults = [
        f"DATABASE_URL: {query} gives {found[query]}, must be {wanted[query]}"
        for query in wanted
        if found[query] != wanted[query]
    ]
    if faults:
        raise ConfigurationError(faults)
