"""Generated trails, and copies of them that a test may damage."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, StaticPool, create_engine, delete, insert, select

from {{ cookiecutter.package_name }}.audit import AuditEvent, Checkpoints, Kind, Trail, Verdict, verify
from {{ cookiecutter.package_name }}.audit.tables import audit
from {{ cookiecutter.package_name }}.database import Writer, metadata, running

from tests.silence import METRICS

Record = dict[str, Any]


def event(number: int, kind: Kind = Kind.STARTED, /, **details: Any) -> AuditEvent:
    roles: Any = ["employee", "analyst"]
    about = {"data_class": "internal", "roles": roles, "cost_micro_usd": number, "estimated": False, **details}
    return AuditEvent(kind, f"{number:032x}", "acme", "ada", f"{number:032x}", about)


async def generated(engine: Engine, calls: int) -> None:
    """A trail of one writer: each call's start and end."""
    trail = Trail()
    async with running(Writer(engine, [trail], METRICS)) as writer:
        for number in range(calls):
            await writer.commit({trail: event(number)})
            await writer.commit({trail: event(number, Kind.FINISHED, outcome="answered")})


def records(engine: Engine) -> list[Record]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(audit).order_by(audit.c.writer, audit.c.seq)).mappings()]


class Copy:
    """The same trail in memory, where each damage can be tried and undone in a moment."""

    def __init__(self, original: Engine) -> None:
        self.records = records(original)
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self._engine)

    def verdict(self, changed: list[Record], checkpoints: Checkpoints | None = None) -> Verdict:
        with self._engine.begin() as connection:
            connection.execute(delete(audit))
            if changed:
                connection.execute(insert(audit), changed)
        return verify(self._engine, checkpoints)

    def execute(self, statement: str) -> Verdict:
        """The verdict on the whole trail after a statement, which SQLite does not check for types."""
        self.verdict(self.records)
        with self._engine.begin() as connection:
            connection.exec_driver_sql(statement)
        return verify(self._engine)


@contextmanager
def undone(engine: Engine) -> Iterator[None]:
    """What the block does to the trail is undone after it."""
    before = records(engine)
    try:
        yield
    finally:
        with engine.execution_options(writes=True).begin() as connection:
            connection.execute(delete(audit))
            connection.execute(insert(audit), before)
