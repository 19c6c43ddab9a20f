"""Who is signed in with a browser: the issuer's tokens, encrypted, by the digest of an id that only the browser has."""

import asyncio
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    LargeBinary,
    Row,
    String,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
)
from sqlalchemy import update as change
from sqlalchemy.exc import SQLAlchemyError

from ..database import metadata
from ..errors import IdentityUnavailable
from .sealing import Seal

IDLE = 30 * 60  # seconds without a request, after which a session has ended
ABSOLUTE = 8 * 3600  # seconds after which it has ended in any case
TOUCH_AFTER = 60  # a use is written down at most this often (seconds)
LEASE = 20  # seconds that one replica has for renewing a session's tokens
T = TypeVar("T")
_log = structlog.get_logger()

# Times are whole seconds since 1970. `leased` is until when a replica renews the tokens.
sessions = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("begun", BigInteger, nullable=False),
    Column("used", BigInteger, nullable=False, index=True),
    Column("leased", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)


@dataclass(frozen=True)
class Grant:
    """What the issuer granted at a login. Times are seconds since 1970."""

    bearer: str  # the token that a program would send as its bearer token
    refresh_token: str | None
    renew_at: float
    expires_at: float
    subject: str
    tenant: str
    id_token: str | None = None  # kept only where the issuer wants it back at logout


class Sessions:
    """Every method raises IdentityUnavailable when the database does not answer."""

    def __init__(self, engine: Engine, seal: Seal, clock: Callable[[], float] = time.time) -> None:
        self._engine = engine
        self._writing = engine.execution_options(writes=True)
        self._seal = seal
        self._clock = clock

    async def begin(self, grant: Grant) -> str:
        """The new session's id: 256 random bits. Sweeps out the sessions that have ended by themselves."""
        session_id, now = secrets.token_urlsafe(32), int(self._clock())
        key = digest(session_id)
        ended = delete(sessions).where(or_(sessions.c.used <= now - IDLE, sessions.c.begun <= now - ABSOLUTE))
        row = {"digest": key, "begun": now, "used": now, "leased": 0, "sealed": self._sealed(key, grant)}

        def work(connection: Connection) -> None:
            connection.execute(ended)
            connection.execute(insert(sessions).values(row))

        await _in_thread(self._writing, work)
        return session_id

    async def find(self, session_id: str) -> Grant | None:
        """None for a session that is unknown, has ended, or was sealed with a key that is no longer known."""
        key, now = digest(session_id), int(self._clock())
        row = await _in_thread(self._engine, lambda connection: self._row(connection, key))
        if row is not None and row.used <= now - TOUCH_AFTER:
            touched = change(sessions).where(sessions.c.digest == key).values(used=now)
            await _in_thread(self._writing, lambda connection: connection.execute(touched))
        return _opened(row, self._seal)

    async def end(self, session_id: str) -> Grant | None:
        """What the session held, for the one call that ends it."""
        key = digest(session_id)

        def work(connection: Connection) -> Row[Any] | None:
            row = self._row(connection, key)
            gone = connection.execute(delete(sessions).where(sessions.c.digest == key)).rowcount
            return row if gone else None

        return _opened(await _in_thread(self._writing, work), self._seal)

    async def end_all(self, tenant: str, subject: str) -> int:
        return await _in_thread(self._writing, lambda connection: end_sessions(connection, self._seal, tenant, subject))

    async def lease(self, session_id: str) -> Grant | None:
        """What it holds now, for the one caller of all replicas that may renew it; None for the others."""
        key, now = digest(session_id), int(self._clock())
        take = change(sessions).where(sessions.c.digest == key, sessions.c.leased <= now).values(leased=now + LEASE)

        def work(connection: Connection) -> Row[Any] | None:
            return self._row(connection, key) if connection.execute(take).rowcount else None

        return _opened(await _in_thread(self._writing, work), self._seal)

    async def release(self, session_id: str, renewed: Grant | None = None) -> bool:
        """Ends the lease. False when the session has ended meanwhile: a renewal does not revive it."""
        key = digest(session_id)
        values: dict[str, Any] = {"leased": 0}
        if renewed:
            values["sealed"] = self._sealed(key, renewed)
        statement = change(sessions).where(sessions.c.digest == key).values(values)
        return await _in_thread(self._writing, lambda connection: bool(connection.execute(statement).rowcount))

    def _row(self, connection: Connection, key: str) -> Row[Any] | None:
        now = int(self._clock())
        alive = and_(sessions.c.used > now - IDLE, sessions.c.begun > now - ABSOLUTE)
        return connection.execute(select(sessions).where(sessions.c.digest == key, alive)).first()

    def _sealed(self, key: str, grant: Grant) -> bytes:
        return self._seal.close(json.dumps(asdict(grant)).encode(), key)


def end_sessions(connection: Connection, seal: Seal, tenant: str, subject: str) -> int:
    """Every session of one person, on all machines. Reads them all: only an opened one tells whose it is."""
    ended = 0
    for row in connection.execute(select(sessions)).all():
        grant = _opened(row, seal)
        if grant is not None and (grant.tenant, grant.subject) == (tenant, subject):
            ended += connection.execute(delete(sessions).where(sessions.c.digest == row.digest)).rowcount
    return ended


def _opened(row: Row[Any] | None, seal: Seal) -> Grant | None:
    plain = seal.open(row.sealed, row.digest) if row else None
    return Grant(**json.loads(plain)) if plain else None


def digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "surrogateescape")).hexdigest()


async def _in_thread(engine: Engine, work: Callable[[Connection], T]) -> T:
    def transaction() -> T:
        with engine.begin() as connection:
            return work(connection)

    try:
        return await asyncio.to_thread(transaction)
    except SQLAlchemyError as error:
        _log.error("sessions_unavailable", error=type(error).__name__)
        raise IdentityUnavailable("Sessions cannot be read or kept now; try again shortly.", retry_after=5) from None
