"""The issuer's keys over time: new ones are found, old ones serve while it is down, withdrawn ones are forgotten."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, Response

from {{ cookiecutter.package_name }}.errors import IdentityUnavailable
from {{ cookiecutter.package_name }}.identity import IssuerKeys
from {{ cookiecutter.package_name }}.identity.keys import REFRESH_AFTER, SEARCH_AFTER, STALE_AFTER

from tests.identity.clock import Clock
from tests.issuer import KEYS, Issuer, new_key
from tests.service import Service, Surroundings, running_service

HOUR = 3600.0


async def me(service: Service, **token: Any) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {service.issuer.token(**token)}"}
    return await service.http.get(f"{service.url}/v1/me", headers=headers)


async def test_a_new_key_is_found_with_one_more_fetch(service: Service) -> None:
    assert (await me(service)).status_code == 200
    service.issuer.rotate("second")
    before = service.issuer.key_fetches
    assert [(await me(service)).status_code for _ in range(5)] == [200] * 5
    assert service.issuer.key_fetches == before + 1


async def test_a_rotation_under_load_fails_no_request(service: Service) -> None:
    issuer = service.issuer
    old = issuer.key
    issuer.rotate("second")
    issuer.published.append(old.as_dict(private=False))
    issuer.delay = 0.05
    new, before = issuer.key, issuer.key_fetches
    made = [me(service, key=key, header={"kid": key.kid}) for key in (old, new) * 25]
    assert {answer.status_code for answer in await asyncio.gather(*made)} == {200}
    assert issuer.key_fetches == before + 1


async def test_unknown_key_ids_do_not_make_us_flood_the_issuer(service: Service) -> None:
    answers = [await me(service, header={"kid": f"unknown-{number}"}) for number in range(200)]
    assert {answer.status_code for answer in answers} == {401}
    assert service.issuer.key_fetches <= 3
    assert (await me(service)).status_code == 200


async def test_a_service_that_starts_without_its_issuer_heals_by_itself(tmp_path: Path, around: Surroundings) -> None:
    around.issuer.is_down()
    async with running_service(tmp_path, around) as service:
        ready = await service.http.get(f"{service.url}/readyz")
        assert ready.status_code == 503
        assert around.issuer.url in ready.json()["waiting_for"]["identity"]
        assert (await service.http.get(f"{service.url}/livez")).status_code == 200
        refused = await me(service)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "identity_unavailable")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await me(service, header={"typ": "JWT"})).status_code == 401
        around.issuer.reset()
        await asyncio.sleep(1.1)  # it asks at most once a second
        assert (await me(service)).status_code == 200
        assert (await service.http.get(f"{service.url}/readyz")).status_code == 200


async def test_callers_share_one_fetch(keys: IssuerKeys, issuer: Issuer) -> None:
    issuer.delay = 0.05
    assert all(await asyncio.gather(*(keys.find("first") for _ in range(50))))
    assert issuer.key_fetches == 1


async def test_a_caller_who_leaves_does_not_take_the_fetch_along(keys: IssuerKeys, issuer: Issuer) -> None:
    issuer.delay = 0.05
    first, second = asyncio.create_task(keys.find("first")), asyncio.create_task(keys.find("first"))
    await asyncio.sleep(0.02)
    first.cancel()
    assert await second
    assert issuer.key_fetches == 1


async def test_callers_who_wait_for_an_older_fetch_share_the_next(
    keys: IssuerKeys, issuer: Issuer, clock: Clock
) -> None:
    assert await keys.find("first")
    issuer.delay = 0.05
    clock.now += REFRESH_AFTER + 1
    assert await keys.find("first")
    published = issuer.published

    def older() -> Response:
        issuer.instead.clear()
        return JSONResponse({"keys": published})

    issuer.instead[KEYS] = older
    issuer.rotate("second")
    assert all(await asyncio.gather(*(keys.find("second") for _ in range(50))))
    assert issuer.key_fetches == 3


async def test_an_unknown_key_id_is_searched_once_in_a_while(keys: IssuerKeys, issuer: Issuer, clock: Clock) -> None:
    assert await keys.find("first")
    assert not await keys.find("second")
    issuer.rotate("second")
    clock.now += SEARCH_AFTER - 1
    assert not await keys.find("second")
    assert issuer.key_fetches == 2
    clock.now += 2
    assert await keys.find("second")
    assert issuer.key_fetches == 3


@pytest.mark.parametrize("pause", [REFRESH_AFTER + 1, STALE_AFTER + 1])
async def test_keys_serve_while_the_issuer_is_down_for_an_hour(
    keys: IssuerKeys, issuer: Issuer, clock: Clock, pause: float
) -> None:
    assert await keys.find("first")
    issuer.is_down()
    while clock.now < HOUR:
        clock.now += pause
        assert await keys.find("first")
        await keys.refresh()  # the one under way
    assert issuer.key_fetches == 1
    assert keys.failures == HOUR // pause + 1
    issuer.reset()
    issuer.rotate("second")
    clock.now += SEARCH_AFTER + 1
    assert await keys.find("second")


async def test_a_login_that_begins_notices_that_the_issuer_is_away(
    keys: IssuerKeys, issuer: Issuer, clock: Clock
) -> None:
    await keys.refresh()
    issuer.is_down()
    for _ in range(2):
        clock.now += REFRESH_AFTER + 1
        assert await keys.metadata()
        assert await keys.metadata()
        await keys.refresh()  # the one under way
    assert keys.failures == 2


async def test_nobody_waits_for_an_issuer_that_hangs(keys: IssuerKeys, issuer: Issuer, clock: Clock) -> None:
    assert await keys.find("first")
    issuer.delay = 0.5
    clock.now += REFRESH_AFTER + 1
    before = time.monotonic()
    assert await keys.find("first")
    assert time.monotonic() - before < 0.3


async def test_a_withdrawn_key_is_forgotten_while_requests_come(keys: IssuerKeys, issuer: Issuer, clock: Clock) -> None:
    assert await keys.find("first")
    issuer.rotate("second")
    clock.now += REFRESH_AFTER + 1
    assert await keys.find("first")
    await keys.refresh()  # the one under way
    assert issuer.key_fetches == 2
    assert not await keys.find("first")
    assert await keys.find("second")


async def test_a_withdrawn_key_is_not_used_once_more_after_a_quiet_time(
    keys: IssuerKeys, issuer: Issuer, clock: Clock
) -> None:
    assert await keys.find("first")
    issuer.rotate("second")
    issuer.delay = 0.05
    clock.now += STALE_AFTER + 1
    assert not any(await asyncio.gather(*(keys.find("first") for _ in range(10))))


async def test_an_issuer_that_withdraws_every_key_is_believed(keys: IssuerKeys, issuer: Issuer, clock: Clock) -> None:
    assert await keys.find("first")
    issuer.published = []
    clock.now += STALE_AFTER + 1
    with pytest.raises(IdentityUnavailable):
        await keys.find("first")
    assert not keys.ready


async def test_a_token_without_key_id_needs_a_single_key(keys: IssuerKeys, issuer: Issuer, clock: Clock) -> None:
    """OpenID Connect Core, 10.1."""
    assert await keys.find(None)
    issuer.published.append(new_key("second").as_dict(private=False))
    clock.now += STALE_AFTER + 1
    assert not await keys.find(None)
