"""Two services on one PostgreSQL and one Redis are one service, as far as limits, budgets and switches go."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from {{ cookiecutter.package_name }}.audit import Checkpoints, Recorder, SigningKeys, verify
from {{ cookiecutter.package_name }}.governance import stop
from {{ cookiecutter.package_name }}.governance.tables import balances, entries_table
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY

from tests.postgresql import PostgreSQL
from tests.redis_server import Redis, redis_server
from tests.service import Service, Surroundings, running_service

USER, TENANT = 1_000, 2_000  # micro-dollars; a request reserves 202 and costs less than 60
BUDGETS = {"user": {"usd_per_day": USER / 1_000_000}, "tenant": {"usd_per_month": TENANT / 1_000_000}}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@asynccontextmanager
async def two(
    tmp_path: Path, around: Surroundings, postgresql: PostgreSQL, redis: Redis, **policy: Any
) -> AsyncIterator[list[Service]]:
    redis.empty()
    shared: dict[str, Any] = {"database_url": postgresql.emptied_database(), "redis_url": redis.url}
    shared |= {"audit_checkpoints": str(tmp_path / "checkpoints")}
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                running_service(tmp_path / name, around, changes={"policy": policy}, **shared)
            )
            for name in ("one", "two")
        ]


async def test_they_share_budgets_of_user_and_tenant_and_spend_no_reservation_too_much(
    tmp_path: Path, around: Surroundings, postgresql: PostgreSQL, redis: Redis
) -> None:
    async with two(tmp_path, around, postgresql, redis, limits={}, budgets=BUDGETS) as both:
        people = ("ada", "grace", "sam")
        asking = [one.ask("Hi", who=who, max_tokens=50) for who in people for _ in range(17) for one in both]
        answers = await asyncio.gather(*asking)
        assert Counter(answer.status_code for answer in answers).keys() == {200, 402}
        with both[0].engine.connect() as connection:
            held = {row.account: row.micro_usd for row in connection.execute(select(balances))}
            spent = sum(row.spent_micro_usd for row in connection.execute(select(entries_table)))
        assert all(money <= (TENANT if account.startswith("tenant:") else USER) for account, money in held.items())
        assert held["tenant:acme"] == spent == sum(held.values()) - held["tenant:acme"]
        assert verify(both[0].engine).writers == 2


async def test_they_share_limits_of_user_and_tenant(
    tmp_path: Path, around: Surroundings, postgresql: PostgreSQL, redis: Redis
) -> None:
    left = 60 - time.time() % 60
    await asyncio.sleep(left + 0.1 if left < 15 else 0)  # two windows of a minute are weighed against each other
    limits = {"employee": {"requests_per_minute": 5}, "analyst": {"requests_per_minute": 50}}
    tenant = {"requests_per_minute": 12}
    async with two(tmp_path, around, postgresql, redis, limits=limits, tenant_limits=tenant) as both:
        first = await asyncio.gather(*(one.ask(who="ada") for _ in range(6) for one in both))
        then = await asyncio.gather(*(one.ask(who="grace") for _ in range(6) for one in both))
    assert Counter(answer.status_code for answer in first) == {200: 5, 429: 7}
    assert Counter(answer.status_code for answer in then) == {200: 7, 429: 5}


async def test_a_switch_reaches_both_within_two_seconds(
    tmp_path: Path, around: Surroundings, postgresql: PostgreSQL, redis: Redis
) -> None:
    async with two(tmp_path, around, postgresql, redis, limits={}) as both:
        checkpoints = Checkpoints(both[0].checkpoints, SigningKeys(LOCAL_SIGNING_KEY))
        await asyncio.to_thread(stop, Recorder(both[0].engine, checkpoints), "route", "assistant", "for both")
        thrown = time.monotonic()
        waiting = set(range(len(both)))
        while waiting:
            assert time.monotonic() - thrown < 2
            for place in sorted(waiting):
                ready = (await both[place].http.get(f"{both[place].url}/readyz")).json()
                waiting -= {place} if ready["stopped"] == ["route assistant"] else set()
            await asyncio.sleep(0.02)
        answers = await asyncio.gather(*(one.ask() for one in both))
        assert [answer.json()["error"]["code"] for answer in answers] == ["stopped"] * 2
