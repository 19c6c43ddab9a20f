from pathlib import Path

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.database import migrate, open_engine, pending
from {{ cookiecutter.package_name }}.database.schema import _config

REVISIONS = [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]
FIRST = REVISIONS[-1]


def test_a_fresh_database_waits_for_its_migrations(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'fresh.db'}")
    assert pending(engine)
    migrate(engine)
    assert not pending(engine)
    migrate(engine)
    engine.dispose()


def test_a_newer_version_s_migration_does_not_stop_this_one(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'newer.db'}")
    migrate(engine)
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'of_a_newer_version'")
    assert not pending(engine)
    engine.dispose()


def test_a_half_applied_schema_is_pending(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'half.db'}")
    migrate(engine)
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = 't001'")
    assert pending(engine)
    engine.dispose()


def moved(engine: Engine, to: str) -> None:
    """By Alembic itself, up or down."""
    config = _config()
    with engine.execution_options(writes=True).begin() as connection:
        config.attributes["connection"] = connection
        (command.upgrade if to == "heads" else command.downgrade)(config, to)


@pytest.mark.parametrize("version", REVISIONS)
def test_what_an_earlier_version_wrote_is_kept(version: str, database_url: str) -> None:
    engine = open_engine(database_url)
    migrate(engine)
    moved(engine, version)
    assert pending(engine) == (version != REVISIONS[0])
    with engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("INSERT INTO balances VALUES ('user:acme', '2026-03-01', 7)")
    migrate(engine)
    assert not pending(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT micro_usd FROM balances").scalar() == 7
    engine.dispose()
