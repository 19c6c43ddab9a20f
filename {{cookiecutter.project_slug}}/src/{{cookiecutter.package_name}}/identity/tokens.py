"""Verifies access tokens: turns an untrusted text into claims that the issuer signed (RFC 9068, RFC 8725)."""

import base64
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NoReturn, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError

from ..errors import InvalidToken
from .access import AccessRules
from .keys import IssuerKeys
from .principal import Principal

LONGEST_TOKEN = 16 * 1024
LEEWAY = 30.0  # seconds between our clock and the issuer's
REMEMBERED = 10_000  # verified tokens
REMEMBERED_FOR = 60.0  # seconds: how long a token outlives a withdrawn key or a changed role
_REFUSED = "The access token is not valid: {reason}. Get a new one from the issuer."


class Signatures:
    """Of access tokens and ID tokens: by a key that the issuer publishes, with the one algorithm of that key."""

    def __init__(self, algorithms: Sequence[str], keys: IssuerKeys) -> None:
        self._keys = keys
        self._registry = jws.JWSRegistry(algorithms=list(algorithms), strict_check_header=False)
        self._registry.max_header_length = LONGEST_TOKEN

    async def claims(self, unverified_token: str, header: dict[str, Any]) -> dict[str, Any]:
        """Raises InvalidToken, or IdentityUnavailable while the issuer's keys are not known."""
        kid = header.get("kid")
        found = await self._keys.find(kid if isinstance(kid, str) else None)
        if found is None or found.algorithm != header.get("alg"):
            _refuse("no key of the issuer fits it")
        try:
            token = jws.deserialize_compact(unverified_token, found.key, registry=self._registry)
        except (JoseError, ValueError, TypeError, RecursionError):
            _refuse("its signature is wrong")
        return strict_json(token.payload)


class TokenVerifier:
    def __init__(self, issuer: str, audience: str, rules: AccessRules, keys: IssuerKeys) -> None:
        self._issuer = issuer
        self._audience = audience
        self._rules = rules
        self._signatures = Signatures(rules.algorithms, keys)
        self._verified: OrderedDict[bytes, tuple[float, Principal]] = OrderedDict()

    async def principal(self, unverified_token: str) -> Principal:
        """Raises InvalidToken, or IdentityUnavailable while the issuer's keys are not known."""
        digest = hashlib.sha256(unverified_token.encode("utf-8", "surrogateescape")).digest()
        until, principal = self._verified.get(digest, (0.0, None))
        if principal is not None and time.time() < until:
            return principal
        claims = await self._claims(unverified_token)
        principal = self._rules.principal(claims)
        self._verified[digest] = (min(claims["exp"], time.time() + REMEMBERED_FOR), principal)
        while len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)
        return principal

    async def _claims(self, unverified_token: str) -> dict[str, Any]:
        if len(unverified_token) > LONGEST_TOKEN:
            _refuse("it is too long")
        header = unverified_header(unverified_token)
        self._check_header(header)
        claims = await self._signatures.claims(unverified_token, header)
        self._check_claims(claims)
        return claims

    def _check_header(self, header: dict[str, Any]) -> None:
        kid = header.get("kid")
        if header.get("alg") not in self._rules.algorithms:
            _refuse("its algorithm is not accepted here")
        if kid is not None and (not isinstance(kid, str) or not 0 < len(kid) <= 256):
            _refuse("its key id is malformed")
        if not {"crit", "b64", "zip", "cty"}.isdisjoint(header):
            _refuse("its header asks for an extension that is not supported")
        kind = header.get("typ", "")
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in self._rules.types:
            _refuse("it is not an access token")

    def _check_claims(self, claims: dict[str, Any]) -> None:
        now = time.time()
        if claims.get("iss") != self._issuer:
            _refuse("another issuer made it")
        audiences = self._rules.audiences(claims)
        if not all(isinstance(one, str) for one in audiences) or self._audience not in audiences:
            _refuse("it was made for another audience")
        if _moment(claims, "exp") + LEEWAY <= now:
            _refuse("it has expired")
        if _moment(claims, "iat") - LEEWAY > now or ("nbf" in claims and _moment(claims, "nbf") - LEEWAY > now):
            _refuse("it is not valid yet")
        # An ID token has the first two, a logout token the third.
        foreign = {"events"} if self._rules.credential == "id_token" else {"nonce", "at_hash", "events"}
        if not foreign.isdisjoint(claims):
            _refuse("it is not an access token")
        for name, wanted in self._rules.required.items():
            if name not in claims or wanted not in ("*", claims[name]):
                _refuse(f"its claim '{name}' is not as config/access.yaml requires")


def _moment(claims: dict[str, Any], name: str) -> float:
    value = claims.get(name)
    if not is_time(value):
        _refuse(f"its claim '{name}' is no time")
    return float(value)


def is_time(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1e12


def unverified_header(unverified_token: str) -> dict[str, Any]:
    parts = unverified_token.split(".")
    if len(parts) != 3 or not all(parts):
        _refuse("it is not a signed token of three parts")
    return _decoded(parts[0], "its header")


def unverified_claims(unverified_token: str) -> dict[str, Any]:
    """A token's claims, to explain to a person why it was refused. Raises InvalidToken if it is no token."""
    unverified_header(unverified_token)
    return _decoded(unverified_token.split(".")[1], "its claims")


def _decoded(part: str, what: str) -> dict[str, Any]:
    try:
        return strict_json(base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True))
    except ValueError:  # binascii's own is one
        _refuse(f"{what} cannot be read")


def strict_json(raw: bytes) -> dict[str, Any]:
    """One JSON object, no name twice, no NaN, no lone surrogate."""
    try:
        value = _STRICT.decode(raw.decode("utf-8"))
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        _refuse("its JSON is malformed")
    if not isinstance(value, dict):
        _refuse("its JSON is no object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _refuse(reason: str) -> NoReturn:
    raise InvalidToken(_REFUSED.format(reason=reason))
