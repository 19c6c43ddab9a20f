"""Removes records past their retention. Each leaves a tombstone with its number and hash, so chains still verify."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection, Row, select, update

from ..database import patient
from .event import TIME, Kind
from .recorder import Recorder
from .search import told
from .tables import audit

SHORTEST_DAYS = 183  # six months: EU AI Act, articles 19 and 26(6)
CHUNK = 10_000  # records in one transaction
NEVER_REMOVED = (Kind.RETAINED, Kind.ACKNOWLEDGED)  # without them other chains would not verify any more
TOMBSTONE = {"at": "", "kind": "removed", "call_id": "", "tenant": None, "subject": None, "trace_id": None, "body": ""}


@dataclass(frozen=True, slots=True)
class Removed:
    """Tombstones of one chain, first to last. `digest`: SHA-256 over their hashes, a line feed after each."""

    writer: str
    first: int
    last: int
    digest: str


def retain(recorder: Recorder, days: int, reason: str) -> int:
    """Removes each chain's records older than `days`, from its beginning up to the first record that is younger.

    Works in pieces, each one transaction with a record of the removal, which is never removed itself. Returns how many
    records were removed.
    """
    cutoff = (datetime.now(UTC) - timedelta(days=days)).strftime(TIME)
    count = 0
    with patient(recorder.engine).connect() as connection:
        writers = connection.execute(select(audit.c.writer).distinct()).scalars().all()
    for writer in writers:
        done = 0
        while piece := _remove(recorder, writer, done, cutoff, {"days": days, "reason": reason}):
            count += piece.last - piece.first + 1
            done = piece.last
    return count


def _remove(recorder: Recorder, writer: str, done: int, cutoff: str, details: dict[str, Any]) -> Removed | None:
    with recorder.transaction() as connection:
        rows = _oldest(connection, writer, done, cutoff)
        if not rows:
            return None
        piece = Removed(writer, rows[0].seq, rows[-1].seq, _digest(row.hash for row in rows))
        of_piece = (audit.c.writer == writer) & audit.c.seq.between(piece.first, piece.last)
        connection.execute(update(audit).where(of_piece).values(**TOMBSTONE))
        recorder.record(connection, Kind.RETAINED, {**details, "before": cutoff, "removed": asdict(piece)})
        return piece


def _oldest(connection: Connection, writer: str, done: int, cutoff: str) -> Sequence[Any]:
    """Consecutive records only: tombstones, and records that other chains need, stay and end a piece."""
    kept = (audit.c.body == "") | audit.c.kind.in_(NEVER_REMOVED)
    of_chain = select(audit.c.seq, audit.c.hash, audit.c.at).where(audit.c.writer == writer, audit.c.seq > done, ~kept)
    rows = connection.execute(of_chain.order_by(audit.c.seq).limit(CHUNK)).all()
    whole = (row for place, row in enumerate(rows) if row.seq == rows[0].seq + place)
    return list(takewhile(lambda row: row.at < cutoff, whole))


class _Removal(BaseModel, strict=True):
    removed: Removed


def removed(connection: Connection) -> dict[str, list[Removed]]:
    """The removals on the trail, by chain. A forged one needs no check here: its own chain would not verify."""
    found: dict[str, list[Removed]] = defaultdict(list)
    for one in told(connection, Kind.RETAINED, _Removal):
        found[one.removed.writer].append(one.removed)
    return found


class Tombstones:
    """Checks one chain's tombstones: each must belong to a recorded removal, and that removal must be complete."""

    def __init__(self, pieces: Sequence[Removed]) -> None:
        self._begin = {piece.first: piece for piece in pieces}
        self._piece: Removed | None = None
        self._hash = hashlib.sha256()

    @property
    def unfinished(self) -> bool:
        return self._piece is not None

    def fault(self, row: Row[Any]) -> str | None:
        if any(getattr(row, name) != value for name, value in TOMBSTONE.items()):
            return "is neither a record nor a whole tombstone"
        if self._piece is None:
            self._piece, self._hash = self._begin.get(row.seq), hashlib.sha256()
        if self._piece is None:
            return "was removed, and no record says by whom and why"
        self._hash.update(f"{row.hash}\n".encode())
        piece = self._piece
        if row.seq == piece.last:
            self._piece = None
            if self._hash.hexdigest() != piece.digest:
                return f"or one before it, from {piece.first} on, is not the tombstone that was left"
        return None


def _digest(hashes: Iterator[str]) -> str:
    return hashlib.sha256("".join(f"{one}\n" for one in hashes).encode()).hexdigest()
