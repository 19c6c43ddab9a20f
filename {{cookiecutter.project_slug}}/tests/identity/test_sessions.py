"""Sessions: what the browser holds says nothing, what the database holds opens nothing, and both end in time."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import Engine, create_engine, select
from sqlalchemy import update as change

from {{ cookiecutter.package_name }}.errors import IdentityUnavailable
from {{ cookiecutter.package_name }}.identity import Seal, Sessions
from {{ cookiecutter.package_name }}.identity import sessions as module
from {{ cookiecutter.package_name }}.identity.sessions import Grant, digest

GRANT = Grant("the-access-token", "the-refresh-token", 1e10, 1e10, "ada", "acme")
KEY = "k" * 32


class Clock:
    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        return self.now


def opened(engine: Engine, keys: str = KEY, clock: Callable[[], float] = time.time) -> Sessions:
    return Sessions(engine, Seal(keys, "sessions"), clock)


async def test_a_session_is_found_by_its_id_only(engine: Engine) -> None:
    store = opened(engine)
    session_id = await store.begin(GRANT)
    assert len(session_id) == 43
    assert await store.find(session_id) == GRANT
    for other in ("", "x", session_id[:-1], session_id + "x", digest(session_id), "\udc80", "' OR 1=1 --"):
        assert await store.find(other) is None


async def test_the_table_holds_neither_the_id_nor_a_token(engine: Engine) -> None:
    session_id = await opened(engine).begin(GRANT)
    with engine.connect() as connection:
        row = connection.execute(select(module.sessions)).one()
    held = b"|".join(str(value).encode() if not isinstance(value, bytes) else value for value in row)
    assert not any(word in held for word in (session_id.encode(), b"token", b"acme"))


async def test_a_session_ends_after_half_an_hour_without_use(engine: Engine) -> None:
    clock = Clock()
    store = opened(engine, clock=clock)
    session_id = await store.begin(GRANT)
    for _ in range(3):
        clock.now += module.IDLE - 1
        assert await store.find(session_id)
    clock.now += module.IDLE + 1
    assert await store.find(session_id) is None


async def test_a_session_in_use_ends_after_eight_hours(engine: Engine) -> None:
    clock = Clock()
    store = opened(engine, clock=clock)
    session_id = await store.begin(GRANT)
    for _ in range(31):
        clock.now += 900
        assert await store.find(session_id)
    clock.now += 1000
    assert await store.find(session_id) is None


async def test_sessions_that_have_ended_are_swept_out_by_the_next_login(engine: Engine) -> None:
    clock = Clock()
    store = opened(engine, clock=clock)
    await store.begin(GRANT)
    clock.now += module.IDLE + 1
    await store.begin(GRANT)
    with engine.connect() as connection:
        assert len(connection.execute(select(module.sessions)).all()) == 1


async def test_an_ended_session_is_gone_and_ends_once(engine: Engine) -> None:
    store = opened(engine)
    session_id = await store.begin(GRANT)
    ends = await asyncio.gather(*(store.end(session_id) for _ in range(4)))
    assert [end for end in ends if end] == [GRANT]
    assert await store.find(session_id) is None


async def test_a_new_secret_key_takes_over_while_the_old_one_still_opens(engine: Engine) -> None:
    session_id = await opened(engine, "old-" * 8).begin(GRANT)
    both = opened(engine, f"{'new-' * 8}, {'old-' * 8}")
    assert await both.find(session_id) == GRANT
    later = await both.begin(GRANT)
    only_new = opened(engine, "new-" * 8)
    assert await only_new.find(later) == GRANT
    assert await only_new.find(session_id) is None


async def test_a_row_under_another_digest_does_not_open(engine: Engine) -> None:
    """Whoever can write to the table, but does not know the key, cannot lend one session to another browser."""
    store = opened(engine)
    session_id = await store.begin(GRANT)
    moved = change(module.sessions).values(digest=digest("mine"))
    with engine.begin() as connection:
        connection.execute(moved)
    assert await store.find("mine") is None
    assert await store.find(session_id) is None


async def test_one_caller_of_many_gets_the_lease_until_it_is_released(engine: Engine) -> None:
    replicas = [opened(engine), opened(engine)]
    session_id = await replicas[0].begin(GRANT)
    leases = await asyncio.gather(*(replicas[number % 2].lease(session_id) for number in range(8)))
    assert [lease for lease in leases if lease] == [GRANT]
    assert await replicas[0].release(session_id, replace(GRANT, bearer="renewed"))
    renewed = await replicas[1].lease(session_id)
    assert renewed is not None
    assert renewed.bearer == "renewed"


async def test_a_lease_that_nobody_releases_runs_out(engine: Engine) -> None:
    clock = Clock()
    store = opened(engine, clock=clock)
    session_id = await store.begin(GRANT)
    assert await store.lease(session_id)
    clock.now += module.LEASE + 1
    assert await store.lease(session_id)


async def test_a_renewal_does_not_revive_a_session_that_was_ended_meanwhile(engine: Engine) -> None:
    store = opened(engine)
    session_id = await store.begin(GRANT)
    assert await store.lease(session_id)
    await store.end(session_id)
    assert not await store.release(session_id, GRANT)
    assert await store.find(session_id) is None


async def test_a_database_that_is_away_is_said_to_be_unavailable() -> None:
    with pytest.raises(IdentityUnavailable):
        await opened(create_engine("sqlite:////nowhere/at/all.db")).find("x")
