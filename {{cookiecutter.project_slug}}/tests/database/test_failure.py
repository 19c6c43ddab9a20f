"""What keeps us from the database is told apart, without a word that could hold the password."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import SQLAlchemyError

from {{ cookiecutter.package_name }}.database import open_engine, why_not

from tests.postgresql import PostgreSQL, postgresql_server

RIGHT, WRONG = "right-password", "wrong-password"
NOT_IN, NO_DATABASE, SILENT = "does not let us in", "no database of this name", "does not answer"


@pytest.fixture(scope="module")
def guarded() -> Iterator[PostgreSQL]:
    with postgresql_server() as server:
        server.demand_password("guarded", RIGHT)
        yield server


def told(url: str, statement: str = "SELECT 1") -> str:
    engine = open_engine(url)
    with pytest.raises(SQLAlchemyError) as failed, engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()
    return why_not(failed.value)


@pytest.mark.parametrize(
    ("address", "meaning"),
    [
        ({"username": "guarded", "password": WRONG}, NOT_IN),
        ({"username": "guarded"}, NOT_IN),
        ({"username": "nobody"}, NOT_IN),
        ({"database": "elsewhere"}, NO_DATABASE),
        ({"username": "guarded", "password": RIGHT, "database": "elsewhere"}, NO_DATABASE),
        ({"port": 1}, SILENT),
        ({"host": "database.invalid"}, SILENT),
    ],
)
def test_who_is_not_let_in_is_told_so_and_not_that_nothing_answers(
    guarded: PostgreSQL, address: dict[str, str | int], meaning: str
) -> None:
    url = make_url(guarded.emptied_database()).set(**address)  # type: ignore[arg-type]  # each has its type
    said = told(url.render_as_string(hide_password=False))
    assert said.startswith("DATABASE_URL: ")
    assert meaning in said
    assert WRONG not in said
    assert RIGHT not in said


def test_a_server_that_takes_no_connection_now_is_no_silent_one(guarded: PostgreSQL) -> None:
    url = guarded.emptied_database()
    try:
        guarded.execute("ALTER DATABASE tests ALLOW_CONNECTIONS false")
        assert "takes no connection now" in told(url)
    finally:
        guarded.execute("ALTER DATABASE tests ALLOW_CONNECTIONS true")


def test_a_statement_that_fails_is_told_by_its_code(guarded: PostgreSQL, tmp_path: Path) -> None:
    assert "42P01" in told(guarded.emptied_database(), "SELECT * FROM nothing")
    assert "SQLITE_ERROR" in told(f"sqlite:///{tmp_path / 'x.db'}", "SELECT * FROM nothing")


def test_a_file_that_is_no_database_of_ours_is_told_by_its_cause(tmp_path: Path) -> None:
    assert "its folder must exist" in told("sqlite:////nowhere/at/all/service.db")
    (tmp_path / "notes.db").write_text("Nothing of SQLite's." * 100, encoding="utf-8")
    assert "no SQLite database" in told(f"sqlite:///{tmp_path / 'notes.db'}")


def test_a_server_that_goes_away_does_not_answer(guarded: PostgreSQL) -> None:
    url = guarded.emptied_database()
    guarded.stop(signal.SIGQUIT)
    assert SILENT in told(url)
    guarded.start()
