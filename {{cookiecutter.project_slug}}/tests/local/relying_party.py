"""A client of the identity provider: what it asks, and how it redeems what it gets."""

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import ClientSession, encode_basic_auth
from joserfc import jwt
from joserfc.jwk import KeySet

from local.stack import Stack

WEB = {"Authorization": encode_basic_auth("web", "local-web-secret")}
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def question(stack: Stack, **changes: str) -> dict[str, str]:
    asked = {
        "response_type": "code",
        "client_id": "web",
        "redirect_uri": f"http://127.0.0.1:{stack.service_port}/callback",
        "scope": "openid profile email",
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (asked | changes).items() if value}


async def returned(stack: Stack, http: ClientSession, asked: dict[str, str], person: str = "ada") -> dict[str, str]:
    where = f"{stack.issuer}/authorize"
    async with http.post(where, params=asked, data={"person": person}, allow_redirects=False) as answer:
        assert answer.status == 302, await answer.text()
        return {name: value[0] for name, value in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


async def redeem(stack: Stack, http: ClientSession, **form: str) -> tuple[int, dict[str, Any]]:
    headers = WEB if "client_id" not in form else None
    async with http.post(f"{stack.issuer}/token", data=form, headers=headers) as answer:
        return answer.status, await answer.json()


async def signed_in(stack: Stack, http: ClientSession, verifier: str = VERIFIER) -> tuple[int, dict[str, Any]]:
    code = (await returned(stack, http, question(stack)))["code"]
    return await redeem_code(stack, http, code, verifier)


async def redeem_code(
    stack: Stack, http: ClientSession, code: str, verifier: str = VERIFIER
) -> tuple[int, dict[str, Any]]:
    uri = question(stack)["redirect_uri"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": uri, "code_verifier": verifier}
    return await redeem(stack, http, **form)


async def control(stack: Stack, http: ClientSession, action: str, body: Any = None) -> None:
    async with http.post(f"{stack.issuer}/control/{action}", json=body) as answer:
        assert answer.status == 204


async def verified(stack: Stack, http: ClientSession, token: str) -> jwt.Token:
    async with http.get(f"{stack.issuer}/jwks") as answer:
        keys = KeySet.import_key_set(await answer.json())
    return jwt.decode(token, keys, algorithms=["RS256"])
