"""What the pages say of a backup and of old rows is run, on a database that is being written to."""

import re
import shlex
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from {{ cookiecutter.package_name }}.audit import Checkpoints, Kind, Recorder, SigningKeys, verify
from {{ cookiecutter.package_name }}.database import migrate, open_engine
from {{ cookiecutter.package_name }}.governance.tables import balances, entries_table
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.docs.pages import DOCS, blocks, text
from tests.postgresql import PostgreSQL
from tests.programs import program


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    migrate(engine)
    yield Recorder(engine, Checkpoints(tmp_path / "checkpoints", SigningKeys(LOCAL_SIGNING_KEY)))
    engine.dispose()


def record(recorder: Recorder) -> None:
    with recorder.transaction() as connection:
        recorder.record(connection, Kind.LOADED, {})


def test_a_copy_that_is_taken_while_somebody_writes_is_whole(recorder: Recorder, tmp_path: Path) -> None:
    (statement,) = re.findall('^sqlite3 service.db "(.+)"$', text(DOCS / "runbooks" / "backup.md"), re.MULTILINE)
    copy = tmp_path / "backups" / "service.db"
    copy.parent.mkdir()
    record(recorder)
    with recorder.engine.connect() as reading:  # so that the log of writes is not emptied before
        assert reading.execute(select(1)).scalar() == 1
        record(recorder)
        with closing(sqlite3.connect(tmp_path / "service.db")) as connection:
            connection.execute(statement.replace("/backups/", f"{copy.parent}/"))
        known = verify(recorder.engine, recorder.checkpoints).records
        restored = open_engine(f"sqlite:///{copy}")
        found = verify(restored, recorder.checkpoints)
        restored.dispose()
    assert (found.faults, found.records) == ([], known)


def run(page: str, name: str, url: str, file: Path) -> None:
    """As the page has it, on that database and with that file."""
    (found,) = re.findall(rf"(?:^|: ){name} (.+)$", text(DOCS / "runbooks" / page), re.MULTILINE)
    database = url.replace("+psycopg", "")
    given = re.sub(r"--dbname=\S+", f"--dbname={database}", found)
    given = re.sub(r"/backups/service.dump|\bFILE\b", str(file), given)
    subprocess.run([program(name, package="PostgreSQL"), *shlex.split(given)], check=True)


def test_a_dump_of_postgresql_is_put_back_whole(postgresql: PostgreSQL, tmp_path: Path) -> None:
    program("pg_dump", package="PostgreSQL")
    program("pg_restore", package="PostgreSQL")
    url = postgresql.emptied_database()
    before = open_engine(url)
    migrate(before)
    recorder = Recorder(before, Checkpoints(tmp_path / "checkpoints", SigningKeys(LOCAL_SIGNING_KEY)))
    record(recorder)
    with before.execution_options(writes=True).begin() as writing:
        writing.execute(insert(balances), {"account": "ada", "period": "2026-01", "micro_usd": 1})
        run("backup.md", "pg_dump", url, tmp_path / "dump")
    before.dispose()
    postgresql.emptied_database()
    run("restore.md", "pg_restore", url, tmp_path / "dump")
    after = open_engine(url)
    found = verify(after, recorder.checkpoints)
    after.dispose()
    assert (found.faults, found.records) == ([], 1)


def test_old_rows_of_the_ledger_can_be_removed_and_budgets_of_now_stay(recorder: Recorder) -> None:
    (block,) = blocks(DOCS / "governance" / "retention.md", "sql")
    entry = {"tenant": "acme", "subject": "ada", "route": "assistant", "reserved_micro_usd": 1}
    days = ("2025-12-31", "2026-01-01")
    periods = ("2025-12", "2025-12-31", "2026-01", "2026-01-01")
    with recorder.engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(entries_table), [{**entry, "call_id": day, "day": day} for day in days])
        connection.execute(insert(balances), [{"account": "ada", "period": one, "micro_usd": 1} for one in periods])
        for statement in block.split(";\n"):
            if statement:
                connection.exec_driver_sql(statement)
        assert connection.execute(select(entries_table.c.day)).scalars().all() == ["2026-01-01"]
        assert connection.execute(select(balances.c.period)).scalars().all() == ["2026-01", "2026-01-01"]
