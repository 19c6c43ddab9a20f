"""Tokens that the issuer signed and that are still not for us, not for now, or no access tokens (RFC 9068, 4)."""

import json
import time
from collections.abc import Callable
from typing import Any

from tests.identity.forge import ABSENT, Forge, nested
from tests.issuer import AUDIENCE

Make = Callable[[Forge], str]


def claim(**changed: Any) -> Make:
    return lambda f: f.token(claims=changed)


def after(name: str, seconds: float) -> Make:
    return lambda f: f.token(claims={name: time.time() + seconds})


def odd(name: str, text: str) -> Make:
    return lambda f: f.token(claims=f.odd_claim(name, text))


def issued_by(change: Callable[[Forge], Any]) -> Make:
    return lambda f: f.token(claims={"iss": change(f)})


def payload(content: bytes) -> Make:
    return lambda f: f.token(claims=content)


def encoded_as(encoding: str) -> Make:
    return lambda f: f.token(claims=json.dumps(f.payload()).encode(encoding))


LOGOUT: dict[str, Any] = {"http://schemas.openid.net/event/backchannel-logout": {}}
NUMBERS: dict[str, Any] = {"text": "9999999999", "bool": True, "list": [9_999_999_999], "object": {"value": 1}}
ODD_NUMBERS = {
    "null": "null",
    "nan": "NaN",
    "infinity": "Infinity",
    "1e999": "1e999",
    "minus-1e999": "-1e999",
    "401-digits": "1" + "0" * 400,
    "5000-digits": "9" * 5000,
    "too-far": "1e13",
}
TIMES: dict[str, Make] = {
    f"{name}-{kind}": odd(name, json.dumps(value) if name_of is NUMBERS else value)
    for name in ("exp", "nbf", "iat")
    for name_of in (NUMBERS, ODD_NUMBERS)
    for kind, value in name_of.items()
}
HOSTILE: dict[str, Make] = {
    **TIMES,
    "exp-absent": claim(exp=ABSENT),
    "exp-zero": claim(exp=0),
    "exp-negative": claim(exp=-9_999_999_999),
    "exp-just-past-the-leeway": after("exp", -31),
    "exp-an-hour-ago": after("exp", -3600),
    "nbf-beyond-the-leeway": after("nbf", 40),
    "iat-absent": claim(iat=ABSENT),
    "iat-beyond-the-leeway": after("iat", 40),
    "iat-in-milliseconds": claim(iat=int(time.time() * 1000)),
    "iss-absent": claim(iss=ABSENT),
    "iss-null": claim(iss=None),
    "iss-empty": claim(iss=""),
    "iss-number": claim(iss=1),
    "iss-list": issued_by(lambda f: [f.issuer.url]),
    "iss-object": issued_by(lambda f: {f.issuer.url: True}),
    "iss-slash": issued_by(lambda f: f.issuer.url + "/"),
    "iss-upper-case": issued_by(lambda f: f.issuer.url.upper()),
    "iss-longer": issued_by(lambda f: f.issuer.url + ".evil.test"),
    "iss-as-user": issued_by(lambda f: f.issuer.url + "@evil.test"),
    "iss-space": issued_by(lambda f: f.issuer.url + " "),
    "iss-fragment": issued_by(lambda f: f.issuer.url + "#"),
    "iss-canary": issued_by(lambda f: f.canary.url),
    "aud-absent": claim(aud=ABSENT),
    "aud-null": claim(aud=None),
    "aud-empty": claim(aud=""),
    "aud-other": claim(aud="another-service"),
    "aud-number": claim(aud=1),
    "aud-bool": claim(aud=True),
    "aud-object": claim(aud={AUDIENCE: True}),
    "aud-empty-list": claim(aud=[]),
    "aud-list-of-others": claim(aud=["another-service", "account"]),
    "aud-list-in-list": claim(aud=[[AUDIENCE]]),
    "aud-list-with-number": claim(aud=[AUDIENCE, 1]),
    "aud-list-with-null": claim(aud=[AUDIENCE, None]),
    "aud-prefix": claim(aud=AUDIENCE[:-1]),
    "aud-longer": claim(aud=AUDIENCE + "-2"),
    "aud-upper-case": claim(aud=AUDIENCE.upper()),
    "aud-space": claim(aud=AUDIENCE + " "),
    "aud-joined": claim(aud=f"{AUDIENCE} another-service"),
    "aud-star": claim(aud="*"),
    "aud-is-the-client": claim(aud="web"),
    "sub-absent": claim(sub=ABSENT),
    "sub-null": claim(sub=None),
    "sub-empty": claim(sub=""),
    "sub-number": claim(sub=7),
    "sub-bool": claim(sub=True),
    "sub-list": claim(sub=["ada"]),
    "sub-object": claim(sub={"name": "ada"}),
    "sub-too-long": claim(sub="a" * 256),
    "sub-nul": claim(sub="ada\x00"),
    "sub-crlf": claim(sub="ada\r\nsub: sam"),
    "sub-escape": claim(sub="ada\x1b[2J"),
    "sub-right-to-left": claim(sub="ada\u202e"),
    "sub-surrogate": odd("sub", '"\\ud800"'),
    "tenant-absent": claim(tenant=ABSENT),
    "tenant-empty": claim(tenant=""),
    "tenant-number": claim(tenant=1),
    "tenant-list": claim(tenant=["acme"]),
    "tenant-object": claim(tenant={"id": "acme"}),
    "id-token": lambda f: f.token({"typ": "JWT"}, {"nonce": "n", "at_hash": "h", "aud": AUDIENCE}),
    "id-token-typed-as-access-token": claim(nonce="n"),
    "hybrid-id-token": claim(at_hash="h"),
    "logout-token": lambda f: f.token({"typ": "logout+jwt"}, {"events": LOGOUT, "sid": "s"}),
    "logout-token-typed-as-access-token": claim(events=LOGOUT),
    "sub-twice": lambda f: f.token(claims=json.dumps(f.payload()).encode()[:-1] + b', "sub": "sam"}'),
    "roles-twice": lambda f: f.token(claims=json.dumps(f.payload()).encode()[:-1] + b', "roles": ["steward"]}'),
    "name-twice-by-escape": lambda f: f.token(claims=json.dumps(f.payload()).encode()[:-1] + b', "s\\u0075b": "sam"}'),
    "name-twice-further-down": odd("x", '{"a": 1, "a": 2}'),
    "not-json": payload(b"ada"),
    "an-empty-object": payload(b"{}"),
    "a-list": payload(b"[]"),
    "a-text": payload(b'"ada"'),
    "null": payload(b"null"),
    "a-number": payload(b"7"),
    "cut": lambda f: f.token(claims=json.dumps(f.payload()).encode()[:-1]),
    "followed-by-more": lambda f: f.token(claims=json.dumps(f.payload()).encode() + b"{}"),
    "empty": payload(b""),
    "utf-16": encoded_as("utf-16"),
    "utf-8-with-mark": encoded_as("utf-8-sig"),
    "bad-utf-8": lambda f: f.token(claims=json.dumps(f.payload()).encode()[:-1] + b', "x": "\xff"}'),
    "nan-in-an-unused-claim": odd("x", "NaN"),
    "surrogate-in-an-unused-claim": odd("x", '"\\ud800"'),
    "5000-digits-in-an-unused-claim": odd("x", "9" * 5000),
    "5000-levels": odd("x", nested(5000)),
    "20-kb": claim(x="x" * 20_000),
}
