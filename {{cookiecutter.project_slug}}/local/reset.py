"""`python -m local.reset`: forgets what running on this machine left behind. The environment `.venv` stays."""

import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from local.loopback import NotStartedError
from local.stack import PROJECT

LEFT_BEHIND = (".local", "checkpoints", "service.db", "service.db-shm", "service.db-wal")


def reset(folder: Path) -> list[str]:
    """The names of what was there. Raises NotStartedError while the database is in use."""
    if _in_use(folder / "service.db"):
        raise NotStartedError("The service still runs on this database: end it with Ctrl-C, then type 'make reset'.")
    found = [path for name in LEFT_BEHIND if (path := folder / name).exists()]
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [path.name for path in found]


def _in_use(file: Path) -> bool:
    """SQLite leaves its write-ahead log only for a connection that is the last one."""
    if not file.exists():
        return False
    with closing(sqlite3.connect(file, timeout=0)) as connection:
        try:
            return bool(connection.execute("PRAGMA journal_mode=DELETE").fetchone() == ("wal",))
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode == sqlite3.SQLITE_BUSY
        except sqlite3.DatabaseError:  # what is damaged may go
            return False


def main() -> int:
    try:
        removed = reset(PROJECT)
    except NotStartedError as reason:
        print(reason, file=sys.stderr)
        return 1
    print(f"Removed: {', '.join(removed)}." if removed else "There was nothing to remove.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
