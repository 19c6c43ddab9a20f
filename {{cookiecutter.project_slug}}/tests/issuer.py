"""An issuer whose tokens a test can bend: real keys, real HTTP, no login."""

import base64
import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

AUDIENCE = "the-service"
PEOPLE = {"ada": "employee", "grace": "analyst", "sam": "steward", "olga": "auditor", "nils": "operator"}


def new_key(kid: str, bits: int = 2048) -> RSAKey:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return RSAKey.import_key(key, {"kid": kid, "use": "sig", "alg": "RS256"})


class Issuer:
    def __init__(self) -> None:
        self.url = "set when it is served"
        self.first_key = new_key("first")
        self.reset()
        self.app = Starlette(routes=[Route("/.well-known/openid-configuration", self._metadata), Route("/jwks", self._jwks)])

    def reset(self) -> None:
        self.key = self.first_key
        self.published: list[Any] = [self.key.as_dict(private=False)]
        self.key_fetches = 0

    async def _metadata(self, _: Any) -> JSONResponse:
        return JSONResponse({"issuer": self.url, "jwks_uri": f"{self.url}/jwks"})

    async def _jwks(self, _: Any) -> JSONResponse:
        self.key_fetches += 1
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
        fields = {"alg": "RS256", "typ": "at+jwt", "kid": "first", **(header or {})}
        return jwt.encode(fields, self.claims(who, **changed), key or self.key, algorithms=[fields["alg"]])


def handmade(header: Any, payload: Any, signature: bytes = b"") -> str:
    """A token that no library would write."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, payload)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, signature))
