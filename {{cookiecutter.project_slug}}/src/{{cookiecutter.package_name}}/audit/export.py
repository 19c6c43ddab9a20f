import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, select

from .checkpoint import Checkpoint, Checkpoints
from .event import Json, Kind, now
from .gap import acknowledged_gaps
from .recorder import Recorder
from .tables import audit
from .verdict import snapshot

FORMAT = 1


@dataclass
class Exported:
    """`keys`: the public ones, base64, with their end. `digest`: SHA-256 of the file."""

    records: int
    digest: str
    keys: list[str]


def export(recorder: Recorder, file: Path) -> Exported:
    """The file appears when it is whole and its record durable. Raises OSError, ValueError for a broken checkpoint."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        with partial.open("wb") as out:
            found = export_into(recorder, out, file.name)
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
    return found


def export_into(recorder: Recorder, out: IO[bytes], name: str) -> Exported:
    """What was written is whole, and its record durable, when this returns. Raises the same."""
    checkpoints = recorder.checkpoints
    found = Exported(0, "", checkpoints.keys.given())
    sizes, digest = checkpoints.sizes(), hashlib.sha256()
    with snapshot(recorder.engine).connect() as connection:
        for entry in _entries(connection, checkpoints, sizes):
            line = json.dumps(entry, sort_keys=True, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            out.write(line)
            found.records += entry["type"] == "record"
    out.flush()
    found.digest = digest.hexdigest()
    said: dict[str, Json] = {"file": name, "records": found.records, "digest": found.digest}
    with recorder.transaction() as connection:
        recorder.record(connection, Kind.EXPORTED, said)
    return found


def _entries(connection: Connection, checkpoints: Checkpoints, sizes: dict[str, int]) -> Iterator[dict[str, Any]]:
    yield {"type": "export", "format": FORMAT, "at": now(), "keys": checkpoints.keys.public_texts()}
    gaps = acknowledged_gaps(connection)
    everything = select(audit.c.writer, audit.c.seq, audit.c.body, audit.c.hash)
    ordered = everything.order_by(audit.c.writer, audit.c.seq)
    rows = connection.execute(ordered.execution_options(yield_per=1_000))
    for writer, chain in groupby(rows, key=lambda row: str(row.writer)):
        last = 0
        for row in chain:
            last = row.seq
            yield {"type": "record", **row._mapping}
        yield from _checkpoints(checkpoints.read(writer, sizes.pop(writer, 0)), last, writer in gaps)
    for writer, size in sizes.items():
        yield from _checkpoints(checkpoints.read(writer, size), 0, writer in gaps)


def _checkpoints(found: Iterator[Checkpoint], last: int, acknowledged: bool) -> Iterator[dict[str, Any]]:
    """Not those of records that came after we began to read. That some cannot be read may be `acknowledged`."""
    try:
        for one in found:
            if one.binding or one.seq <= last:
                yield {"type": "checkpoint", **json.loads(one.line())}
    except (ValueError, OSError):
        if not acknowledged:
            raise
