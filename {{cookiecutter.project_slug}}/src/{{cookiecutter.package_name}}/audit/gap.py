"""Chains whose checkpoints are gone or unreadable. An operator's acknowledgement on the trail takes their place."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, select

from .event import Kind
from .recorder import Recorder
from .tables import audit, of_kind

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Gap:
    """The records from `after` + 1 to `seq`, the chain's last, have no checkpoint. `hash` is that of the last one."""

    writer: str
    after: int
    seq: int
    hash: str


class _Unsigned(BaseModel, strict=True):
    unsigned: list[Gap]


def acknowledged_gaps(connection: Connection) -> Mapping[str, Gap]:
    """By chain. A record that says it wrongly is found out in its own chain."""
    return {gap.writer: gap for one in acknowledgements(connection, _Unsigned) for gap in one.unsigned}


def acknowledgements(connection: Connection, kind: type[T]) -> Iterator[T]:
    """The earliest first; those that say nothing of this kind are left out."""
    told = select(audit.c.body).where(of_kind(Kind.ACKNOWLEDGED)).order_by(audit.c.at)
    for body in connection.execute(told).scalars():
        with suppress(ValidationError):
            yield kind.model_validate_json(body)


def acknowledge_gaps(recorder: Recorder, gaps: Sequence[Gap], reason: str) -> None:
    """Raises OSError where the acknowledgement itself could not be signed: nothing is recorded then."""
    with recorder.transaction() as connection:
        recorder.record(connection, Kind.ACKNOWLEDGED, {"unsigned": [asdict(one) for one in gaps], "reason": reason})
        if recorder.failing:
            raise OSError(f"no checkpoint can be written into {recorder.checkpoints.folder}")
