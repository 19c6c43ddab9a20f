"""Chains whose checkpoints are gone or unreadable. An operator's acknowledgement on the trail takes their place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, select

from .clerk import Clerk
from .event import Kind
from .tables import audit, of_kind


@dataclass(frozen=True, slots=True)
class Gap:
    """The records from `after` + 1 to `seq`, the chain's last, have no checkpoint. `hash` is that of the last one."""

    writer: str
    after: int
    seq: int
    hash: str


def acknowledged_gaps(connection: Connection) -> Mapping[str, Gap]:
    """By chain. A record that says it wrongly is found out in its own chain."""
    found: dict[str, Gap] = {}
    for body in connection.execute(select(audit.c.body).where(of_kind(Kind.ACKNOWLEDGED))).scalars():
        try:
            gaps = [Gap(**one) for one in json.loads(body)["unsigned"]]
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        found |= {gap.writer: gap for gap in gaps}
    return found


def acknowledge_gaps(clerk: Clerk, gaps: Sequence[Gap], reason: str) -> None:
    """Raises OSError where the acknowledgement itself could not be signed: nothing is recorded then."""
    with clerk.transaction() as connection:
        clerk.record(connection, Kind.ACKNOWLEDGED, {"unsigned": [asdict(one) for one in gaps], "reason": reason})
        if clerk.failing:
            raise OSError(f"no checkpoint can be written into {clerk.checkpoints.folder}")
