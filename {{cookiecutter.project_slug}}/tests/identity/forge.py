"""A forge for tokens: any header, payload and signature, with the issuer's keys or an attacker's."""

import base64
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.issuer import Issuer, new_key

ABSENT: Any = object()
Part = dict[str, Any] | bytes
Sign = Callable[[bytes], bytes]


class Canary:
    """A server that nobody may ask, however often a token names it."""

    def __init__(self) -> None:
        self.url = "set when it is served"
        self.asked = 0
        self.app = Starlette(routes=[Route("/{path:path}", self._answer)])

    async def _answer(self, _: Request) -> JSONResponse:
        self.asked += 1
        return JSONResponse({"keys": []})


@dataclass(frozen=True)
class Forge:
    issuer: Issuer
    canary: Canary
    keys: dict[str, Key]

    def token(
        self,
        header: Part | None = None,
        claims: Part | None = None,
        *,
        key: str = "first",
        signing: str = "RS256",
        sign: Sign | None = None,
    ) -> str:
        """An ordinary access token but for what is given: fields are changed, bytes stand for the whole part.

        A key that the issuer does not publish passes for `first`. `sign` makes another signature than `key` would.
        """
        usual = {"alg": signing, "typ": "at+jwt", "kid": "first" if key.startswith("attacker") else key}
        signed = b".".join(b64(_written(part)) for part in (_changed(usual, header), self.payload(claims)))
        return (signed + b"." + b64(sign(signed) if sign else self.signature(signed, key, signing))).decode()

    def payload(self, claims: Part | None = None) -> Part:
        return _changed(self.issuer.claims(), claims)

    def signature(self, signed: bytes, key: str, signing: str) -> bytes:
        made: bytes = JWSRegistry.algorithms[signing].sign(signed, self.keys[key])
        return made

    def public(self, key: str = "first") -> dict[str, Any]:
        return dict(self.keys[key].as_dict(private=False))

    def odd_claim(self, name: str, text: str) -> bytes:
        """An ordinary payload in which one value is written as no JSON library would."""
        return json.dumps(self.payload({name: "@"})).replace('"@"', text).encode()


def new_forge(issuer: Issuer, canary: Canary) -> Forge:
    """Publishes at the issuer: fit keys of every kind, and unfit ones, all of which can sign."""
    unfit = new_key("unfit")
    keys: dict[str, Key] = {
        "first": issuer.key,
        "ps": new_key("ps"),
        "ec": ECKey.generate_key("P-256"),
        "ed": OKPKey.generate_key("Ed25519"),
        "ed-new-name": OKPKey.generate_key("Ed25519"),
        "names-no-algorithm": new_key("names-no-algorithm"),
        "weak": new_key("weak", bits=1024),
        "shared-secret": OctKey.generate_key(256),
        **dict.fromkeys(("for-encryption", "cannot-verify", "twice", "leaked"), unfit),
        "attacker": new_key("first"),
        "attacker-ec": ECKey.generate_key("P-256"),
        "attacker-ed": OKPKey.generate_key("Ed25519"),
        "attacker-p384": ECKey.generate_key("P-384"),
    }
    plain = {name: key.as_dict(private=False) for name, key in keys.items() if not name.startswith("attacker")}
    del plain["names-no-algorithm"]["alg"]
    special: dict[str, dict[str, Any]] = {
        "ps": {"alg": "PS256"},
        "ed-new-name": {"alg": "Ed25519"},
        "shared-secret": {**keys["shared-secret"].as_dict(private=True), "alg": "HS256"},
        "for-encryption": {"use": "enc"},
        "cannot-verify": {"key_ops": ["encrypt"]},
        "leaked": unfit.as_dict(private=True),
    }
    published = [{**key, **special.get(name, {}), "kid": name} for name, key in plain.items()]
    issuer.published = [*published, {**plain["twice"], "kid": "twice"}]
    return Forge(issuer, canary, keys)


def b64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def mac(secret: bytes, digest: str = "sha256") -> Sign:
    return lambda signed: hmac.new(secret, signed, digest).digest()


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


def _changed(usual: dict[str, Any], change: Part | None) -> Part:
    if isinstance(change, bytes):
        return change
    return {name: value for name, value in {**usual, **(change or {})}.items() if value is not ABSENT}


def _written(part: Part) -> bytes:
    return part if isinstance(part, bytes) else json.dumps(part).encode()


def rsa_public(key: Key) -> Any:
    assert isinstance(key, RSAKey)
    return key.public_key
