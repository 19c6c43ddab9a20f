"""What the token endpoint is asked in a caller's name, what is remembered of it, and what its answers come to."""

import asyncio
import base64
import copy
import json
import logging
import pickle
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from {{ cookiecutter.package_name }}.configfile import Faults, read
from {{ cookiecutter.package_name }}.errors import IdentityUnavailable, PermissionDenied
from {{ cookiecutter.package_name }}.identity import (
    AccessRules,
    Delegation,
    IssuerKeys,
    Principal,
    TokenEndpoint,
    TokenExchange,
    token_endpoint,
    token_exchange,
)

from local.loopback import listen, serving
from tests.issuer import Issuer
from tests.service import CONFIG

OFFERED = ["authorization_code", token_exchange.TOKEN_EXCHANGE, token_exchange.JWT_BEARER]
ASKED_FOR = {"staff-directory": ["staff:read", "staff:list"], "calendar": []}


class Exchanging(Issuer):
    """An issuer whose token endpoint makes a token of each question, or answers what a test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.grants: list[str] | None = OFFERED
        self.asked: list[dict[str, str]] = []
        self.proofs: list[str] = []
        self.answer: dict[str, Any] = {}
        self.raw_answer: Response | None = None
        self.app.routes[:0] = [
            Route("/.well-known/openid-configuration", self._exchanging_metadata),
            Route("/token", self._token, methods=["POST"]),
        ]

    async def _exchanging_metadata(self, _: Request) -> JSONResponse:
        told = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks", "token_endpoint": f"{self.url}/token"}
        return JSONResponse({**told, **({"grant_types_supported": self.grants} if self.grants else {})})

    async def _token(self, request: Request) -> Response:
        self.asked.append(dict(parse_qsl((await request.body()).decode())))
        self.proofs.append(request.headers.get("authorization", ""))
        await asyncio.sleep(self.delay)
        if self.raw_answer:
            return self.raw_answer
        usual = {
            "access_token": f"token-{len(self.asked)}",
            "issued_token_type": token_exchange.ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": 300,
        }
        return JSONResponse({name: value for name, value in {**usual, **self.answer}.items() if value is not None})


@pytest.fixture
async def provider() -> AsyncIterator[Exchanging]:
    issuer = Exchanging()
    async with serving(issuer.app, listen(0, "PORT")) as url:
        issuer.url = url
        yield issuer


def rules(**changed: Any) -> AccessRules:
    file = {
        "claims": {"roles": ["roles"]},
        "roles": {},
        "exchange": {"grant": "token_exchange", "audiences": ASKED_FOR},
    }
    return AccessRules.model_validate({**file, **changed})


@asynccontextmanager
async def exchanging(issuer: Issuer, said: AccessRules | None = None, client: str | None = "web") -> AsyncIterator[Any]:
    async with AsyncExitStack() as stack:
        keys = IssuerKeys(issuer.url, await stack.enter_async_context(aiohttp.ClientSession()))
        yield TokenExchange(said or rules(), TokenEndpoint(client, "secret", keys) if client else None, keys)


async def test_the_question_is_rfc_8693_s_and_proves_which_service_asks(provider: Exchanging) -> None:
    async with exchanging(provider) as exchanged:
        assert await exchanged("ada's", "staff-directory") == "token-1"
    assert provider.asked == [
        {
            "grant_type": token_exchange.TOKEN_EXCHANGE,
            "subject_token": "ada's",
            "subject_token_type": token_exchange.ACCESS_TOKEN,
            "requested_token_type": token_exchange.ACCESS_TOKEN,
            "audience": "staff-directory",
            "scope": "staff:read staff:list",
        }
    ]
    assert provider.proofs == [f"Basic {base64.b64encode(b'web:secret').decode()}"]


async def test_entra_is_asked_in_its_own_way(provider: Exchanging) -> None:
    """learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow; its metadata lists no grants."""
    provider.grants = None
    provider.answer = {"issued_token_type": None}
    said = rules(exchange={"grant": "on_behalf_of", "audiences": {"api://hr": ["api://hr/.default"]}})
    async with exchanging(provider, said) as exchanged:
        assert await exchanged("ada's", "api://hr") == "token-1"
    assert provider.asked == [
        {
            "grant_type": token_exchange.JWT_BEARER,
            "assertion": "ada's",
            "requested_token_use": "on_behalf_of",
            "scope": "api://hr/.default",
        }
    ]


@pytest.mark.parametrize("name", ["keycloak", "okta", "auth0", "entra"])
def test_the_preset_of_a_provider_that_exchanges_says_how(name: str) -> None:
    preset = read(CONFIG / "presets" / f"{name}.yaml", AccessRules, Faults())
    assert preset is not None
    assert preset.content.exchange is not None
    assert preset.content.exchange.grant == ("on_behalf_of" if name == "entra" else "token_exchange")


@pytest.mark.parametrize("name", ["cognito", "google"])
async def test_where_a_provider_exchanges_nothing_the_refusal_says_so(provider: Exchanging, name: str) -> None:
    preset = read(CONFIG / "presets" / f"{name}.yaml", AccessRules, Faults())
    assert preset is not None
    async with exchanging(provider, preset.content) as exchanged:
        with pytest.raises(PermissionDenied, match=r"config/access.yaml does not say how"):
            await exchanged("ada's", "staff-directory")
    assert provider.asked == []


async def test_a_provider_that_does_not_list_the_grant_is_not_asked(provider: Exchanging) -> None:
    provider.grants = ["authorization_code"]
    async with exchanging(provider) as exchanged:
        with pytest.raises(PermissionDenied, match="does not offer"):
            await exchanged("ada's", "staff-directory")
    assert provider.asked == []


async def test_without_a_client_nobody_is_asked_in_anybody_s_name(provider: Exchanging) -> None:
    async with exchanging(provider, client=None) as exchanged:
        with pytest.raises(PermissionDenied, match="OIDC_CLIENT_ID"):
            await exchanged("ada's", "staff-directory")


async def test_a_token_is_asked_for_once_while_it_is_good(provider: Exchanging) -> None:
    provider.delay = 0.05
    async with exchanging(provider) as exchanged:
        assert set(await asyncio.gather(*(exchanged("ada's", "calendar") for _ in range(20)))) == {"token-1"}
        assert await exchanged("ada's", "calendar") == "token-1"
    assert len(provider.asked) == 1


async def test_callers_and_audiences_never_share_a_token(provider: Exchanging) -> None:
    """CVE-2026-35030 kept what it knew by the first characters of a token only."""
    async with exchanging(provider) as exchanged:
        pairs = [(token, audience) for token in ("a" * 100, "a" * 99, "a" * 99 + "b") for audience in ASKED_FOR]
        assert len({await exchanged(*pair) for pair in pairs}) == 6


@pytest.mark.parametrize(("lifetime", "kept"), [(token_exchange.MARGIN, False), (0, False), (-5, False), (None, True)])
async def test_a_token_about_to_expire_is_not_kept(provider: Exchanging, lifetime: Any, kept: bool) -> None:
    provider.answer = {"expires_in": lifetime}
    async with exchanging(provider) as exchanged:
        assert await exchanged("ada's", "calendar") == "token-1"
        assert (await exchanged("ada's", "calendar") == "token-1") == kept


async def test_what_is_remembered_has_a_bound(provider: Exchanging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_exchange, "REMEMBERED", 3)
    async with exchanging(provider) as exchanged:
        for number in range(5):
            await exchanged(f"token of {number}", "calendar")
        assert await exchanged("token of 4", "calendar") == "token-5"
        assert await exchanged("token of 0", "calendar") == "token-6"


@pytest.mark.parametrize(
    ("code", "raised"),
    [
        ("invalid_target", PermissionDenied),
        ("invalid_grant", PermissionDenied),
        ("invalid_scope", PermissionDenied),
        ("access_denied", PermissionDenied),
        ("interaction_required", PermissionDenied),
        ("unauthorized_client", PermissionDenied),
        ("invalid_client", IdentityUnavailable),
        ("server_error", IdentityUnavailable),
        ("temporarily_unavailable", IdentityUnavailable),
        ({"code": 400}, PermissionDenied),
    ],
)
async def test_what_the_issuer_refuses_is_told_in_our_words(
    provider: Exchanging, code: Any, raised: type[Exception]
) -> None:
    provider.raw_answer = JSONResponse({"error": code, "error_description": "call +1 555"}, 400)
    async with exchanging(provider) as exchanged:
        with capture_logs() as told, pytest.raises(raised) as refusal:
            await exchanged("ada's", "staff-directory")
    assert "555" not in str(refusal.value)
    assert [one["audience"] for one in told if one["event"] == "token_not_exchanged"] == ["staff-directory"]


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("<html>gateway</html>"),
        PlainTextResponse("bad", 502),
        PlainTextResponse("<html>blocked</html>", 403),
        JSONResponse(["no object"]),
        JSONResponse({"access_token": 7, "token_type": "Bearer"}),
        JSONResponse({"access_token": "x", "issued_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}),
        RedirectResponse("https://evil.example", 307),
    ],
    ids=["html", "502", "403", "list", "number", "refresh-token", "redirect"],
)
async def test_an_answer_without_an_access_token_is_none(provider: Exchanging, answer: Response) -> None:
    provider.raw_answer = answer
    async with exchanging(provider) as exchanged:
        with pytest.raises(IdentityUnavailable):
            await exchanged("ada's", "staff-directory")


async def test_an_issuer_that_is_away_is_unavailable(provider: Exchanging) -> None:
    async with exchanging(provider) as exchanged:
        assert await exchanged("ada's", "calendar") == "token-1"
        provider.raw_answer = PlainTextResponse("down", 503)
        assert await exchanged("ada's", "calendar") == "token-1"
        with pytest.raises(IdentityUnavailable):
            await exchanged("grace's", "calendar")
        provider.raw_answer = None
        assert await exchanged("grace's", "calendar") == "token-3"


async def test_an_issuer_that_does_not_know_us_is_asked_again_later_by_one(
    provider: Exchanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_endpoint, "UNKNOWN_FOR", 3600.0)
    unknown = JSONResponse({"error": "invalid_client"}, 401)
    provider.raw_answer = unknown
    async with exchanging(provider) as exchanged:
        for _ in range(3):
            with pytest.raises(IdentityUnavailable, match="the operator of this service"):
                await exchanged("ada's", "calendar")
        assert len(provider.asked) == 1
        provider.raw_answer = None
        assert await exchanged("ada's", "staff-directory") == "token-2"  # Keycloak may mean the audience
        with pytest.raises(IdentityUnavailable):
            await exchanged("ada's", "calendar")
        monkeypatch.setattr(token_endpoint, "UNKNOWN_FOR", 0.0)
        assert await exchanged("ada's", "calendar") == "token-3"
        monkeypatch.setattr(token_endpoint, "UNKNOWN_FOR", 3600.0)
        assert await exchanged("grace's", "calendar") == "token-4"


async def test_of_many_who_ask_again_one_does(provider: Exchanging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(token_endpoint, "UNKNOWN_FOR", 3600.0)
    provider.raw_answer = JSONResponse({"error": "invalid_client"}, 401)
    async with exchanging(provider) as exchanged:
        with pytest.raises(IdentityUnavailable):
            await exchanged("ada's", "calendar")
        exchanged._endpoint._unknown["calendar"] -= 3600.0
        answers = await asyncio.gather(*(exchanged(f"{n}", "calendar") for n in range(20)), return_exceptions=True)
    assert {type(answer) for answer in answers} == {IdentityUnavailable}
    assert len(provider.asked) == 2


async def test_a_delegation_shows_its_token_to_nobody(provider: Exchanging) -> None:
    ada = Principal("ada", "acme", frozenset(), frozenset())
    async with exchanging(provider) as exchanged:
        delegation = Delegation(ada, "the-secret-token", exchanged)
        provider.raw_answer = JSONResponse({"error": "access_denied"}, 400)
        with capture_logs() as told, pytest.raises(PermissionDenied) as refusal:
            await delegation.token_for("staff-directory")
    logging.getLogger("test").warning("%s %r", delegation, delegation)
    for text in (repr(delegation), f"{delegation}", f"{[delegation]}", str(told), repr(refusal.value)):
        assert "secret" not in text
    assert repr(delegation) == "Delegation('ada' of 'acme')"
    for written in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            written(delegation)
