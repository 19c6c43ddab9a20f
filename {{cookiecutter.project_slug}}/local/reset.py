"""`python -m local.reset`: forgets what running on this machine left behind. The environment `.venv` stays."""

import shutil
import sys
from pathlib import Path

from local.stack import PROJECT

LEFT_BEHIND = (".local", "checkpoints", "service.db", "service.db-shm", "service.db-wal")


def reset(folder: Path) -> list[str]:
    """The names of what was there."""
    found = [path for name in LEFT_BEHIND if (path := folder / name).exists()]
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return [path.name for path in found]


def main() -> int:
    removed = reset(PROJECT)
    print(f"Removed: {', '.join(removed)}." if removed else "There was nothing to remove.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
