"""Refused logins are counted by address: beyond a limit neither the issuer nor the trail hears of them.

A login that was begun here is held against its address. An answer to none is not: it takes a link only.
"""

from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from starlette.responses import JSONResponse

from {{ cookiecutter.package_name }}.errors import RateLimited
from {{ cookiecutter.package_name }}.identity import RefusedLogins, token_endpoint
from {{ cookiecutter.package_name }}.identity.refused_logins import MOST, REMEMBERED, WITHIN

from tests.identity.clock import Clock
from tests.service import Surroundings
from tests.web.browsing import Browser, browser, parameters
from tests.web.conftest import Bent, Site, running_site

FORGED = "/callback?code=x&state=y"


async def begun(hers: Browser) -> tuple[str, dict[str, str]]:
    """A code that nobody gave, for a login that was begun; and the cookie that goes with it, good for many a try."""
    asked = urlsplit(await hers.asked_at_issuer())
    answer = {"code": "x", "state": parameters(asked.geturl())["state"], "iss": f"{asked.scheme}://{asked.netloc}"}
    return f"/callback?{urlencode(answer)}", {"Cookie": f"login={hers.http.cookies['login']}"}


async def refuse(hers: Browser, times: int, **headers: str) -> None:
    """By the issuer, which does not know the code."""
    url, cookie = await begun(hers)
    for _ in range(times):
        assert (await hers.get(url, headers={**cookie, **headers})).status_code == 400


async def test_an_address_that_is_refused_too_often_has_to_wait(site: Site, ada: Browser) -> None:
    url, cookie = await begun(ada)
    await refuse(ada, MOST)
    for path in (url, "/login"):
        answer = await ada.get(path, headers=cookie)
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= WITHIN
        assert "try again in 10 min" in answer.text
    assert len(site.service.records("refused")) == MOST


STRANGERS_CAN: list[tuple[str, str, dict[str, str]]] = [
    ("GET", FORGED, {}),
    ("GET", FORGED, {"Cookie": "login=bm9uc2Vuc2U="}),
    ("GET", "/login?next=//evil.example", {}),
    ("POST", "/logout", {"Origin": "https://evil.example"}),
]


@pytest.mark.parametrize(("method", "path", "headers"), STRANGERS_CAN)
async def test_what_takes_no_login_keeps_nobody_from_signing_in(
    site: Site, ada: Browser, method: str, path: str, headers: dict[str, str]
) -> None:
    """Both come from one address, as they do behind a proxy that TRUSTED_PROXIES does not name."""
    callback = await ada.callback_url()
    async with browser(site.url) as stranger:
        for _ in range(MOST + 5):
            answer = await stranger.http.request(method, site.url + path, headers=headers)
            assert answer.status_code in (400, 403)
    assert (await ada.get(callback)).status_code == 303
    async with browser(site.url) as later:
        await later.sign_in("grace")
    assert len(site.service.records("refused")) == MOST


async def test_an_answer_to_another_login_keeps_nobody_from_signing_in(site: Site, ada: Browser) -> None:
    async with browser(site.url) as stranger:
        _, cookie = await begun(stranger)
        for _ in range(MOST + 5):
            assert (await stranger.get(FORGED, headers=cookie)).status_code == 400
    await ada.sign_in()


async def test_who_is_signed_in_stays_so_and_can_sign_out(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    async with browser(site.url) as other:
        await refuse(other, MOST)
    assert (await ada.me()).status_code == 200
    assert (await ada.post("/logout")).status_code == 303


async def test_logouts_by_other_sites_do_not_fill_the_trail(site: Site, ada: Browser) -> None:
    answers = [await ada.post("/logout", headers={"Origin": "https://evil.example"}) for _ in range(MOST + 5)]
    assert {answer.status_code for answer in answers} == {403}
    assert len(site.service.records("refused")) == MOST


async def test_an_issuer_that_is_away_is_nobody_s_refusal(site: Site, ada: Browser) -> None:
    callback, kept = await ada.callback_url(), ada.http.cookies["login"]
    await site.control("down")
    for _ in range(MOST + 1):
        assert (await ada.get(callback, headers={"Cookie": f"login={kept}"})).status_code == 503
    assert len(site.service.records("refused")) == MOST
    await site.control("up")
    assert (await ada.get("/login")).status_code == 303


async def test_strangers_do_not_make_an_issuer_refuse_an_expired_secret_without_end(
    bent: Bent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_endpoint, "UNKNOWN_FOR", 3600.0)
    bent.provider.raw_answer = JSONResponse({"error": "invalid_client"}, 401)
    for _ in range(MOST + 1):
        assert (await bent.browser.get(await bent.provider.callback(bent.browser))).status_code == 503
    assert len(bent.provider.asked) == 1
    assert len(bent.service.records("refused")) == MOST
    bent.provider.raw_answer = None
    monkeypatch.setattr(token_endpoint, "UNKNOWN_FOR", 0.0)
    assert (await bent.browser.get(await bent.provider.callback(bent.browser))).status_code == 303


async def test_nobody_says_for_himself_what_his_address_is(site: Site, ada: Browser) -> None:
    for number in range(MOST):
        await refuse(ada, 1, **{"X-Forwarded-For": f"198.51.100.{number}", "Forwarded": f"for=198.51.100.{number}"})
    assert (await ada.get("/login", headers={"X-Forwarded-For": "203.0.113.1"})).status_code == 429


async def test_behind_a_trusted_proxy_each_address_counts_for_itself(tmp_path: Path, around: Surroundings) -> None:
    async with (
        running_site(tmp_path, around, trusted_proxies=["127.0.0.1"]) as site,
        browser(site.url) as proxy,
    ):
        await refuse(proxy, MOST, **{"X-Forwarded-For": "198.51.100.1"})
        # What stands further left is the caller's own word.
        spoofed = {"X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
        assert (await proxy.get("/login", headers=spoofed)).status_code == 429
        assert (await proxy.get("/login", headers={"X-Forwarded-For": "198.51.100.2"})).status_code == 303


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_count_begins_again_after_its_time(clock: Clock) -> None:
    refused = RefusedLogins(clock)
    for _ in range(MOST):
        refused.check("198.51.100.1")
        refused.add("198.51.100.1")
    with pytest.raises(RateLimited):
        refused.check("198.51.100.1")
    refused.check("198.51.100.2")
    clock.now += WITHIN
    refused.check("198.51.100.1")
    refused.add("198.51.100.1")
    refused.check("198.51.100.1")


def test_the_addresses_of_one_ipv6_network_are_one(clock: Clock) -> None:
    refused = RefusedLogins(clock)
    for number in range(MOST):
        refused.add(f"2001:db8:0:1::{number:x}")
    with pytest.raises(RateLimited):
        refused.check("2001:db8:0:1:ffff::1")
    refused.check("2001:db8:0:2::1")


def test_a_flood_of_addresses_takes_no_more_memory(clock: Clock) -> None:
    refused = RefusedLogins(clock)
    for number in range(REMEMBERED + 500):
        refused.add(f"address {number}")
    assert len(refused._counts) == REMEMBERED
