from sqlalchemy import Column, ColumnElement, Index, Integer, String, Table, Text, text

from ..database import bulk_insert, metadata
from .event import Kind

_FREQUENT = (Kind.STARTED, Kind.FINISHED)
_RARE = text("kind NOT IN ('started', 'finished', 'removed')")
# `body` is the record. The columns before it repeat the fields used in searches; `audit verify` compares both.
audit = Table(
    "audit",
    metadata,
    Column("writer", String(32), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("call_id", String(32), nullable=False, index=True),
    Column("tenant", String(255)),
    Column("subject", String(255)),
    Column("trace_id", String(32), index=True),
    Column("body", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    Index("ix_audit_tenant_at", "tenant", "at"),
    Index("ix_audit_rare", "kind", "at", sqlite_where=_RARE, postgresql_where=_RARE),
)
INSERT = bulk_insert(audit)


def of_kind(*kinds: Kind) -> ColumnElement[bool]:
    """Rare kinds have a partial index. SQLite uses it only if a query repeats the index's condition word for word."""
    wanted = audit.c.kind.in_(kinds)
    return wanted if set(kinds) & set(_FREQUENT) else wanted & _RARE
