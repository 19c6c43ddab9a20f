import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.database import migrate, open_engine

from local.loopback import NotStartedError
from local.reset import reset


def test_reset_forgets_local_state_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".local" / "evals").mkdir(parents=True)
    for name in ("service.db", "service.db-wal", ".env", "notes.db"):
        (tmp_path / name).touch()
    assert reset(tmp_path) == [".local", "service.db", "service.db-wal"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [".env", "notes.db"]
    assert reset(tmp_path) == []


def test_nothing_is_forgotten_while_the_service_runs(tmp_path: Path) -> None:
    """Else its last checkpoint would be of a database that is gone, and the next start would refuse it."""
    engine = open_engine(f"sqlite:///{tmp_path / 'service.db'}")
    migrate(engine)
    engine.connect().close()  # idle, in the pool
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(NotStartedError, match="end it with Ctrl-C"):
        reset(tmp_path)
    assert (tmp_path / "checkpoints").exists()
    engine.dispose()
    assert reset(tmp_path) == ["checkpoints", "service.db"]


def test_a_damaged_database_can_be_forgotten(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "service.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE one (number)")
    (tmp_path / "service.db").write_bytes(b"not a database" * 400)
    assert reset(tmp_path) == ["service.db"]
