"""An issuer whose tokens a test can bend: real keys, real HTTP, no login."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

AUDIENCE = "the-service"
METADATA, KEYS = "/.well-known/openid-configuration", "/jwks"
PEOPLE = {"ada": "employee", "grace": "analyst", "sam": "steward", "olga": "auditor", "nils": "operator"}


def new_key(kid: str, bits: int = 2048) -> RSAKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return RSAKey.import_key(key, {"kid": kid, "use": "sig", "alg": "RS256"})


class Issuer:
    def __init__(self) -> None:
        self.url = "set when it is served"
        self.first_key = new_key("first")
        self.reset()
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST"])])

    def reset(self) -> None:
        self.key = self.first_key
        self.published: list[Any] = [self.key.as_dict(private=False)]
        self.key_fetches = 0
        self.delay = 0.0  # seconds before each answer
        self.instead: dict[str, Callable[[], Response]] = {}  # what a path answers, if not the usual

    def rotate(self, kid: str) -> None:
        self.key = new_key(kid)
        self.published = [self.key.as_dict(private=False)]

    def is_down(self) -> None:
        self.instead = dict.fromkeys((METADATA, KEYS), lambda: Response(status_code=503))

    async def _answer(self, request: Request) -> Response:
        self.key_fetches += request.url.path == KEYS
        await asyncio.sleep(self.delay)
        if request.url.path in self.instead:
            return self.instead[request.url.path]()
        if request.url.path.endswith(METADATA):
            return JSONResponse({"issuer": self.url, "jwks_uri": self.url + KEYS})
        return JSONResponse({"keys": self.published})

    def claims(self, who: str = "ada", **changed: Any) -> dict[str, Any]:
        """Of an ordinary token; a changed value of None leaves the claim out."""
        now = int(time.time())
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": who,
            "tenant": "acme",
            "roles": [PEOPLE.get(who, "employee")],
            "client_id": "web",
            "iat": now,
            "exp": now + 300,
            "jti": f"{who}-{time.monotonic_ns()}",
        }
        return {name: value for name, value in {**usual, **changed}.items() if value is not None}

    def token(self, who: str = "ada", *, header: dict[str, Any] | None = None, key: Any = None, **changed: Any) -> str:
        fields = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.kid, **(header or {})}
        return jwt.encode(fields, self.claims(who, **changed), key or self.key, algorithms=[fields["alg"]])
