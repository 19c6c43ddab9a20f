import getpass
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from .checkpoint import Checkpointer, Checkpoints
from .event import AuditEvent, Json, Kind, new_call_id
from .trail import Trail


class Recorder:
    """Writes what a command did: a chain of its own, its change and the record of it in one transaction."""

    def __init__(self, engine: Engine, checkpoints: Checkpoints) -> None:
        self.engine = engine
        self.checkpoints = checkpoints
        self._trail = Trail()
        self._checkpointer = Checkpointer(self._trail, checkpoints)

    @property
    def failing(self) -> bool:
        """Whether the last checkpoint could not be written."""
        return self._checkpointer.failing

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Writes a checkpoint after each commit, and one before the first: a chain without any counts as forged."""
        before, _ = self._trail.durable
        try:
            with self.engine.execution_options(writes=True).begin() as connection:
                yield connection
        except BaseException:
            self._trail.forget()
            raise
        self._trail.committed()
        if self._trail.durable[0] > before:
            self._checkpointer.write()

    def record(
        self,
        connection: Connection,
        kind: Kind,
        details: Mapping[str, Json],
        tenant: str | None = None,
        subject: str | None = None,
    ) -> None:
        if not self._trail.durable[0]:
            self._checkpointer.write()
        event = AuditEvent(kind, new_call_id(), tenant, subject, details={**details, "by": _person()})
        self._trail.write(connection, [event])


def _person() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user may have no name
        return "unknown"
