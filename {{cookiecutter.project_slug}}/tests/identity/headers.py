"""Tokens whose header asks for what it must not get (RFC 8725, 2.9 to 2.11 and 3.9 to 3.11)."""

import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

from tests.identity.forge import ABSENT, Forge, b64, mac, nested

Make = Callable[[Forge], str]


def with_key(**changed: Any) -> Make:
    """By an attacker who brings the key along."""
    return lambda f: f.token({**changed, "jwk": f.public("attacker")}, key="attacker")


def names_address(*names: str, **changed: Any) -> Make:
    """By an attacker who says where the key is."""
    return lambda f: f.token({**dict.fromkeys(names, f"{f.canary.url}/keys"), **changed}, key="attacker")


def header(**changed: Any) -> Make:
    """Signed by the issuer's own key."""
    return lambda f: f.token(changed)


def written(*, start: str = '{"alg": "RS256", "typ": "at+jwt", "kid": "first"', end: str = "}") -> Make:
    return lambda f: f.token((start + end).encode("utf-8", "surrogatepass"))


def raw(content: bytes) -> Make:
    return lambda f: f.token(content)


def encoded_as(encoding: str) -> Make:
    return raw(json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": "first"}).encode(encoding))


def certificate(f: Forge) -> str:
    """It need be none: nobody is to read it."""
    chain = [base64.b64encode(json.dumps(f.public("attacker")).encode()).decode()]
    return f.token({"x5c": chain, "x5t": b64(b"x" * 20).decode()}, key="attacker")


def unencoded(f: Forge) -> str:
    """RFC 7797: the payload stands between the dots as it is."""
    start = b64(json.dumps({"alg": "RS256", "typ": "at+jwt", "kid": "first", "b64": False, "crit": ["b64"]}).encode())
    signed = start + b"." + b64(json.dumps(f.payload()).encode())
    return (signed + b"." + b64(f.signature(signed, "first", "RS256"))).decode()


HOSTILE: dict[str, Make] = {
    "jwk-of-an-attacker": with_key(),
    "jwk-and-no-kid": with_key(kid=ABSENT),
    "jwk-and-unknown-kid": with_key(kid="mine"),
    "jwk-of-a-secret": lambda f: f.token({"alg": "HS256", "jwk": {"kty": "oct", "k": "c2VjcmV0"}}, sign=mac(b"secret")),
    "jku": names_address("jku"),
    "jku-and-no-kid": names_address("jku", kid=ABSENT),
    "jku-and-unknown-kid": names_address("jku", kid="mine"),
    "x5u": names_address("x5u"),
    "jku-x5u-and-kid": names_address("jku", "x5u", "kid"),
    "jku-with-the-issuer-as-user": lambda f: f.token(
        {"jku": f.issuer.url + "@" + f.canary.url.removeprefix("http://")}, key="attacker"
    ),
    "jku-no-address": header(jku=7),
    "x5c": certificate,
    "kid-absent": header(kid=ABSENT),
    "kid-null": header(kid=None),
    "kid-empty": header(kid=""),
    "kid-number": header(kid=1),
    "kid-bool": header(kid=True),
    "kid-list": header(kid=["first"]),
    "kid-object": header(kid={"$ne": ""}),
    "kid-unknown": header(kid="second"),
    "kid-upper-case": header(kid="FIRST"),
    "kid-with-space": header(kid=" first"),
    "kid-with-nul": header(kid="first\x00"),
    "kid-crlf": header(kid="first\r\nX-Role: steward"),
    "kid-surrogate": written(start='{"alg": "RS256", "typ": "at+jwt", "kid": "\\ud800"'),
    "kid-look-alike": header(kid="fir\u0455t"),
    "kid-path": lambda f: f.token({"alg": "HS256", "kid": "../../../../../dev/null"}, sign=mac(b"")),
    "kid-path-rs256": header(kid="../../../../../etc/hostname"),
    "kid-sql": header(kid="first' OR '1'='1"),
    "kid-sql-union": header(kid="x' UNION SELECT 'secret' --"),
    "kid-command": header(kid="first|touch /tmp/x"),
    "kid-url": lambda f: f.token({"kid": f"{f.canary.url}/keys"}, key="attacker"),
    "kid-10-kb": header(kid="k" * 10_000),
    "kid-dunder": header(kid="__class__"),
    "crit-empty": header(crit=[]),
    "crit-exp": header(crit=["exp"], exp=9_999_999_999),
    "crit-unknown": header(crit=["policy"], policy="allow"),
    "crit-absent-name": header(crit=["policy"]),
    "crit-alg": header(crit=["alg"]),
    "crit-text": header(crit="b64"),
    "crit-null": header(crit=None),
    "crit-number": header(crit=1),
    "crit-nested": header(crit=[["b64"]]),
    "b64-false": header(b64=False, crit=["b64"]),
    "b64-false-unencoded": unencoded,
    "b64-false-not-critical": header(b64=False),
    "b64-true": header(b64=True),
    "b64-text": header(b64="false"),
    "typ-absent": header(typ=ABSENT),
    "typ-null": header(typ=None),
    "typ-empty": header(typ=""),
    "typ-jwt": header(typ="JWT"),
    "typ-of-id-token": header(typ="id+jwt"),
    "typ-of-logout-token": header(typ="logout+jwt"),
    "typ-of-security-event": header(typ="secevent+jwt"),
    "typ-of-dpop-proof": header(typ="dpop+jwt"),
    "typ-number": header(typ=1),
    "typ-list": header(typ=["at+jwt"]),
    "typ-with-space": header(typ="at+jwt "),
    "typ-prefixed-twice": header(typ="application/application/at+jwt"),
    "typ-other-media": header(typ="text/at+jwt"),
    "cty-jwt": header(cty="JWT"),
    "cty-number": header(cty=1),
    "zip": header(zip="DEF"),
    "zip-compressed": lambda f: f.token({"zip": "DEF"}, zlib.compress(json.dumps(f.payload()).encode())[2:-4]),
    "alg-twice": written(start='{"alg": "none", "alg": "RS256", "typ": "at+jwt", "kid": "first"'),
    "alg-twice-the-other-way": written(end=', "alg": "none"}'),
    "kid-twice": written(end=', "kid": "ps"}'),
    "nested-name-twice": written(end=', "x": {"a": 1, "a": 2}}'),
    "not-json": raw(b"RS256"),
    "one-space": raw(b" "),
    "a-list": raw(b'["RS256"]'),
    "a-text": raw(b'"RS256"'),
    "a-number": raw(b"1"),
    "null": raw(b"null"),
    "cut": written(end=""),
    "followed-by-more": written(end='} {"alg": "none"}'),
    "trailing-comma": written(end=",}"),
    "single-quotes": raw(b"{'alg': 'RS256', 'typ': 'at+jwt', 'kid': 'first'}"),
    "utf-16": encoded_as("utf-16"),
    "utf-8-with-mark": encoded_as("utf-8-sig"),
    "bad-utf-8": raw(b'{"alg": "RS256", "typ": "at+jwt", "kid": "first", "x": "\xff"}'),
    "encoded-surrogate": written(end=', "x": "\ud800"}'),
    "nan": written(end=', "x": NaN}'),
    "infinity": written(end=', "x": -Infinity}'),
    "5000-digits": written(end=f', "x": {"9" * 5000}' + "}"),
    "5000-levels": written(end=f', "x": {nested(5000)}' + "}"),
    "20-kb": header(x="x" * 20_000),
}
