"""People's ratings of answers, one for each answer. Comments and conversations are encrypted, and expire."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Column, Connection, Float, LargeBinary, String, Table
from sqlalchemy.dialects import postgresql, sqlite

from ..database import metadata
from ..errors import ServiceError

# No names: the trail knows whose call it was. `sealed`: the encrypted comment and conversation, until `expires`.
ratings_table = Table(
    "feedback",
    metadata,
    Column("call_id", String(32), primary_key=True),
    Column("at", String(27), nullable=False),
    Column("tenant", String(255), nullable=False),
    Column("model", String(128), nullable=False),
    Column("deployment", String(128), nullable=False),
    Column("data_class", String(128), nullable=False),
    Column("score", Float, nullable=False),
    Column("expires", String(27), nullable=False, index=True),
    Column("sealed", LargeBinary),
)


@dataclass(frozen=True, slots=True)
class Rating:
    """`score`: 0 (useless) to 1 (just right). Times are texts as on the trail, which sort in order of time."""

    call_id: str
    at: str
    tenant: str
    model: str
    deployment: str
    data_class: str
    score: float
    expires: str
    sealed: bytes | None


class Ratings:
    """A Book: a rating is durable together with its record on the trail. A later one of the same answer replaces it."""

    def write(self, connection: Connection, entries: Sequence[Rating]) -> Mapping[int, ServiceError]:
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        upsert = dialect.insert(ratings_table)
        new = {column.name: column for column in upsert.excluded if not column.primary_key}
        # Always in the same order, so that two replicas cannot deadlock.
        rows = [asdict(one) for one in sorted(entries, key=lambda one: one.call_id)]
        connection.execute(upsert.on_conflict_do_update(index_elements=["call_id"], set_=new), rows)
        return {}

    def committed(self) -> None:
        """Nothing is remembered between commits."""

    def forget(self) -> None:
        """Likewise."""
