"""Which code was it? Evidence that is stamped with another digest than today's proves nothing about today."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent
FOLDERS = ("src", "config", "assurance")
LEFT_OUT = {"__pycache__", "baselines"}  # what Python leaves, and what is evidence itself


def code_digest(project: Path = PROJECT) -> str:
    """SHA-256 over the paths and contents of `src`, `config` and `assurance`."""
    digest = hashlib.sha256()
    for path in _files(project):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(project).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _files(project: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((project / folder).rglob("*")):
            if path.is_file() and not LEFT_OUT.intersection(path.relative_to(project).parts):
                yield path
