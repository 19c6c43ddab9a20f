from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, Text

from ..database import bulk_insert, metadata

# `body` is the record; the columns before it repeat what one searches by, and `audit verify` compares them with it.
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
)
INSERT = bulk_insert(audit)
