"""What an issuer may say of its keys: nothing it gets wrong takes the service along, nothing unfit verifies a token."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse

from {{ cookiecutter.package_name }}.errors import IdentityUnavailable
from {{ cookiecutter.package_name }}.identity import IssuerKeys
from {{ cookiecutter.package_name }}.identity.keys import STALE_AFTER, is_safe

from tests.identity.clock import Clock
from tests.issuer import KEYS, METADATA, Issuer, new_key


async def test_an_answer_in_pieces_is_read_to_its_end(keys: IssuerKeys, issuer: Issuer) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in json.dumps({"keys": issuer.published}).encode():
            yield bytes([byte])
            await asyncio.sleep(0)

    issuer.instead[KEYS] = lambda: StreamingResponse(pieces(), media_type="application/json")
    assert await keys.find("first")


Answer = Callable[[Issuer], Response]


def metadata(**changed: Any) -> Answer:
    return lambda issuer: JSONResponse({"issuer": issuer.url, "jwks_uri": issuer.url + KEYS, **changed})


def plain(content: Any) -> Answer:
    return lambda _: Response(content if isinstance(content, bytes) else json.dumps(content))


def in_the_clear(url: str) -> str:
    """Another name of this machine, which is none of loopback's."""
    return url.replace("127.0.0.1", "0.0.0.0")


def padded(issuer: Issuer) -> Response:
    return JSONResponse({"keys": issuer.published, "x": "x" * 300_000})


BAD_ANSWERS: dict[str, tuple[str, Answer]] = {
    "other-issuer": (METADATA, metadata(issuer="https://evil.test")),
    "issuer-with-slash": (METADATA, lambda issuer: metadata(issuer=issuer.url + "/")(issuer)),
    "no-issuer": (METADATA, lambda issuer: JSONResponse({"jwks_uri": issuer.url + KEYS})),
    "keys-nowhere": (METADATA, metadata(jwks_uri=None)),
    "keys-number": (METADATA, metadata(jwks_uri=7)),
    "keys-in-a-file": (METADATA, metadata(jwks_uri="file:///etc/passwd")),
    "keys-in-the-clear": (METADATA, lambda issuer: metadata(jwks_uri=in_the_clear(issuer.url) + KEYS)(issuer)),
    "keys-at-no-address": (METADATA, metadata(jwks_uri="http://[")),
    "metadata-redirected": (METADATA, lambda issuer: RedirectResponse(issuer.url + "/elsewhere" + METADATA)),
    "metadata-html": (METADATA, lambda _: HTMLResponse("<p>Maintenance")),
    "metadata-list": (METADATA, plain([])),
    "metadata-empty": (METADATA, plain(b"")),
    "metadata-404": (METADATA, lambda _: Response(status_code=404)),
    "keys-redirected": (KEYS, lambda issuer: RedirectResponse(issuer.url + "/elsewhere" + KEYS)),
    "keys-500": (KEYS, lambda _: Response(status_code=500)),
    "keys-203": (KEYS, lambda issuer: JSONResponse({"keys": issuer.published}, 203)),
    "keys-html": (KEYS, lambda _: HTMLResponse("<p>Maintenance")),
    "keys-list": (KEYS, plain([])),
    "keys-without-list": (KEYS, plain({})),
    "keys-null": (KEYS, plain({"keys": None})),
    "keys-object": (KEYS, plain({"keys": {"first": {}}})),
    "keys-bad-utf-8": (KEYS, plain(b'{"keys": ["\xff"]}')),
    "keys-too-deep": (KEYS, plain(b"[" * 100_000)),
    "keys-long-number": (KEYS, plain(b'{"keys": ' + b"9" * 5000 + b"}")),
    "keys-too-large": (KEYS, padded),
}


@pytest.mark.parametrize(("path", "answer"), [pytest.param(*bad, id=name) for name, bad in BAD_ANSWERS.items()])
async def test_a_bad_answer_brings_no_keys_and_takes_none(
    keys: IssuerKeys, issuer: Issuer, clock: Clock, path: str, answer: Answer
) -> None:
    issuer.instead[path] = lambda: answer(issuer)
    with pytest.raises(IdentityUnavailable):
        await keys.find("first")
    issuer.instead = {}
    clock.now += 2
    assert await keys.find("first")
    issuer.instead[path] = lambda: answer(issuer)
    clock.now += STALE_AFTER + 1
    assert await keys.find("first")


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://login.acme.test/keys", True),
        ("http://127.0.0.1:8910/keys", True),
        ("http://[::1]/keys", True),
        ("http://login.acme.test/keys", False),
        ("http://127.0.0.1.evil.test/keys", False),
        ("http://localhost@evil.test/keys", False),
        ("//localhost/keys", False),
        ("ftp://localhost/keys", False),
        ("file:///keys", False),
    ],
)
def test_only_https_or_loopback_is_asked(address: str, safe: bool) -> None:
    assert is_safe(address) is safe


async def test_an_issuer_that_refuses_connections_is_unavailable() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # and never listens
        async with aiohttp.ClientSession() as session:
            keys = IssuerKeys(f"http://127.0.0.1:{bound.getsockname()[1]}", session)
            with pytest.raises(IdentityUnavailable):
                await keys.find("first")


SOME = new_key("bad")
RSA: dict[str, Any] = dict(SOME.as_dict(private=False))
EC: dict[str, Any] = dict(ECKey.generate_key("P-256").as_dict(private=False))
OKP: dict[str, Any] = dict(OKPKey.generate_key("Ed25519").as_dict(private=False))
UNFIT: dict[str, Any] = {
    "symmetric": OctKey.generate_key(256).as_dict(private=True),
    "symmetric-that-says-rsa": {**OctKey.generate_key(256).as_dict(private=True), "kty": "RSA"},
    "weak": new_key("weak", bits=1024).as_dict(private=False),
    "weak-exponent": {**RSA, "e": "AQ"},
    "for-encryption": {**RSA, "use": "enc"},
    "use-unknown": {**RSA, "use": "other"},
    "use-null": {**RSA, "use": None},
    "use-list": {**RSA, "use": ["sig"]},
    "cannot-verify": {**RSA, "key_ops": ["encrypt"]},
    "operations-empty": {**RSA, "key_ops": []},
    "operations-text": {**RSA, "key_ops": "verify"},
    "operations-number": {**RSA, "key_ops": 1},
    "private": SOME.as_dict(private=True),
    "alg-none": {**RSA, "alg": "none"},
    "alg-of-a-mac": {**RSA, "alg": "HS256"},
    "alg-of-encryption": {**RSA, "alg": "RSA-OAEP"},
    "alg-of-another-kind": {**RSA, "alg": "ES256"},
    "alg-list": {**RSA, "alg": ["RS256"]},
    "kind-unknown": {**RSA, "kty": "AKP"},
    "kind-absent": {name: value for name, value in RSA.items() if name != "kty"},
    "kind-list": {**RSA, "kty": ["RSA"]},
    "modulus-absent": {name: value for name, value in RSA.items() if name != "n"},
    "modulus-number": {**RSA, "n": 7},
    "modulus-no-base64": {**RSA, "n": "!!"},
    "curve-p384": ECKey.generate_key("P-384").as_dict(private=False),
    "curve-secp256k1": {**EC, "crv": "secp256k1"},
    "point-off-the-curve": {**EC, "x": EC["y"]},
    "point-absent": {name: value for name, value in EC.items() if name != "y"},
    "curve-x25519": OKPKey.generate_key("X25519").as_dict(private=False),
    "curve-ed448": OKPKey.generate_key("Ed448").as_dict(private=False),
    "ed25519-too-short": {**OKP, "x": OKP["x"][:20]},
    "kid-number": {**RSA, "kid": 7},
    "kid-list": {**RSA, "kid": ["bad"]},
    "no-object": "bad",
    "nothing": None,
}


@pytest.mark.parametrize("unfit", [pytest.param(key, id=name) for name, key in UNFIT.items()])
async def test_an_unfit_key_is_dropped_and_harms_no_other(keys: IssuerKeys, issuer: Issuer, unfit: Any) -> None:
    named = {"kid": "bad", **unfit} if isinstance(unfit, dict) else unfit
    issuer.published = [named, *issuer.published]
    assert await keys.find("first")
    assert await keys.find(None), "it is the only one"
    assert not any([await keys.find(kid) for kid in ("bad", "weak", "7")])


async def test_keys_of_one_name_are_all_dropped(keys: IssuerKeys, issuer: Issuer) -> None:
    nameless = {name: value for name, value in RSA.items() if name != "kid"}
    issuer.published = [*issuer.published, RSA, {**EC, "kid": "bad"}, nameless, nameless]
    assert await keys.find("first")
    assert not await keys.find("bad")


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (RSA, "RS256"),
        ({**RSA, "alg": "PS256"}, "PS256"),
        ({name: value for name, value in RSA.items() if name != "alg"}, "RS256"),
        ({**RSA, "key_ops": ["verify"]}, "RS256"),
        (EC, "ES256"),
        (OKP, "EdDSA"),
        ({**OKP, "alg": "Ed25519"}, "Ed25519"),
    ],
)
async def test_a_key_verifies_one_algorithm(keys: IssuerKeys, issuer: Issuer, key: Any, algorithm: str) -> None:
    issuer.published = [{**key, "kid": "one"}]
    found = await keys.find("one")
    assert found is not None
    assert found.algorithm == algorithm
    assert isinstance(found.key, RSAKey | ECKey | OKPKey)
    assert not found.key.is_private
