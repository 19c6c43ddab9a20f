"""A hash chain per writer: each record's hash covers its own body and the hash before it."""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from ..errors import ServiceError
from .event import AuditEvent
from .tables import INSERT, audit

BEGINNING = "0" * 64


def link(previous: str, body: str) -> str:
    return hashlib.sha256(f"{previous}\n{body}".encode("ascii")).hexdigest()


class Trail:
    """One process life's chain. A Book: all its records of one batch are linked and inserted together."""

    def __init__(self) -> None:
        self.writer = secrets.token_hex(16)
        self._head: tuple[int, str] | None = (0, BEGINNING)
        self.durable = (0, BEGINNING)  # the head that a commit has confirmed
        self.moved = asyncio.Event()

    def write(self, connection: Connection, entries: Sequence[AuditEvent]) -> Mapping[int, ServiceError]:
        seq, head = self._head or self._last_committed(connection)
        rows = []
        for event in entries:
            seq += 1
            body = event.body(self.writer, seq)
            head = link(head, body)
            rows.append(self._row(event, seq, body, head))
        INSERT(connection, rows)
        self._head = (seq, head)
        return {}

    def committed(self) -> None:
        self.durable = self._head or self.durable
        self.moved.set()

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
