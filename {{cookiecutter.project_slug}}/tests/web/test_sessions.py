"""What a signed-in browser may do, what other sites may make it do, and how a session lives and ends."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from sqlalchemy import select
from sqlalchemy import update as change
from starlette.responses import JSONResponse, PlainTextResponse

from {{ cookiecutter.package_name }}.identity import Seal, Sessions
from {{ cookiecutter.package_name }}.identity.sessions import ABSOLUTE, IDLE, sessions
from {{ cookiecutter.package_name }}.settings import LOCAL_SECRET_KEY, Settings, read_settings

from tests.service import Service, Surroundings
from tests.web.browsing import Browser, browser, parameters, set_cookies
from tests.web.conftest import Bent, Site, running_site

ASK = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}


async def test_signing_out_ends_the_session_on_the_server(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    cookie = {"Cookie": f"session={ada.session_id}"}
    answer = await ada.post("/logout")
    assert answer.status_code == 303
    assert "Max-Age=0" in set_cookies(answer)["session"]
    dead = await ada.get("/v1/me", headers=cookie)
    assert (dead.status_code, dead.json()["error"]["code"]) == (401, "invalid_token")
    assert [record["subject"] for record in site.service.records("logged_out")] == ["ada"]


async def test_signing_out_everywhere_ends_all_sessions_of_the_person_and_no_other_s(site: Site, ada: Browser) -> None:
    async with browser(site.url) as phone, browser(site.url) as other:
        for hers, who in ((ada, "ada"), (phone, "ada"), (other, "grace")):
            await hers.sign_in(who)
        assert (await ada.post("/logout?everywhere")).status_code == 303
        assert (await phone.me()).status_code == 401
        assert (await other.me()).status_code == 200


async def test_signing_out_leads_by_the_issuers_logout_back_to_the_start(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    leads_to = (await ada.post("/logout")).headers["Location"]
    assert leads_to.startswith(f"{site.issuer}/logout?")
    assert parameters(leads_to) == {"client_id": "web", "post_logout_redirect_uri": f"{site.url}/"}
    assert (await ada.get(leads_to)).headers["Location"] == f"{site.url}/"


LOGOUTS = {
    "okta": ({"id_token_hint": True}, {"client_id", "post_logout_redirect_uri", "id_token_hint"}),
    "cognito": ({"return_parameter": "logout_uri"}, {"client_id", "logout_uri"}),
}


@pytest.mark.parametrize(("logout", "names"), LOGOUTS.values(), ids=LOGOUTS)
async def test_an_issuer_s_logout_page_gets_the_parameters_that_it_knows(
    tmp_path: Path, around: Surroundings, logout: dict[str, Any], names: set[str]
) -> None:
    changes = {"access": {"login": {"logout": logout}}}
    async with running_site(tmp_path, around, changes=changes) as site, browser(site.url) as hers:
        await hers.sign_in()
        leads_to = (await hers.post("/logout")).headers["Location"]
        asked = parameters(leads_to)
        assert set(asked) == names
        if "id_token_hint" in asked:
            claims = json.loads(jws.extract_compact(asked["id_token_hint"].encode()).payload)
            assert (claims["sub"], claims["aud"]) == ("ada", "web")
            assert (await hers.get(leads_to)).headers["Location"] == f"{site.url}/"


async def test_an_id_token_is_kept_only_for_an_issuer_that_wants_it_back(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    kept = Sessions(site.service.engine, Seal(LOCAL_SECRET_KEY, "sessions"))
    grant = await kept.find(ada.session_id or "")
    assert grant is not None
    assert grant.id_token is None


async def test_signing_out_without_a_session_leads_to_the_start(site: Site, ada: Browser) -> None:
    assert (await ada.post("/logout")).headers["Location"] == f"{site.url}/"
    assert not site.service.records("logged_out")


async def test_signing_out_works_by_post_only(ada: Browser) -> None:
    await ada.sign_in()
    assert (await ada.get("/logout")).status_code == 405
    assert (await ada.me()).status_code == 200


CROSS_SITE = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {},
]


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
async def test_another_site_cannot_sign_anybody_out(site: Site, ada: Browser, headers: dict[str, str]) -> None:
    await ada.sign_in()
    answer = await ada.http.post(f"{site.url}/logout", headers=headers)
    assert answer.status_code == 403
    assert (await ada.me()).status_code == 200


@pytest.mark.parametrize("headers", CROSS_SITE, ids=str)
async def test_another_site_cannot_ask_with_a_session(site: Site, ada: Browser, headers: dict[str, str]) -> None:
    await ada.sign_in()
    answer = await ada.http.post(f"{site.url}/v1/chat/completions", json=ASK, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "permission_denied")
    assert not site.service.records("started")


async def test_another_site_cannot_read_with_somebodys_session(ada: Browser) -> None:
    await ada.sign_in()
    answer = await ada.get("/v1/me", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


async def test_the_name_that_a_request_was_sent_to_does_not_make_it_ours(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    forged = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert (await ada.http.post(f"{site.url}/logout", headers=forged)).status_code == 403


async def test_a_bearer_token_needs_no_origin_and_goes_before_a_cookie(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    answer = await ada.get("/v1/me", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401


async def test_answers_to_a_session_are_kept_nowhere(ada: Browser) -> None:
    signed_in = await ada.sign_in()
    stream = await ada.post("/v1/chat/completions", json={**ASK, "stream": True})
    for answer in (signed_in, stream, await ada.me(), await ada.get("/"), await ada.get("/v1/models")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_session_that_nobody_used_has_ended(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    age(site, used=IDLE + 1)
    assert (await ada.me()).status_code == 401


async def test_a_session_in_use_has_ended_when_its_time_is_over(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    age(site, used=0, begun=ABSOLUTE + 1)
    assert (await ada.me()).status_code == 401


def age(site: Site, used: int, begun: int = 0) -> None:
    earlier = {"used": sessions.c.used - used, "begun": sessions.c.begun - begun}
    with site.service.engine.begin() as connection:
        connection.execute(change(sessions).values(earlier))


async def test_a_session_outlives_its_access_token(site: Site, ada: Browser) -> None:
    await site.control("expire", seconds=2)
    await ada.sign_in()
    before = sealed(site)
    await asyncio.sleep(1.1)
    assert (await ada.me()).json()["subject"] == "ada"
    assert sealed(site) != before


def sealed(site: Site) -> bytes:
    with site.service.engine.connect() as connection:
        found: bytes = connection.execute(select(sessions.c.sealed)).scalar_one()
    return found


async def test_many_requests_at_once_renew_a_session_once(bent: Bent) -> None:
    bent.provider.answer = {"refresh_token": "first", "expires_in": 1}
    await bent.browser.get(await bent.provider.callback(bent.browser))
    bent.provider.answer = {"refresh_token": "second", "expires_in": 300, "id_token": None}
    await asyncio.sleep(0.6)
    answers = await asyncio.gather(*(bent.browser.me() for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert [asked.get("refresh_token") for asked in bent.provider.asked] == [None, "first"]


async def test_a_session_ends_when_the_issuer_withdraws_its_grant(bent: Bent) -> None:
    bent.provider.answer = {"refresh_token": "first", "expires_in": 1}
    await bent.browser.get(await bent.provider.callback(bent.browser))
    bent.provider.answer = dict.fromkeys(("access_token", "id_token", "token_type")) | {"error": "invalid_grant"}
    await asyncio.sleep(0.6)
    assert (await bent.browser.me()).status_code == 401
    with bent.service.engine.connect() as connection:
        assert not connection.execute(select(sessions)).all()


async def test_a_role_that_was_taken_away_is_gone_with_the_next_renewal(bent: Bent) -> None:
    bent.provider.answer = {"refresh_token": "first", "expires_in": 1}
    await bent.browser.get(await bent.provider.callback(bent.browser))
    own = {"Sec-Fetch-Site": "same-origin"}
    assert (await bent.browser.get("/v1/models", headers=own)).status_code == 200
    bent.provider.access_token = {"roles": []}
    await asyncio.sleep(0.6)
    assert (await bent.browser.get("/v1/models", headers=own)).status_code == 403


async def test_a_renewal_never_makes_somebody_else_of_a_person(bent: Bent) -> None:
    bent.provider.answer = {"refresh_token": "first", "expires_in": 1}
    await bent.browser.get(await bent.provider.callback(bent.browser))
    bent.provider.access_token = {"sub": "eve"}
    await asyncio.sleep(0.6)
    assert (await bent.browser.me()).status_code == 401


async def test_a_session_survives_an_issuer_that_is_away_while_its_token_is_good(site: Site, ada: Browser) -> None:
    await site.control("expire", seconds=4)
    await ada.sign_in()
    await site.control("down")
    await asyncio.sleep(2.1)
    assert (await ada.me()).status_code == 200
    await site.control("up")
    before = sealed(site)
    assert (await ada.me()).status_code == 200
    assert sealed(site) != before


async def test_a_session_whose_token_ends_while_the_issuer_is_away_waits_and_goes_on(site: Site, ada: Browser) -> None:
    await site.control("expire", seconds=1)
    await ada.sign_in()
    await site.control("down")
    await asyncio.sleep(1.1)
    waiting = await ada.me()
    assert (waiting.status_code, waiting.json()["error"]["code"]) == (503, "identity_unavailable")
    assert waiting.headers["Retry-After"]
    await site.control("up")
    assert (await ada.me()).status_code == 200


@pytest.mark.parametrize(
    "raw",
    [JSONResponse({"error": {"code": 400}}, 400), PlainTextResponse("<html>blocked</html>", 403)],
    ids=["object", "firewall"],
)
async def test_a_session_outlives_a_renewal_that_is_answered_with_nonsense(bent: Bent, raw: Any) -> None:
    bent.provider.answer = {"refresh_token": "first", "expires_in": 1}
    await bent.browser.get(await bent.provider.callback(bent.browser))
    bent.provider.raw_answer = raw
    await asyncio.sleep(1.1)
    assert (await bent.browser.me()).status_code == 503
    bent.provider.raw_answer = None
    assert (await bent.browser.me()).status_code == 200


async def test_the_page_runs_only_its_own_scripts_and_is_framed_by_nobody(ada: Browser) -> None:
    page = await ada.get("/")
    assert "Content-Security-Policy" in page.headers
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    assert "<script>" not in page.text
    assert "style=" not in page.text


@pytest.mark.parametrize("name", ["chat.js", "style.css"])
async def test_what_the_page_needs_is_there(ada: Browser, name: str) -> None:
    assert f"/static/{name}" in (await ada.get("/")).text
    answer = await ada.get(f"/static/{name}")
    assert answer.status_code == 200
    assert "innerHTML" not in answer.text


@pytest.mark.parametrize("name", ["chat.html", "..%2fpages.py", "%2e%2e/pages.py", "nothing"])
async def test_nothing_else_is_served_as_a_file(ada: Browser, name: str) -> None:
    assert (await ada.get(f"/static/{name}")).status_code == 404


async def test_without_a_client_id_the_page_tells_how_to_get_a_token(service: Service) -> None:
    async with browser(service.url) as anybody:
        page = await anybody.get("/")
        assert page.status_code == 200
        assert service.issuer.url in page.text
        assert "Authorization: Bearer" in page.text
        for path in ("/login", "/callback"):
            assert (await anybody.get(path)).status_code == 404
        assert (await anybody.post("/logout")).status_code == 404


@pytest.mark.parametrize("key", [LOCAL_SECRET_KEY, "short", f"{'k' * 32},short", f"{'k' * 32}, {LOCAL_SECRET_KEY}"])
def test_production_refuses_a_secret_key_that_is_known_or_short(key: str) -> None:
    settings = Settings(environment="production", oidc_issuer="https://id.example", oidc_audience="x", secret_key=key)
    assert any(fault.startswith("SECRET_KEY") for fault in settings.faults())


def test_production_takes_long_secret_keys_the_second_of_which_is_the_one_before() -> None:
    keys = f"{'n' * 32}, {'o' * 32}"
    settings = Settings(environment="production", oidc_issuer="https://id.example", oidc_audience="x", secret_key=keys)
    assert not any(fault.startswith("SECRET_KEY") for fault in settings.faults())


def test_secrets_may_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "OIDC_CLIENT_SECRET"):
        (tmp_path / name).write_text(f"the content of {name}\n", encoding="utf-8")
        monkeypatch.setenv(f"{name}_FILE", str(tmp_path / name))
    monkeypatch.setenv("OIDC_ISSUER", "https://id.example")
    monkeypatch.setenv("OIDC_AUDIENCE", "x")
    settings = read_settings()
    assert settings.secret_key == "the content of SECRET_KEY"
    assert settings.oidc_client_secret == "the content of OIDC_CLIENT_SECRET"
