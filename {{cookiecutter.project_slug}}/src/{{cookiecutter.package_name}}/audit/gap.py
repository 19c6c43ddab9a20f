"""Chains whose checkpoints are gone or unreadable. An operator's acknowledgement on the trail takes their place."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from pydantic import BaseModel
from sqlalchemy import Connection

from .event import Kind
from .recorder import Recorder
from .search import told


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
    return {gap.writer: gap for one in told(connection, Kind.ACKNOWLEDGED, _Unsigned) for gap in one.unsigned}


def acknowledge_gaps(recorder: Recorder, gaps: Sequence[Gap], reason: str) -> None:
    """Raises OSError where the acknowledgement itself could not be signed: nothing is recorded then."""
    with recorder.transaction() as connection:
        recorder.record(connection, Kind.ACKNOWLEDGED, {"unsigned": [asdict(one) for one in gaps], "reason": reason})
        if recorder.failing:
            raise OSError(f"no checkpoint can be written into {recorder.checkpoints.folder}")
