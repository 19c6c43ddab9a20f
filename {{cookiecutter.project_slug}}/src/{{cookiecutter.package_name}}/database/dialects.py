"""Where do SQLite and PostgreSQL differ? In how a connection begins, and in how many rows are written at once."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    Column,
    Connection,
    CursorResult,
    Engine,
    Table,
    Text,
    bindparam,
    cast,
    event,
    func,
    insert,
    make_url,
    select,
)
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.sql import Executable
from sqlalchemy.sql.selectable import TableValuedAlias

_POSTGRESQL = {
    # Whatever hangs, the server, the way to it or another replica's lock, hangs for seconds and then fails.
    "options": "-c synchronous_commit=on -c statement_timeout=10s -c idle_in_transaction_session_timeout=15s",
    "connect_timeout": 5,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
}


def connect_arguments(url: str) -> dict[str, Any]:
    return {} if make_url(url).get_backend_name() == "sqlite" else _POSTGRESQL


def listen(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _set_sqlite_pragmas)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "checkout", _check_postgresql)
        event.listen(engine, "begin", _begin_postgresql)


def patient(engine: Engine) -> Engine:
    """The same, for commands that read all there is, or hand it on to somebody who is slow."""
    return engine.execution_options(patient=True)


def _set_sqlite_pragmas(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy's transactions, not the driver's own
    for pragma in ("busy_timeout=5000", "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins with a read cannot be made a writing one while another writes.
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("patient"):
        connection.exec_driver_sql("SET LOCAL statement_timeout = '1h'")
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '10min'")


def _check_postgresql(connection: Any, _: Any, __: Any) -> None:
    """Like SQLAlchemy's `pool_pre_ping`, but without asking the server: that it is gone is known on this side too."""
    try:
        for _ in range(2):  # the server's goodbye, then the end of the stream
            connection.pgconn.consume_input()
    except Exception:  # the driver's own, which is not imported where SQLite serves
        raise DisconnectionError from None  # the pool takes another


class Bulk:
    """PostgreSQL's driver sends each row of an executemany separately, and a multi-row INSERT differs in text for each
    count, so `at_once` takes the rows as one JSON parameter. SQLite uses `one_by_one`: its driver loops in C.
    """

    def __init__(self, one_by_one: Executable, at_once: Executable) -> None:
        self._one_by_one = one_by_one
        self._at_once = at_once

    def __call__(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> CursorResult[Any]:
        if connection.dialect.name == "postgresql":
            return connection.execute(self._at_once, {"rows": orjson.dumps(rows).decode()})
        return connection.execute(self._one_by_one, rows)


def given_rows(*columns: Column[Any]) -> TableValuedAlias:
    """The rows of the JSON parameter as a table (PostgreSQL); null where a row has no such name."""
    rows = cast(bindparam("rows", type_=Text), JSON)
    named = (Column(one.name, one.type) for one in columns)
    return func.json_to_recordset(rows).table_valued(*named, name="given").render_derived(with_types=True)


def bulk_insert(table: Table) -> Bulk:
    return Bulk(insert(table), insert(table).from_select(table.columns.keys(), select(given_rows(*table.columns))))
