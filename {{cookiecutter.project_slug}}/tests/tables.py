"""The tables that the migrations make, without running them for each test anew: of SQLite, a copy of a file."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from sqlalchemy import Engine

from {{ cookiecutter.package_name }}.database import migrate, open_engine


def make_tables(engine: Engine) -> None:
    path = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite" and not path.exists():
        shutil.copyfile(_migrated_file(), path)
    else:
        migrate(engine)


@functools.cache
def _migrated_file() -> Path:
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    engine = open_engine(f"sqlite:///{folder}/migrated.db")
    migrate(engine)
    engine.dispose()  # the last connection leaves nothing beside the file
    return Path(folder, "migrated.db")
