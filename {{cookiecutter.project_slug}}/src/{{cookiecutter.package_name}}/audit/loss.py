"""Finds signed records that are missing from the database, as they are after an older backup was restored."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass

from pydantic import BaseModel
from sqlalchemy import Connection, select

from .checkpoint import Checkpoint, Checkpoints
from .event import Kind
from .gap import acknowledged_gaps
from .recorder import Recorder
from .search import told
from .tables import audit

CHUNK = 200  # chains in one query


@dataclass(frozen=True, slots=True)
class Lost:
    """One chain's missing records: from `after` + 1 to `signed`, the number in its last checkpoint."""

    writer: str
    after: int
    signed: int


def lost(connection: Connection, checkpoints: Checkpoints) -> tuple[list[Lost], list[str]]:
    """The losses not acknowledged yet, and why some checkpoints cannot be read: their chains cannot be checked."""
    newest, unread = _newest(checkpoints)  # all before the first query
    chunks = (newest[place : place + CHUNK] for place in range(0, len(newest), CHUNK))
    found = [one for chunk in chunks for one in _lost(connection, chunk)]
    known = acknowledged(connection) if found else {}
    gaps = acknowledged_gaps(connection) if unread else {}
    unknown = [reason for writer, reason in unread.items() if writer not in gaps]
    return [one for one in found if known.get(one.writer) != one], unknown


def _newest(checkpoints: Checkpoints) -> tuple[list[Checkpoint], dict[str, str]]:
    found: list[Checkpoint] = []
    unread: dict[str, str] = {}
    for writer in checkpoints.sizes():
        try:
            found += [one] if (one := checkpoints.last(writer)) else []
        except ValueError as error:
            unread[writer] = str(error)
        except OSError as error:
            unread[writer] = f"{checkpoints.path(writer).name} cannot be read ({type(error).__name__})"
    return found, unread


def _lost(connection: Connection, newest: Collection[Checkpoint]) -> Iterator[Lost]:
    signed = {one.writer: one for one in newest if one.seq}
    if not signed:
        return
    wanted = audit.c.writer.in_(signed) & audit.c.seq.in_({one.seq for one in signed.values()})
    rows = connection.execute(select(audit.c.writer, audit.c.seq).where(wanted)).all()
    there = {(row.writer, row.seq) for row in rows}
    for writer, one in signed.items():
        if (writer, one.seq) not in there:
            last = select(audit.c.seq).where(audit.c.writer == writer).order_by(audit.c.seq.desc()).limit(1)
            yield Lost(writer, connection.execute(last).scalar() or 0, one.seq)


class _Pieces(BaseModel, strict=True):
    lost: list[Lost]


def acknowledged(connection: Connection) -> Mapping[str, Lost]:
    """By chain. A forged acknowledgement needs no check here: the chain that holds it would not verify."""
    return {piece.writer: piece for one in told(connection, Kind.ACKNOWLEDGED, _Pieces) for piece in one.lost}


def acknowledge(recorder: Recorder, reason: str) -> list[Lost]:
    """Records that an operator accepts the loss. Raises ValueError if a chain's checkpoints cannot be read."""
    with recorder.transaction() as connection:
        found, unknown = lost(connection, recorder.checkpoints)
        if unknown:
            raise ValueError(unknown[0])
        if found:
            recorder.record(connection, Kind.ACKNOWLEDGED, {"lost": [asdict(one) for one in found], "reason": reason})
    return found
