import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import Connection, Engine, Row, Select, select, tuple_

from .event import Kind
from .tables import audit, of_kind

T = TypeVar("T", bound=BaseModel)
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


_ORDER = (audit.c.at, audit.c.writer, audit.c.seq)


def search(engine: Engine, wanted: Search) -> tuple[list[dict[str, Any]], Place | None]:
    """Newest first, each with its hash, and the place to go on from; None where nothing is older."""
    with engine.connect() as connection:
        rows = connection.execute(_newest_first(wanted).limit(wanted.limit + 1)).all()
    last = rows[wanted.limit - 1] if len(rows) > wanted.limit else None
    return [_told(row) for row in rows[: wanted.limit]], (last.at, last.writer, last.seq) if last else None


def search_through(engine: Engine, wanted: Search) -> Iterator[dict[str, Any]]:
    """The same in one reading, however many: a page of some records costs a reading of the whole table each."""
    with engine.connect() as connection:
        statement = _newest_first(wanted).limit(wanted.limit).execution_options(yield_per=1_000)
        yield from map(_told, connection.execute(statement))


def _newest_first(wanted: Search) -> Select[Any]:
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
        statement = statement.where(tuple_(*_ORDER) < wanted.after)
    return statement.order_by(*(column.desc() for column in _ORDER))


def _told(row: Row[Any]) -> dict[str, Any]:
    return {**json.loads(row.body), "hash": row.hash}


def told(connection: Connection, kind: Kind, form: type[T]) -> Iterator[T]:
    """What all records of a kind say, the earliest first; those of another form are left out."""
    bodies = select(audit.c.body).where(of_kind(kind)).order_by(audit.c.at)
    for body in connection.execute(bodies).scalars():
        with suppress(ValueError, TypeError, RecursionError):
            said = json.loads(body)
            # Only what it reads: a reason typed in another encoding is no text to pydantic's stricter parser.
            yield form.model_validate_json(json.dumps({name: said[name] for name in form.model_fields if name in said}))
