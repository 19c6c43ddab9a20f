"""A token for a local person, got as any program gets one: Authorization Code with PKCE (RFC 8252).

`python -m local.sign_in NAME` prints the token and nothing else.
"""

import asyncio
import base64
import contextlib
import hashlib
import os
import secrets
import sys
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import aiohttp

# Nobody listens there: the code is read from the redirect itself.
REDIRECT_URI = "http://127.0.0.1:1/callback"


class SignInError(Exception):
    """Why there is no token, in one line for the person at the terminal."""


async def service_token(issuer: str, client_id: str, secret: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    async with _provider(issuer) as (http, provider):
        return await _redeem(http, provider, form)


async def access_token(issuer: str, person: str) -> str:
    """SignInError when the provider is away or knows nobody of that name."""
    async with _provider(issuer) as (http, provider):
        return await _walk_the_code_flow(http, provider, person)


@contextlib.asynccontextmanager
async def _provider(issuer: str) -> AsyncIterator[tuple[aiohttp.ClientSession, dict[str, str]]]:
    timeout = aiohttp.ClientTimeout(total=10)
    where = f"{issuer}/.well-known/openid-configuration"
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http:
            async with http.get(where, raise_for_status=True) as answer:
                provider = await answer.json()
            yield http, provider
    except (aiohttp.ClientError, TimeoutError) as fault:
        reason = f"{type(fault).__name__}: {fault}"
        message = f"No identity provider answers at {issuer} ({reason}): `make serve` starts it."
        raise SignInError(message) from None


async def _walk_the_code_flow(http: aiohttp.ClientSession, provider: dict[str, str], person: str) -> str:
    verifier, state = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    digest = hashlib.sha256(verifier.encode()).digest()
    question = {
        "response_type": "code",
        "client_id": "cli",
        "redirect_uri": REDIRECT_URI,
        "scope": "openid profile email",
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    where = provider["authorization_endpoint"]
    async with http.post(where, params=question, data={"person": person}, allow_redirects=False) as answer:
        returned = parse_qs(urlsplit(answer.headers.get("Location", "")).query)
    if "code" not in returned:
        raise SignInError(f"Nobody here is called {person!r}: `make serve` prints the people.")
    if returned["state"] != [state] or returned["iss"] != [provider["issuer"]]:
        raise SignInError("The answer to the sign-in belongs to another request or another issuer.")
    form = {"grant_type": "authorization_code", "client_id": "cli", "redirect_uri": REDIRECT_URI}
    return await _redeem(http, provider, form | {"code": returned["code"][0], "code_verifier": verifier})


async def _redeem(http: aiohttp.ClientSession, provider: dict[str, str], form: dict[str, str]) -> str:
    async with http.post(provider["token_endpoint"], data=form) as answer:
        body = await answer.json()
    if "access_token" not in body:
        raise SignInError(f"No token: {body.get('error')}, {body.get('error_description')}.")
    return str(body["access_token"])


def main() -> int:
    if len(sys.argv) != 2:
        print("Usage: python -m local.sign_in NAME", file=sys.stderr)
        return 2
    port = os.environ.get("LOCAL_IDP_PORT", "8910")
    issuer = os.environ.get("OIDC_ISSUER", f"http://127.0.0.1:{port}")
    try:
        print(asyncio.run(access_token(issuer, sys.argv[1])))
    except SignInError as refusal:
        print(refusal, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
