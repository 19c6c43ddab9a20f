import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.errors import LimitsUnavailable, RateLimited
from {{ cookiecutter.package_name }}.governance import Limits, open_limits
from {{ cookiecutter.package_name }}.governance.policyfile import RoleLimits

from local.loopback import listen
from tests.governance.policies import who
from tests.redis_server import Redis, redis_server
from tests.service import Surroundings, running_service

FIVE = RoleLimits(requests_per_minute=5)


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "memory":
        return None
    server: Redis = request.getfixturevalue("redis")
    server.empty()
    return server.url


@pytest.fixture
async def limits(url: str | None) -> Limits:
    return open_limits(url)


async def admitted(limits: Limits, times: int, bounds: RoleLimits, *, tokens: int = 1, **of: Any) -> int:
    results = await asyncio.gather(
        *(limits.admit(who("employee", **of), bounds, tokens) for _ in range(times)), return_exceptions=True
    )
    assert all(result is None or isinstance(result, RateLimited) for result in results), results
    return results.count(None)


async def test_no_more_than_the_limit_are_admitted_at_once(limits: Limits) -> None:
    assert await admitted(limits, 20, FIVE) == 5


async def test_each_user_of_each_tenant_has_a_count_of_their_own(limits: Limits) -> None:
    for tenant, subject in (("acme", "ada"), ("acme", "eve"), ("other", "ada"), ("a", "b/c"), ("a/b", "c")):
        assert await admitted(limits, 7, FIVE, tenant=tenant, subject=subject) == 5


async def test_tokens_are_counted_beside_requests(limits: Limits) -> None:
    bounds = RoleLimits(requests_per_minute=50, tokens_per_minute=1000)
    assert await admitted(limits, 8, bounds, tokens=300) == 3
    with pytest.raises(RateLimited, match="1000 tokens per minute"):
        await limits.admit(who("employee"), bounds, 300)


async def test_a_request_larger_than_a_minute_s_tokens_is_told_so_and_counts_nothing(limits: Limits) -> None:
    bounds = RoleLimits(tokens_per_minute=1000)
    with pytest.raises(RateLimited, match="counts 1001 tokens, of 1000 that you have a minute") as refused:
        await limits.admit(who("employee"), bounds, 1001)
    assert refused.value.retry_after is None
    await limits.admit(who("employee"), bounds, 1000)


async def test_a_refusal_says_when_to_come_back(limits: Limits) -> None:
    await admitted(limits, 5, FIVE)
    with pytest.raises(RateLimited) as refused:
        await limits.admit(who("employee"), FIVE, 1)
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 60


async def test_without_a_bound_nothing_is_refused(limits: Limits) -> None:
    assert await admitted(limits, 100, RoleLimits()) == 100


async def test_two_services_share_their_counts_in_redis(redis: Redis, around: Surroundings, tmp_path: Path) -> None:
    redis.empty()
    changes = {"policy": {"limits": {"employee": {"requests_per_minute": 5}}}}
    async with AsyncExitStack() as stack:
        both = [
            await stack.enter_async_context(
                running_service(tmp_path / name, around, changes=changes, redis_url=redis.url)
            )
            for name in ("one", "two")
        ]
        answers = await asyncio.gather(*(service.ask() for service in both for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7


async def test_without_redis_nothing_is_asked_and_it_heals(redis: Redis, around: Surroundings, tmp_path: Path) -> None:
    async with running_service(tmp_path, around, redis_url=redis.url) as service:
        assert (await service.ask()).status_code == 200
        redis.stop()
        try:
            calls = (await service.upstream.stats())["calls"]
            answer = await service.ask()
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, "limits_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert (await service.upstream.stats())["calls"] == calls
        finally:
            redis.start()
        assert (await service.ask()).status_code == 200


async def test_a_redis_that_does_not_answer_is_not_waited_for() -> None:
    with listen(0, "PORT") as silent:
        limits = open_limits(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        begun = time.monotonic()
        with pytest.raises(LimitsUnavailable):
            await limits.admit(who("employee"), FIVE, 1)
        assert time.monotonic() - begun < 3
