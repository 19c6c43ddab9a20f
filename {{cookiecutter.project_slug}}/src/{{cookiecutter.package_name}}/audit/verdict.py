"""Verifies that the trail is unchanged: each chain by its own hashes and by its signed checkpoints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Engine, Row, select

from ..database import patient
from .checkpoint import Checkpoint, Checkpoints
from .gap import Gap, acknowledged_gaps
from .loss import Lost, acknowledged
from .retention import Removed, Tombstones, removed
from .tables import audit
from .trail import BEGINNING, link

_Signed = dict[int, Checkpoint]
_SEARCHED = ("writer", "seq", "at", "kind", "call_id", "tenant", "subject", "trace_id")


@dataclass(frozen=True)
class Fault:
    writer: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"record {self.seq} of writer {self.writer}: {self.reason}"


@dataclass
class Verdict:
    """`unsigned`: records that came after their chain's last checkpoint, and could still be cut off unseen.

    `lost`: those that are gone, as somebody has acknowledged. `gaps`: the chains whose missing checkpoints somebody has
    acknowledged; `open_gaps`: those of the faults that could be.
    """

    records: int = 0
    tombstones: int = 0
    lost: int = 0
    gaps: int = 0
    writers: int = 0
    unfinished: int = 0
    unsigned: int = 0
    faults: list[Fault] = field(default_factory=list)
    open_gaps: list[Gap] = field(default_factory=list)


def verify(engine: Engine, checkpoints: Checkpoints | None = None) -> Verdict:
    """Reads the whole trail, a chain at a time. A chain ends at its first fault: what follows proves nothing.

    Without `checkpoints` a tail that was cut, and a chain that was removed or made up, go unnoticed.
    """
    verdict = Verdict()
    sizes = checkpoints.sizes() if checkpoints else {}
    with snapshot(engine).connect() as connection:
        pieces, lost, gaps = removed(connection), acknowledged(connection), acknowledged_gaps(connection)

        def chain(writer: str) -> _Chain:
            said = _Said(*_signed(checkpoints, writer, sizes.pop(writer, 0)), gaps.get(writer), lost.get(writer))
            return _Chain(writer, said, pieces.pop(writer, []), verdict)

        everything = select(audit).order_by(audit.c.writer, audit.c.seq)
        rows = connection.execute(everything.execution_options(yield_per=1_000))
        seen = set()
        for writer, records in groupby(rows, key=lambda row: str(row.writer)):
            seen.add(writer)
            chain(writer).verify(records)
    for writer in sorted({*sizes, *pieces, *gaps} - seen):
        chain(writer).verify(iter(()))
    return verdict


def snapshot(engine: Engine) -> Engine:
    """What is removed while we read must not look like a fault. SQLite's transactions are snapshots anyway."""
    patiently = patient(engine)
    postgresql = engine.dialect.name == "postgresql"
    return patiently.execution_options(isolation_level="REPEATABLE READ") if postgresql else patiently


def _signed(checkpoints: Checkpoints | None, writer: str, size: int) -> tuple[_Signed | None, str | None]:
    """By the number of the record that each signs, up to the first that is none; and what is wrong with that."""
    if checkpoints is None:
        return None, None
    found: _Signed = {}
    try:
        for one in checkpoints.read(writer, size):
            if found.setdefault(one.seq, one).hash != one.hash:
                raise ValueError("two checkpoints of this record contradict each other")
    except ValueError as error:
        return found, str(error)
    except OSError as error:
        return found, f"{checkpoints.path(writer).name} cannot be read ({type(error).__name__})"
    return found, None


@dataclass(frozen=True)
class _Said:
    """Evidence about a chain from outside of it. `signed` None: not read. `broken`: why `signed` may be incomplete."""

    signed: _Signed | None
    broken: str | None
    gap: Gap | None
    lost: Lost | None


class _Chain:
    def __init__(self, writer: str, said: _Said, pieces: list[Removed], verdict: Verdict) -> None:
        self._writer = writer
        self._said = said
        self._signed = said.signed or {}
        self._tombstones = Tombstones(pieces)
        self._missing = bool(pieces)  # until one of its rows is seen
        self._verdict = verdict
        self._expected, self._head = 1, BEGINNING
        self._open_calls: set[str] = set()
        if said.broken and not said.gap:
            self._add(max(self._signed, default=0), said.broken)

    def verify(self, rows: Iterator[Row[Any]]) -> None:
        for row in rows:
            self._verdict.writers += self._expected == 1
            self._verdict.records += 1
            if reason := self._fault(row):
                seq = min(row.seq, self._expected) if _is_number(row.seq) else self._expected
                self._add(seq, reason)
                self._verdict.records += sum(1 for _ in rows)
                return
            self._expected, self._head, self._missing = row.seq + 1, row.hash, False
            (self._open_calls.add if row.kind == "started" else self._open_calls.discard)(row.call_id)
        self._verdict.unfinished += len(self._open_calls)
        self._verify_end()

    def _fault(self, row: Row[Any]) -> str | None:
        if row.seq != self._expected:
            beyond = _is_number(row.seq) and row.seq > self._expected
            return "is missing" if beyond else "stands where another belongs"
        if row.body == "":
            self._verdict.tombstones += 1
            reason = self._tombstones.fault(row)
        elif self._tombstones.unfinished:
            reason = "stands where a tombstone was left"
        else:
            reason = _fault_of(row, self._head)
        if reason is None and row.seq in self._signed and self._signed[row.seq].hash != row.hash:
            reason = f"is not the one that the checkpoint of {self._signed[row.seq].at} signed"
        gap = self._said.gap
        if reason is None and gap and gap.seq == row.seq and gap.hash != row.hash:
            reason = "is not the one up to which missing checkpoints were acknowledged"
        return reason

    def _verify_end(self) -> None:
        last, gap = self._expected - 1, self._said.gap
        unproven = self._said.broken or (last and self._said.signed == {})
        if self._tombstones.unfinished or self._missing:
            self._add(last + 1, "is missing: a tombstone stood there")
        elif gap and gap.seq > last:
            self._add(last + 1, f"is missing: of records up to {gap.seq} missing checkpoints were acknowledged")
        elif unproven and gap and gap.seq == last:
            self._verdict.gaps += 1
        else:
            if unproven:
                self._open_gap(last)
            self._verify_length(last)

    def _open_gap(self, last: int) -> None:
        if self._said.gap:
            self._add(self._said.gap.seq + 1, "has no checkpoint, and came after those of which that was acknowledged")
        elif not self._said.broken:
            self._add(1, "begins a chain without a checkpoint: somebody made it up, or removed its checkpoints")
        after = max((seq for seq in self._signed if seq <= last), default=0)
        self._verdict.open_gaps.append(Gap(self._writer, after, last, self._head))

    def _verify_length(self, last: int) -> None:
        newest = max((one for one in self._signed.values() if one.binding), key=lambda one: one.seq, default=None)
        if newest and self._said.lost == Lost(self._writer, last, newest.seq):
            self._verdict.lost += newest.seq - last
        elif newest and newest.seq > last:
            self._add(
                last + 1,
                f"is missing: the checkpoint of {newest.at} signed up to record {newest.seq}. "
                "The end was cut off, or an older copy of the database was put back",
            )
        elif self._signed:
            self._verdict.unsigned += last - max(seq for seq in self._signed if seq <= last)

    def _add(self, seq: int, reason: str) -> None:
        self._verdict.faults.append(Fault(self._writer, seq, reason))


def _fault_of(row: Row[Any], previous: str) -> str | None:
    if not str(row.body).isascii() or link(previous, str(row.body)) != row.hash:
        return "does not fit its hash: it, or the record before it, was changed, removed or inserted"
    try:
        record = json.loads(row.body)
        differing = [name for name in _SEARCHED if record.get(name) != getattr(row, name)]
    except (ValueError, AttributeError, RecursionError):
        return "is not in the canonical form"
    return f"its column {differing[0]} differs from the record" if differing else None


def _is_number(value: object) -> bool:
    return isinstance(value, int)  # SQLite keeps whatever somebody put into a column
