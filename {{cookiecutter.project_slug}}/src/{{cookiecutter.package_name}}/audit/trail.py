"""A hash chain per writer: each record's hash covers its own body and the hash before it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select

from ..errors import ServiceError
from .event import AuditEvent
from .tables import audit

BEGINNING = "0" * 64
_SEARCHED = ("writer", "seq", "at", "kind", "call_id", "tenant", "subject", "trace_id")


def link(previous: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{body}".encode("ascii")).hexdigest()


class Trail:
    """One process life's chain. A Book: all its records of one batch are linked and inserted together."""

    def __init__(self) -> None:
        self.writer = uuid.uuid4().hex
        self._head: tuple[int, str] | None = (0, BEGINNING)

    def write(self, connection: Connection, entries: Sequence[AuditEvent]) -> Mapping[int, ServiceError]:
        seq, head = self._head or self._last_committed(connection)
        rows = []
        for event in entries:
            seq += 1
            body = event.body(self.writer, seq)
            head = link(head, body)
            rows.append(self._row(event, seq, body, head))
        connection.execute(insert(audit), rows)
        self._head = (seq, head)
        return {}

    def forget(self) -> None:
        self._head = None

    def _last_committed(self, connection: Connection) -> tuple[int, str]:
        last = (
            select(audit.c.seq, audit.c.hash).where(audit.c.writer == self.writer).order_by(audit.c.seq.desc()).limit(1)
        )
        found = connection.execute(last).first()
        return (found.seq, found.hash) if found else (0, BEGINNING)

    def _row(self, event: AuditEvent, seq: int, body: str, digest: str) -> dict[str, Any]:
        return {
            "writer": self.writer,
            "seq": seq,
            "at": event.at,
            "kind": str(event.kind),
            "call_id": event.call_id,
            "tenant": event.tenant,
            "subject": event.subject,
            "trace_id": event.trace_id,
            "body": body,
            "hash": digest,
        }


@dataclass(frozen=True)
class Fault:
    writer: str
    seq: int
    reason: str

    def __str__(self) -> str:
        return f"record {self.seq} of writer {self.writer}: {self.reason}"


@dataclass
class Verdict:
    records: int = 0
    writers: int = 0
    unfinished: int = 0
    faults: list[Fault] = field(default_factory=list)


def verify(engine: Engine) -> Verdict:
    """Reads the whole trail, a chain at a time. A chain ends at its first fault: what follows proves nothing."""
    verdict = Verdict()
    everything = select(audit).order_by(audit.c.writer, audit.c.seq)
    with engine.connect() as connection:
        rows = connection.execution_options(yield_per=1_000).execute(everything)
        for writer, chain in groupby(rows, key=lambda row: str(row.writer)):
            verdict.writers += 1
            _verify_chain(writer, chain, verdict)
    return verdict


def _verify_chain(writer: str, chain: Iterator[Row[Any]], verdict: Verdict) -> None:
    expected, head = 1, BEGINNING
    open_calls: set[str] = set()
    for row in chain:
        verdict.records += 1
        if reason := _fault(row, expected, head):
            verdict.faults.append(Fault(writer, min(row.seq, expected) if _is_number(row.seq) else expected, reason))
            verdict.records += sum(1 for _ in chain)
            return
        expected, head = row.seq + 1, row.hash
        (open_calls.add if row.kind == "started" else open_calls.discard)(row.call_id)
    verdict.unfinished += len(open_calls)


def _fault(row: Row[Any], expected: int, previous: str) -> str | None:
    if row.seq != expected:
        return "is missing" if _is_number(row.seq) and row.seq > expected else "stands where another belongs"
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
