"""Identifies the project's state, since evidence only counts for the state it was made on."""

import hashlib
from pathlib import Path

PROJECT = Path(__file__).parents[1]
DECIDES = ("src", "config", "assurance")
LEFT_OUT = (".", "__pycache__", "baselines")  # what names begin with that decides nothing, or is evidence itself


def stamp(*also: str, project: Path = PROJECT) -> str:
    """A digest of every file in `src`, `config`, `assurance` and what is named besides, with their places."""
    digest = hashlib.sha256()
    for name in (*DECIDES, *also):
        top = project / name
        for path in sorted(one for one in (top, *top.rglob("*")) if one.is_file()):
            place = path.relative_to(project)
            if not any(part.startswith(LEFT_OUT) for part in place.parts):
                digest.update(f"{place.as_posix()}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()
