"""Group L of the catalogue of bad inputs: what a browser's login must hold against."""

import base64
import hashlib
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from sqlalchemy import select
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse
from structlog.testing import capture_logs

from {{ cookiecutter.package_name }}.identity.sessions import sessions

from tests.issuer import new_key
from tests.service import Service, Surroundings, running_service
from tests.web.browsing import Browser, browser, looks_like_a_token, parameters, set_cookies
from tests.web.conftest import CLIENT, Bent, Site


def refused(answer: httpx2.Response, service: Service, status: int = 400) -> dict[str, Any]:
    """Asserts what every refused login has in common. The one record of it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "session" not in set_cookies(answer)
    assert not looks_like_a_token(answer.text)
    records = service.records("refused")
    assert len(records) == 1
    with service.engine.connect() as connection:
        assert not connection.execute(select(sessions)).all()
    return records[0]


async def test_who_signs_in_is_the_same_principal_as_with_a_token(site: Site, ada: Browser) -> None:
    answer = await ada.sign_in("grace")
    assert answer.headers["Location"] == f"{site.url}/"
    me = (await ada.me()).json()
    assert (me["subject"], me["tenant"], me["roles"]) == ("grace", "acme", ["analyst"])
    login = site.service.records("logged_in")
    assert [(record["subject"], record["tenant"]) for record in login] == [("grace", "acme")]


async def test_one_asks_with_the_cookie_alone(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    body = {"model": "assistant", "messages": [{"role": "user", "content": "Hello"}]}
    answer = await ada.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200, answer.text
    assert [record["subject"] for record in site.service.records("finished")] == ["ada"]


async def test_state_nonce_and_challenge_are_fresh_for_each_login(ada: Browser) -> None:
    first, second = [parameters(await ada.asked_at_issuer()) for _ in range(2)]
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) == 43
        assert first[name] != second[name]
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"


async def test_the_callback_address_comes_from_the_settings_and_not_from_the_request(site: Site, ada: Browser) -> None:
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    answer = await ada.get("/login", headers=forged)
    assert parameters(answer.headers["Location"])["redirect_uri"] == f"{site.url}/callback"


async def test_the_cookie_of_the_login_hides_the_verifier(ada: Browser) -> None:
    asked = parameters(await ada.asked_at_issuer())
    kept = ada.http.cookies["login"]
    assert asked["state"] not in kept
    assert asked["nonce"] not in kept


CHANGED: dict[str, dict[str, str | None]] = {
    "state-missing": {"state": None},
    "state-empty": {"state": ""},
    "state-changed": {"state": "another"},
    "state-not-ascii": {"state": "\u00e9"},
    "code-missing": {"code": None},
    "code-empty": {"code": ""},
    "20-kb": {"code": "c" * 20_000},
    "nul": {"code": "a\0b"},
    "crlf": {"code": "a\r\nSet-Cookie: x=y"},
    "iss-wrong": {"iss": "https://evil.example"},
    "iss-empty": {"iss": ""},
    "iss-missing": {"iss": None},
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED)
async def test_an_answer_that_was_changed_is_refused(bent: Bent, change: dict[str, str | None]) -> None:
    refused(await bent.browser.get(await bent.provider.callback(bent.browser, **change)), bent.service)
    assert not bent.provider.asked


@pytest.mark.parametrize("name", ["code", "state", "iss"])
async def test_a_parameter_that_stands_twice_is_refused(bent: Bent, name: str) -> None:
    callback = await bent.provider.callback(bent.browser)
    refused(await bent.browser.get(f"{callback}&{name}={quote(parameters(callback)[name])}"), bent.service)
    assert not bent.provider.asked


async def test_an_issuer_that_never_names_itself_may_leave_iss_out(bent: Bent) -> None:
    bent.provider.promises_iss = False
    unknown_key = bent.provider.token(header={"kid": "makes the service ask for the issuer's documents again"})
    await bent.browser.get("/v1/me", headers={"Authorization": f"Bearer {unknown_key}"})
    answer = await bent.browser.get(await bent.provider.callback(bent.browser, iss=None))
    assert answer.status_code == 303


async def test_a_login_begun_in_another_browser_is_refused(site: Site, ada: Browser) -> None:
    async with browser(site.url) as another:
        callback = await another.callback_url("eve")
    refused(await ada.get(callback), site.service)


async def test_a_code_injected_into_another_login_is_refused(site: Site, ada: Browser) -> None:
    async with browser(site.url) as another:
        stolen = parameters(await another.callback_url("eve"))["code"]
    own = await ada.callback_url("ada")
    refused(await ada.get(own.replace(parameters(own)["code"], stolen)), site.service)


async def test_a_code_is_redeemed_with_the_verifier_whose_challenge_was_shown_before(bent: Bent) -> None:
    asked = parameters(await bent.browser.asked_at_issuer())
    bent.provider.nonce = asked["nonce"]
    answer = {"code": "a-code", "state": asked["state"], "iss": bent.provider.url}
    assert (await bent.browser.get("/callback", params=answer)).status_code == 303
    verifier = bent.provider.asked[0]["code_verifier"]
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    assert (asked.get("code_challenge_method"), asked.get("code_challenge")) == ("S256", challenge)


async def test_a_code_works_once(site: Site, ada: Browser) -> None:
    callback = await ada.callback_url()
    kept = ada.http.cookies["login"]
    assert (await ada.get(callback)).status_code == 303
    again = await ada.get(callback)
    assert again.status_code == 400
    stubborn = await ada.get(callback, headers={"Cookie": f"login={kept}"})
    assert stubborn.status_code == 400
    assert len(site.service.records("refused")) == 2


async def test_an_invented_code_is_refused(site: Site, ada: Browser) -> None:
    state = parameters(await ada.asked_at_issuer())["state"]
    answer = await ada.get("/callback", params={"code": "invented", "state": state, "iss": site.issuer})
    refused(answer, site.service)


@pytest.mark.parametrize("cookie", ["", "x", "AAAA", "%00", "\u00e9", "x" * 5000])
async def test_a_cookie_that_is_not_ours_is_refused(site: Site, ada: Browser, cookie: str) -> None:
    callback = await ada.callback_url()
    ada.http.cookies.clear()
    refused(await ada.get(callback, headers={"Cookie": f"login={cookie}".encode()}), site.service)


async def test_what_the_issuer_says_instead_of_a_code_is_not_repeated(bent: Bent) -> None:
    answer = await bent.browser.get(
        await bent.provider.callback(
            bent.browser, code=None, error="<script>alert(1)</script>", error_description="<b>call +1 555</b>"
        )
    )
    record = refused(answer, bent.service)
    for text in (answer.text, json.dumps(record)):
        assert "script>" not in text
        assert "call +1" not in text


async def test_access_denied_is_said_in_plain_words(bent: Bent) -> None:
    answer = await bent.browser.get(await bent.provider.callback(bent.browser, code=None, error="access_denied"))
    assert refused(answer, bent.service)["code"] == "login_refused"
    assert "access was denied" in answer.text


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"aud": "another-client"},
        {"aud": ["web", "another"]},
        {"azp": "another-client"},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"exp": "tomorrow"},
        {"iat": 9_999_999_999},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"at_hash": "another"},
    ],
    ids=str,
)
async def test_an_id_token_that_does_not_fit_is_refused(bent: Bent, claims: dict[str, Any]) -> None:
    callback = await bent.provider.callback(bent.browser)
    bent.provider.id_token = claims
    refused(await bent.browser.get(callback), bent.service)


async def test_an_id_token_that_no_key_fits_is_refused(bent: Bent) -> None:
    bent.provider.id_token_header = {"kid": "unknown"}
    refused(await bent.browser.get(await bent.provider.callback(bent.browser)), bent.service)


async def test_an_id_token_signed_by_somebody_else_is_refused(bent: Bent) -> None:
    bent.provider.id_token_key = new_key("first")
    refused(await bent.browser.get(await bent.provider.callback(bent.browser)), bent.service)


@pytest.mark.parametrize(
    "answer",
    [
        {"id_token": None},
        {"id_token": "a.b.c"},
        {"id_token": "eyJhbGciOiJub25lIn0.e30.eA"},
        {"id_token": ["x"]},
        {"access_token": None},
        {"access_token": "opaque"},
        {"access_token": 7},
    ],
    ids=str,
)
async def test_tokens_that_do_not_fit_are_refused(bent: Bent, answer: dict[str, Any]) -> None:
    bent.provider.answer = answer
    refused(await bent.browser.get(await bent.provider.callback(bent.browser)), bent.service)


@pytest.mark.parametrize("claims", [{"aud": "another"}, {"tenant": None}, {"exp": 1}], ids=str)
async def test_an_access_token_for_somebody_else_begins_no_session(bent: Bent, claims: dict[str, Any]) -> None:
    bent.provider.access_token = claims
    refused(await bent.browser.get(await bent.provider.callback(bent.browser)), bent.service)


@pytest.mark.parametrize(
    "raw",
    [
        PlainTextResponse("<html>gateway</html>", 200),
        PlainTextResponse("bad", 500),
        JSONResponse(["no object"]),
        RedirectResponse("https://evil.example", 307),
    ],
    ids=["html", "500", "list", "redirect"],
)
async def test_a_token_endpoint_that_answers_nonsense_is_unavailable(bent: Bent, raw: Any) -> None:
    bent.provider.raw_answer = raw
    refused(await bent.browser.get(await bent.provider.callback(bent.browser)), bent.service, 503)


async def test_a_secret_that_has_expired_is_not_held_against_who_signs_in(bent: Bent) -> None:
    bent.provider.raw_answer = JSONResponse({"error": "invalid_client", "error_description": "call +1 555"}, 401)
    answer = await bent.browser.get(await bent.provider.callback(bent.browser))
    assert refused(answer, bent.service, 503)["code"] == "identity_unavailable"
    assert "+1 555" not in answer.text
    assert "the operator of this service" in answer.text


@pytest.mark.parametrize(
    "raw",
    [PlainTextResponse("<html>blocked</html>", 403), JSONResponse({"error": {"code": 400, "message": "no"}}, 400)],
    ids=["firewall", "object"],
)
async def test_a_code_that_is_refused_without_oauth_s_words_is_refused(bent: Bent, raw: Any) -> None:
    bent.provider.raw_answer = raw
    answer = await bent.browser.get(await bent.provider.callback(bent.browser, code="' OR 1=1--"))
    assert refused(answer, bent.service)["code"] == "login_refused"


@pytest.mark.parametrize("raw", [PlainTextResponse("slower", 429), JSONResponse({"error": "server_error"}, 400)])
async def test_an_issuer_that_says_later_is_tried_again(bent: Bent, raw: Any) -> None:
    bent.provider.raw_answer = raw
    answer = await bent.browser.get(await bent.provider.callback(bent.browser))
    refused(answer, bent.service, 503)
    assert answer.headers["Retry-After"]
    assert "try again" in answer.text


async def test_an_issuer_that_is_down_is_said_to_be_unavailable(site: Site, ada: Browser) -> None:
    callback = await ada.callback_url()
    await site.control("down")
    refused(await ada.get(callback), site.service, 503)


async def test_the_service_proves_who_it_is_as_the_issuer_wants_it(bent: Bent) -> None:
    answer = await bent.browser.get(await bent.provider.callback(bent.browser))
    assert answer.status_code == 303
    asked = bent.provider.asked[0]
    assert (asked["client_id"], asked["client_secret"]) == ("web", "local-web-secret")
    assert len(asked["code_verifier"]) == 43


ELSEWHERE = {
    "address": "https://evil.example",
    "two-slashes": "//evil.example",
    "three-slashes": "///evil.example",
    "slash-backslash": "/\\evil.example",
    "two-backslashes": "\\\\evil.example",
    "tab": "/\t/evil.example",
    "crlf": "/%0d%0aLocation:https://evil.example\r\n",
    "javascript": "javascript:alert(1)",
    "no-slashes": "http:evil.example",
    "at-sign": "@evil.example",
    "division-slash": "\u2215evil.example",
}


@pytest.mark.parametrize("path", ELSEWHERE.values(), ids=ELSEWHERE)
async def test_a_login_leads_to_no_other_site(site: Site, ada: Browser, path: str) -> None:
    refused(await ada.get("/login", params={"next": path}), site.service)


@pytest.mark.parametrize("path", ["/", "/?a=b", "/talks/7#end", "/%2f%2fevil.example"])
async def test_a_login_leads_back_to_where_it_began(site: Site, ada: Browser, path: str) -> None:
    assert (await ada.sign_in(next_path=path)).headers["Location"] == site.url + path


@pytest.mark.parametrize("fetched_from", ["cross-site", "same-site"])
async def test_another_site_begins_nobody_s_login(site: Site, ada: Browser, fetched_from: str) -> None:
    answer = await ada.get("/login", headers={"Sec-Fetch-Site": fetched_from})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{site.url}/")
    assert "login" not in set_cookies(answer)


async def test_the_session_gets_a_new_id_and_the_one_before_it_ends(site: Site, ada: Browser) -> None:
    await ada.sign_in()
    before = ada.session_id
    await ada.sign_in("grace")
    assert ada.session_id != before
    old = await ada.get("/v1/me", headers={"Cookie": f"session={before}"})
    assert old.status_code == 401


async def test_an_id_that_somebody_planted_is_not_taken_over(site: Site, ada: Browser) -> None:
    ada.http.cookies.set("session", "planted", domain="127.0.0.1", path="/")
    await ada.sign_in()
    answer = await ada.get("/v1/me", headers={"Cookie": "session=planted"})
    assert answer.status_code == 401


async def test_the_cookie_is_opaque_and_out_of_reach_of_scripts(ada: Browser) -> None:
    cookie = set_cookies(await ada.sign_in())["session"]
    assert len(ada.session_id or "") == 43
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie


async def test_by_https_the_cookies_are_bound_to_the_host(tmp_path: Path, around: Surroundings, site: Site) -> None:
    settings: dict[str, Any] = {"public_url": "https://assistant.example", "oidc_issuer": site.issuer, **CLIENT}
    async with running_service(tmp_path / "https", around, **settings) as service, browser(service.url) as anybody:
        answer = await anybody.get("/login")
    cookie = set_cookies(answer)["__Host-login"]
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"))
    assert "Domain" not in cookie
    assert parameters(answer.headers["Location"])["redirect_uri"] == "https://assistant.example/callback"
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]


async def test_no_token_shows_in_an_address_a_page_or_a_cookie(site: Site, ada: Browser) -> None:
    answer = await ada.sign_in()
    page = await ada.get("/")
    me = await ada.me()
    texts = [*ada.visited, page.text, me.text, str(answer.headers), *dict(ada.http.cookies).values()]
    assert not any(looks_like_a_token(text) for text in texts)


async def test_no_token_code_or_secret_shows_in_a_log(
    site: Site, ada: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # all that is heard of libraries: telemetry/logs.py
    with capture_logs() as told:
        callback = await ada.callback_url()
        await ada.get(callback)
        await ada.get(callback)
        session_id = ada.session_id or ""
        await ada.me()
        await ada.post("/logout")
    assert len([one for one in told if one["event"] == "request"]) == 5
    secrets = [session_id, parameters(callback)["code"], parameters(callback)["state"], "local-web-secret"]
    for text in (str(told), caplog.text, json.dumps(site.service.records())):
        assert not looks_like_a_token(text)
        assert not [secret for secret in secrets if secret in text]


async def test_an_attempt_is_over_after_one_use(ada: Browser) -> None:
    answer = await ada.sign_in()
    assert "Max-Age=0" in set_cookies(answer)["login"]


async def test_while_the_issuer_is_away_the_page_is_there(tmp_path: Path, around: Surroundings) -> None:
    settings: dict[str, Any] = {**CLIENT, "oidc_issuer": "http://127.0.0.1:1"}
    async with running_service(tmp_path, around, **settings) as service:
        answer = await service.http.get(f"{service.url}/")
    assert answer.status_code == 200
    assert "form-action 'self';" in answer.headers["Content-Security-Policy"]
