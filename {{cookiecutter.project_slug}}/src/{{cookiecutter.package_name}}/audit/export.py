from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from .checkpoint import Checkpoints
from .clerk import Clerk
from .event import Json, Kind, now
from .tables import audit
from .verdict import snapshot

FORMAT = 1


@dataclass
class Exported:
    """`keys`: the public ones, base64. `digest`: SHA-256 of the file."""

    records: int
    digest: str
    keys: list[str]


def export(clerk: Clerk, file: Path) -> Exported:
    """The file appears when it is whole and its record durable. Raises OSError, ValueError for a broken checkpoint."""
    checkpoints = clerk.checkpoints
    found = Exported(0, "", sorted(checkpoints.keys.public_texts().values()))
    sizes, digest = checkpoints.sizes(), hashlib.sha256()
    partial = file.with_name(f"{file.name}.partial")
    try:
        with snapshot(clerk.engine).connect() as connection, partial.open("wb") as out:
            for entry in _entries(connection, checkpoints, sizes):
                line = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
                digest.update(line)
                out.write(line)
                found.records += entry["type"] == "record"
        found.digest = digest.hexdigest()
        said: dict[str, Json] = {"file": file.name, "records": found.records, "digest": found.digest}
        with clerk.transaction() as connection:
            clerk.record(connection, Kind.EXPORTED, said)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return found


def _entries(connection: Connection, checkpoints: Checkpoints, sizes: dict[str, int]) -> Iterator[dict[str, Any]]:
    yield {"type": "export", "format": FORMAT, "at": now(), "keys": checkpoints.keys.public_texts()}
    everything = select(audit.c.writer, audit.c.seq, audit.c.body, audit.c.hash)
    ordered = everything.order_by(audit.c.writer, audit.c.seq)
    rows = connection.execution_options(yield_per=1_000).execute(ordered)
    for writer, chain in groupby(rows, key=lambda row: str(row.writer)):
        last = 0
        for row in chain:
            last = row.seq
            yield {"type": "record", **row._mapping}
        yield from _checkpoints(checkpoints, writer, sizes.pop(writer, 0), last)
    for writer, size in sizes.items():
        yield from _checkpoints(checkpoints, writer, size, 0)


def _checkpoints(checkpoints: Checkpoints, writer: str, size: int, last: int) -> Iterator[dict[str, Any]]:
    """Not those of records that came after we began to read."""
    for one in checkpoints.read(writer, size):
        if one.binding or one.seq <= last:
            yield {"type": "checkpoint", **json.loads(one.line())}
