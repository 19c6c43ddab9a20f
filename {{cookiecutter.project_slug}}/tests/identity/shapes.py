"""A good token, or nearly, sent as it must not be (RFC 6750, 2; RFC 7515, 3.1). Each makes the request's arguments."""

import json
from collections.abc import Callable
from typing import Any

from joserfc import jwe
from joserfc.jwk import OctKey

from tests.identity.forge import Forge, b64

Send = Callable[[Forge], dict[str, Any]]


def authorization(*values: Callable[[str], str | bytes]) -> Send:
    """One header a value, each made from a good token."""
    return lambda f: {"headers": [("Authorization", value(f.token())) for value in values]}


def bearer(change: Callable[[Forge], str]) -> Send:
    return lambda f: {"headers": [("Authorization", f"Bearer {change(f)}")]}


def good(token: str) -> str:
    return f"Bearer {token}"


def encrypted(f: Forge) -> str:
    key = OctKey.generate_key(256)
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt", "kid": "first"}, f.token(), key)


def costly(f: Forge) -> str:
    """A decryption that would take minutes (RFC 8725, 2.6)."""
    header = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2s": "c2FsdA", "p2c": 2_000_000_000}
    return b".".join([b64(json.dumps(header).encode()), *[b64(b"x" * 40)] * 4]).decode()


def flattened(f: Forge) -> str:
    protected, payload, signature = f.token().split(".")
    return json.dumps({"protected": protected, "payload": payload, "signature": signature})


def general(f: Forge) -> str:
    protected, payload, signature = f.token().split(".")
    return json.dumps({"payload": payload, "signatures": [{"protected": protected, "signature": signature}]})


def part(*chosen: int) -> Callable[[Forge], str]:
    return lambda f: ".".join(f.token().split(".")[one] for one in chosen)


HOSTILE: dict[str, Send] = {
    "no-header": lambda f: {},
    "empty-header": authorization(lambda t: ""),
    "scheme-only": authorization(lambda t: "Bearer"),
    "no-scheme": authorization(lambda t: t),
    "scheme-basic": authorization(lambda t: f"Basic {t}"),
    "scheme-token": authorization(lambda t: f"Token {t}"),
    "scheme-dpop": authorization(lambda t: f"DPoP {t}"),
    "scheme-twice": authorization(lambda t: f"Bearer Bearer {t}"),
    "scheme-with-colon": authorization(lambda t: f"Bearer: {t}"),
    "tab-for-space": authorization(lambda t: f"Bearer\t{t}"),
    "no-break-space-after": authorization(lambda t: f"Bearer {t}\xa0".encode("latin-1")),
    "quoted": authorization(lambda t: f'Bearer "{t}"'),
    "percent-encoded": authorization(lambda t: good(t.replace(".", "%2E"))),
    "space-within": authorization(lambda t: good(t.replace(".", " ."))),
    "not-ascii": authorization(lambda t: good(t).encode() + b"\xe9"),
    "comma-pair": authorization(lambda t: f"Bearer {t}, Bearer {t}"),
    "comma-rubbish-first": authorization(lambda t: f"Bearer x, Bearer {t}"),
    "comma-after": authorization(lambda t: f"Bearer {t},"),
    "header-twice": authorization(good, good),
    "header-twice-good-first": authorization(good, lambda t: "Bearer x"),
    "header-twice-good-last": authorization(lambda t: "Bearer x", good),
    "header-twice-empty-first": authorization(lambda t: "", good),
    "query": lambda f: {"params": {"access_token": f.token()}},
    "query-and-rubbish": lambda f: {"params": {"access_token": f.token()}, "headers": {"Authorization": "Bearer x"}},
    "cookie": lambda f: {"headers": {"Cookie": f"access_token={f.token()}; Authorization=Bearer {f.token()}"}},
    "proxy-authorization": lambda f: {"headers": {"Proxy-Authorization": good(f.token())}},
    "x-authorization": lambda f: {"headers": {"X-Authorization": good(f.token()), "X-Access-Token": f.token()}},
    "forwarded-authorization": lambda f: {"headers": {"X-Forwarded-Access-Token": f.token()}},
    "jwe": bearer(encrypted),
    "jwe-costly": bearer(costly),
    "json-flattened": bearer(flattened),
    "json-general": bearer(general),
    "one-part": bearer(part(0)),
    "two-parts": bearer(part(0, 1)),
    "no-header-part": bearer(lambda f: "." + part(1, 2)(f)),
    "no-payload-part": bearer(lambda f: part(0)(f) + ".." + part(2)(f)),
    "no-signature-part": bearer(lambda f: part(0, 1)(f) + "."),
    "four-parts": bearer(part(0, 1, 2, 2)),
    "five-parts": bearer(part(0, 1, 2, 1, 2)),
    "parts-in-another-order": bearer(part(1, 0, 2)),
    "dot-after": bearer(lambda f: f.token() + "."),
    "dot-before": bearer(lambda f: "." + f.token()),
    "two-dots": bearer(lambda f: ".."),
    "10000-dots": bearer(lambda f: "." * 10_000),
    "no-base64": bearer(lambda f: "!!!.???.###"),
    "null": bearer(lambda f: "null"),
    "a-path": bearer(lambda f: "../../../etc/passwd"),
    "256-kb": bearer(lambda f: f.token(claims={"x": "x" * 190_000})),
    "256-kb-of-rubbish": bearer(lambda f: "A" * 262_144),
}
