"""What operators see of feedback: never who gave it, nothing expired, and words only singly and on the record."""

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select, update

from ..audit import Kind, Recorder, now
from ..identity import Seal
from .feedback import PREFIX
from .ratings import ratings_table as ratings


@dataclass(frozen=True)
class Disclosed:
    """`words` holds `comment` and `conversation`, each only if it was given."""

    id: str
    model: str
    deployment: str
    data_class: str
    score: float
    expires: str
    words: dict[str, Any]


def listed(engine: Engine, most: int) -> list[dict[str, Any]]:
    """The newest first, without comments and conversations."""
    columns = [ratings.c[name] for name in ("call_id", "at", "score", "model", "deployment", "data_class", "expires")]
    has_words = (ratings.c.sealed.is_not(None) & (ratings.c.expires > now())).label("words")
    with engine.connect() as connection:
        newest = select(*columns, has_words).order_by(ratings.c.at.desc(), ratings.c.call_id).limit(most)
        return [dict(row) for row in connection.execute(newest).mappings()]


def disclose(recorder: Recorder, seal: Seal, feedback_id: str) -> Disclosed | None:
    """`feedback_id` may also be the answer's id. The trail records who reads.

    None if there were no words, if they expired, or if their key is gone.
    """
    call_id = feedback_id.removeprefix(PREFIX)
    with recorder.transaction() as connection:
        wanted = (ratings.c.call_id == call_id) & (ratings.c.expires > now()) & ratings.c.sealed.is_not(None)
        row = connection.execute(select(ratings).where(wanted)).first()
        plain = seal.open(row.sealed, call_id) if row else None
        if row is None or plain is None:
            return None
        recorder.record(connection, Kind.DISCLOSED, {"feedback": call_id, "data_class": row.data_class})
        return Disclosed(
            row.call_id, row.model, row.deployment, row.data_class, row.score, row.expires, json.loads(plain)
        )


def expire(recorder: Recorder) -> int:
    """Removes the words that have expired; scores stay. Returns how many ratings lost theirs."""
    with recorder.transaction() as connection:
        over = (ratings.c.expires <= now()) & ratings.c.sealed.is_not(None)
        count = connection.execute(update(ratings).where(over).values(sealed=None)).rowcount
        if count:
            recorder.record(connection, Kind.EXPIRED, {"feedback": count})
        return count
