"""A database that would forget what it commits is refused, and one that cannot be opened is told of in one line."""

from pathlib import Path

import pytest
from sqlalchemy import event, text

from {{ cookiecutter.package_name }}.configfile import ConfigurationError
from {{ cookiecutter.package_name }}.database import (
    DoesNotAnswer,
    check_durability,
    open_engine,
    opened,
    patient,
)

from tests.postgresql import PostgreSQL


def test_durability_is_set_and_read_back(database_url: str) -> None:
    engine = open_engine(database_url)
    check_durability(engine)
    engine.dispose()


def test_sqlite_that_would_forget_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="journal_mode gives memory, must be wal"):
        check_durability(open_engine("sqlite:///:memory:"))
    hasty = open_engine(f"sqlite:///{tmp_path / 'hasty.db'}")
    event.listen(hasty, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=NORMAL"))
    with pytest.raises(ConfigurationError, match="synchronous gives 1, must be 2"):
        check_durability(hasty)


def test_a_server_that_does_not_answer_may_yet_come_but_no_file_does() -> None:
    with opened("postgresql+psycopg://u:hidden@127.0.0.1:1/d") as engine, pytest.raises(DoesNotAnswer):
        check_durability(engine)
    with pytest.raises(ConfigurationError), opened("sqlite:////nowhere/at/all/service.db"):
        pass


def test_postgresql_that_would_forget_is_refused(postgresql: PostgreSQL) -> None:
    url = postgresql.emptied_database()
    try:
        postgresql.execute("ALTER SYSTEM SET synchronous_commit = off")
        postgresql.execute("SELECT pg_reload_conf()")
        check_durability(open_engine(url))  # our own connections say otherwise
        postgresql.execute("ALTER SYSTEM SET fsync = off")
        postgresql.execute("SELECT pg_reload_conf()")
        with pytest.raises(ConfigurationError, match="fsync gives off, must be on"):
            check_durability(open_engine(url))
    finally:
        postgresql.execute("ALTER SYSTEM RESET ALL")
        postgresql.execute("SELECT pg_reload_conf()")


def test_a_postgresql_that_hangs_does_so_for_seconds_only(postgresql: PostgreSQL) -> None:
    with open_engine(postgresql.emptied_database()).connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "10s"


def test_a_command_that_reads_everything_is_given_the_time(postgresql: PostgreSQL) -> None:
    with patient(open_engine(postgresql.emptied_database())).connect() as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar() == "1h"
        assert connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "10min"


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "mysql://u:hidden@h/d",
        "postgresql://u:hidden@h/d",
        "postgresql+psycopg://u:hidden@h:port/d",
        "postgresql+psycopg://u:hidden@127.0.0.1:1/d",
        "sqlite:////nowhere/at/all/service.db",
    ],
)
def test_a_database_that_cannot_be_opened_is_told_in_one_line_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        check_durability(open_engine(url))
    assert str(refused.value).startswith("DATABASE_URL: ")
    assert "hidden" not in str(refused.value)
    assert len(refused.value.faults) == 1
