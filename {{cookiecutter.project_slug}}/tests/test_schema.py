from pathlib import Path

from {{ cookiecutter.package_name }}.database import open_engine
from {{ cookiecutter.package_name }}.schema import migrate, pending


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
