import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.errors import LimitsUnavailable, RateLimited
from {{ cookiecutter.package_name }}.governance import Bounds, Limits, open_limits
from {{ cookiecutter.package_name }}.governance.policyfile import PerMinute
from {{ cookiecutter.package_name }}.governance.windows import MinuteWindows

from local.loopback import listen
from tests.governance.policies import who
from tests.redis_server import Redis, redis_server
from tests.service import Surroundings, running_service


@pytest.fixture(autouse=True)
async def _no_new_minute() -> None:
    """The windows are weighed from one minute to the next, so that a count may be one off where they meet."""
    left = 60 - time.time() % 60
    await asyncio.sleep(left + 0.1 if left < 8 else 0)


def each_user(requests: int | None = None, tokens: int | None = None) -> Bounds:
    return Bounds(PerMinute(requests_per_minute=requests, tokens_per_minute=tokens), PerMinute())


def whole_tenant(requests: int | None = None, tokens: int | None = None) -> Bounds:
    return Bounds(PerMinute(), PerMinute(requests_per_minute=requests, tokens_per_minute=tokens))


FIVE = each_user(requests=5)


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


async def admitted(limits: Limits, times: int, bounds: Bounds, *, tokens: int = 1, **of: Any) -> int:
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
    bounds = each_user(requests=50, tokens=1000)
    assert await admitted(limits, 8, bounds, tokens=300) == 3
    with pytest.raises(RateLimited, match="1000 tokens per minute"):
        await limits.admit(who("employee"), bounds, 300)


async def test_a_request_larger_than_a_minute_s_tokens_is_told_so_and_counts_nothing(limits: Limits) -> None:
    bounds = each_user(tokens=1000)
    with pytest.raises(RateLimited, match=r"counts 1001 tokens\. You have 1000 a minute; shorten it") as refused:
        await limits.admit(who("employee"), bounds, 1001)
    assert refused.value.retry_after is None
    await limits.admit(who("employee"), bounds, 1000)


async def test_the_users_of_a_tenant_share_its_count(limits: Limits) -> None:
    for bounds in (whole_tenant(requests=5), whole_tenant(tokens=5)):
        assert [await admitted(limits, 3, bounds, subject=one) for one in ("ada", "eve", "bob")] == [3, 2, 0]
        assert await admitted(limits, 7, bounds, tenant="globex") == 5
    with pytest.raises(RateLimited, match="The users of your tenant together have used 5 requests per minute; try"):
        await limits.admit(who("employee"), whole_tenant(requests=5), 1)


async def test_who_is_over_their_own_limit_takes_nothing_from_the_tenant(limits: Limits) -> None:
    both = Bounds(PerMinute(requests_per_minute=5), PerMinute(requests_per_minute=10))
    assert await admitted(limits, 50, both, subject="ada") == 5
    assert await admitted(limits, 50, both, subject="eve") == 5
    assert await admitted(limits, 50, both, subject="bob") == 0


async def test_a_flood_of_users_is_forgotten_when_its_minutes_are_over(monkeypatch: pytest.MonkeyPatch) -> None:
    windows = MinuteWindows()
    limits, both = Limits(windows), Bounds(PerMinute(requests_per_minute=5, tokens_per_minute=100), PerMinute())
    now = time.time()
    for subject in range(1_000):
        await limits.admit(who("employee", subject=str(subject)), both, 1)
    assert len(windows) == 2_000
    monkeypatch.setattr(time, "time", lambda: now + 180)
    await limits.admit(who("employee"), both, 1)
    assert len(windows) == 2


async def test_a_forged_address_is_no_way_round_a_limit(around: Surroundings, tmp_path: Path) -> None:
    changes = {"policy": {"limits": {"employee": {"requests_per_minute": 5}}}}
    async with running_service(tmp_path, around, changes=changes) as service:
        forged = [{"X-Forwarded-For": f"10.0.0.{number}", "X-Real-IP": f"10.0.0.{number}"} for number in range(10)]
        answers = await asyncio.gather(*(service.ask(headers=headers) for headers in forged))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 5


async def test_a_tenant_s_limit_is_told_to_all_its_users(around: Surroundings, tmp_path: Path) -> None:
    changes = {"policy": {"tenant_limits": {"requests_per_minute": 3}}}
    async with running_service(tmp_path, around, changes=changes) as service:
        answers = [await service.ask(who=name) for name in ("ada", "grace", "sam", "ada", "grace")]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert "The users of your tenant together" in answers[-1].json()["error"]["message"]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
        other = service.headers("eve") | {"Authorization": f"Bearer {service.issuer.token('eve', tenant='globex')}"}
        assert (await service.ask(headers=other)).status_code == 200


async def test_a_refusal_says_when_to_come_back(limits: Limits) -> None:
    await admitted(limits, 5, FIVE)
    with pytest.raises(RateLimited) as refused:
        await limits.admit(who("employee"), FIVE, 1)
    assert refused.value.retry_after is not None
    assert 1 <= refused.value.retry_after <= 60


async def test_without_a_bound_nothing_is_refused(limits: Limits) -> None:
    assert await admitted(limits, 100, each_user()) == 100


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
