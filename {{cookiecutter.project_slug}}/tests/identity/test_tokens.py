"""Who is refused, and that nothing but a 401 comes of it: every attempt over HTTP, at one service."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx2
import pytest

from tests.identity import claims, headers, shapes, signatures
from tests.identity.forge import Forge, nested
from tests.issuer import AUDIENCE
from tests.service import Service

Make = Callable[[Forge], str]
GENUINE: dict[str, Make] = {
    "rs256": lambda f: f.token(),
    "ps256": lambda f: f.token(key="ps", signing="PS256"),
    "es256": lambda f: f.token(key="ec", signing="ES256"),
    "eddsa": lambda f: f.token(key="ed", signing="EdDSA"),
    "ed25519": lambda f: f.token(key="ed-new-name", signing="Ed25519"),
    "typ-as-media-type": lambda f: f.token({"typ": "application/at+jwt"}),
    "typ-upper-case": lambda f: f.token({"typ": "AT+JWT"}),
    "thumbprint-in-header": lambda f: f.token({"x5t": "x" * 27, "x5t#S256": "x" * 43}),
    "unknown-header": lambda f: f.token({"example": {"a": [1]}}),
    "key-address-in-header-is-ignored": lambda f: f.token({"jku": f"{f.canary.url}/keys", "x5u": f.canary.url}),
    "other-key-in-header-is-ignored": lambda f: f.token({"jwk": f.public("attacker")}),
    "header-of-4-kb": lambda f: f.token({"x5c": ["A" * 4000]}),
    "aud-list": lambda f: f.token(claims={"aud": ["another-service", AUDIENCE]}),
    "exp-within-leeway": lambda f: f.token(claims={"exp": time.time() - 20}),
    "exp-as-fraction": lambda f: f.token(claims={"exp": time.time() + 0.5}),
    "nbf-and-iat-within-leeway": lambda f: f.token(claims={"nbf": time.time() + 20, "iat": time.time() + 20}),
    "unknown-claims": lambda f: f.token(claims={"x": {"a": [1, None]}, "scope": "openid", "act": {"sub": "web"}}),
    "claims-of-12-kb": lambda f: f.token(claims={"groups": ["g" * 36] * 240}),
}


def named(table: Mapping[str, Any]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("made", [pytest.param(make, id=name) for name, make in table.items()])


async def me(service: Service, token: str) -> httpx2.Response:
    return await service.http.get(f"{service.url}/v1/me", headers={"Authorization": f"Bearer {token}"})


def assert_refused(answer: httpx2.Response) -> None:
    assert answer.status_code == 401, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "code", "param", "request_id"}
    assert (error["code"], error["type"]) == ("invalid_token", "authentication_error")
    assert error["request_id"] == answer.headers["X-Request-Id"]
    told = 'error="invalid_token", ' if "authorization" in answer.request.headers else ""
    assert answer.headers["WWW-Authenticate"].startswith(f'Bearer {told}resource_metadata="')
    assert len(error["message"]) < 200


async def assert_forged(service: Service, forge: Forge, token: str) -> None:
    answer = await me(service, token)
    assert_refused(answer)
    assert not any(part in answer.text for part in token.split(".") if len(part) > 20)
    assert forge.canary.asked == 0


@named(GENUINE)
async def test_a_genuine_token_is_accepted(standing: Service, forge: Forge, made: Make) -> None:
    answer = await me(standing, made(forge))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["subject"], answer.json()["tenant"]) == ("ada", "acme")
    assert forge.canary.asked == 0


@named(signatures.HOSTILE)
async def test_a_wrong_algorithm_or_signature_is_refused(standing: Service, forge: Forge, made: Make) -> None:
    await assert_forged(standing, forge, made(forge))


@named(headers.HOSTILE)
async def test_a_hostile_header_is_refused(standing: Service, forge: Forge, made: Make) -> None:
    await assert_forged(standing, forge, made(forge))


@pytest.mark.parametrize("in_header", [True, False])
async def test_no_depth_of_nesting_is_a_server_fault(standing: Service, forge: Forge, in_header: bool) -> None:
    """Two readers with stacks of different depth: what one still reads may be too deep for the other."""
    for levels in range(880, 1000):
        made = headers.written(end=f', "x": {nested(levels)}' + "}") if in_header else claims.odd("x", nested(levels))
        assert (await me(standing, made(forge))).status_code in (200, 401), levels


@named(claims.HOSTILE)
async def test_hostile_claims_are_refused(standing: Service, forge: Forge, made: Make) -> None:
    await assert_forged(standing, forge, made(forge))


@named(shapes.HOSTILE)
async def test_a_token_sent_otherwise_is_refused(standing: Service, forge: Forge, made: shapes.Send) -> None:
    answer = await standing.http.get(f"{standing.url}/v1/me", **made(forge))
    assert_refused(answer)
    assert forge.canary.asked == 0


async def test_a_token_in_the_body_is_no_token(standing: Service, forge: Forge) -> None:
    form = {"access_token": forge.token()}
    assert_refused(await standing.http.post(f"{standing.url}/v1/chat/completions", data=form))


async def test_the_scheme_is_compared_without_case(standing: Service, forge: Forge) -> None:
    for scheme in ("bearer", "BEARER", "Bearer "):
        headers = {"Authorization": f"{scheme} {forge.token()}"}
        assert (await standing.http.get(f"{standing.url}/v1/me", headers=headers)).status_code == 200


@pytest.mark.parametrize("replaced", [0, 1, 2])
async def test_a_remembered_token_vouches_for_no_other(standing: Service, forge: Forge, replaced: int) -> None:
    """CVE-2026-35030 compared the first characters only."""
    good = forge.token()
    other = forge.token({"x": 1}, {"sub": "sam", "roles": ["steward"]}, key="attacker")
    assert (await me(standing, good)).status_code == 200
    parts = good.split(".")
    parts[replaced] = other.split(".")[replaced]
    await assert_forged(standing, forge, ".".join(parts))
    assert (await me(standing, good)).json()["subject"] == "ada"


async def test_a_remembered_token_vouches_for_no_longer_one(standing: Service, forge: Forge) -> None:
    good = forge.token()
    assert (await me(standing, good)).status_code == 200
    for appended in ("=", "A", ".", ",", "\t", "\x85"):
        headers = {b"Authorization": f"Bearer {good}{appended}x".encode("latin-1")}
        assert_refused(await standing.http.get(f"{standing.url}/v1/me", headers=headers))


async def test_a_refusal_is_not_remembered_against_a_good_token(standing: Service, forge: Forge) -> None:
    good = forge.token()
    await assert_forged(standing, forge, good[:-4])
    assert (await me(standing, good)).status_code == 200


async def test_callers_at_the_same_moment_stay_who_they_are(standing: Service, forge: Forge) -> None:
    people = ["ada", "eve", "sam", "olga"] * 20
    answers = await asyncio.gather(*(me(standing, forge.issuer.token(who)) for who in people))
    assert [answer.json()["subject"] for answer in answers] == people


async def test_a_remembered_token_expires_all_the_same(standing: Service, forge: Forge) -> None:
    leeway = 30
    token = forge.token(claims={"exp": time.time() - leeway + 0.8})
    assert (await me(standing, token)).status_code == 200
    await asyncio.sleep(0.9)
    await assert_forged(standing, forge, token)
