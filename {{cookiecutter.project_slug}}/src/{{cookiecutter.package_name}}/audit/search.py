from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, tuple_

from .event import Kind
from .tables import audit, of_kind

Place = tuple[str, str, int]  # time, writer, number: where a page ends


@dataclass(frozen=True)
class Search:
    """Records of one tenant; None: of all.

    `since` counts, `until` does not; both are beginnings of a record's time, such as a day.
    """

    tenant: str | None
    user: str | None = None
    trace: str | None = None
    call: str | None = None
    since: str | None = None
    until: str | None = None
    after: Place | None = None
    limit: int = 50
    kinds: tuple[Kind, ...] = ()  # none named: of every kind


def search(engine: Engine, wanted: Search) -> tuple[list[dict[str, Any]], Place | None]:
    """Newest first, each with its hash, and the place to go on from; None where nothing is older."""
    order = (audit.c.at, audit.c.writer, audit.c.seq)
    equal = {
        audit.c.tenant: wanted.tenant,
        audit.c.subject: wanted.user,
        audit.c.trace_id: wanted.trace,
        audit.c.call_id: wanted.call,
    }
    told = select(audit).where(audit.c.body != "")  # no tombstones
    statement = told.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.kinds:
        statement = statement.where(of_kind(*wanted.kinds))
    if wanted.since:
        statement = statement.where(audit.c.at >= wanted.since)
    if wanted.until:
        statement = statement.where(audit.c.at < wanted.until)
    if wanted.after:
        statement = statement.where(tuple_(*order) < wanted.after)
    page = statement.order_by(*(column.desc() for column in order)).limit(wanted.limit + 1)
    with engine.connect() as connection:
        rows = connection.execute(page).all()
    found = [{**json.loads(row.body), "hash": row.hash} for row in rows[: wanted.limit]]
    last = rows[wanted.limit - 1] if len(rows) > wanted.limit else None
    return found, (last.at, last.writer, last.seq) if last else None
