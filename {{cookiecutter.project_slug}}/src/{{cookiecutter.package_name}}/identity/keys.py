"""The issuer's public keys: fetched once, refreshed rarely, kept while the issuer is down."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from ..errors import IdentityUnavailable

REFETCH_AFTER = 30.0  # an unknown key id asks the issuer again at most this often (seconds)
STALE_AFTER = 300.0  # withdrawn keys are forgotten within this time (seconds), if the issuer answers
LARGEST_DOCUMENT = 256 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_log = structlog.get_logger()


@dataclass(frozen=True)
class VerificationKey:
    """A public key and the one algorithm it may verify (RFC 8725, 3.1)."""

    key: Key
    algorithm: str


class IssuerKeys:
    def __init__(self, issuer: str, session: aiohttp.ClientSession) -> None:
        self._issuer = issuer
        self._session = session
        self._keys: dict[str | None, VerificationKey] = {}
        self._asked = float("-inf")
        self._refresh: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        return bool(self._keys)

    async def find(self, kid: str | None) -> VerificationKey | None:
        """None for a key that the issuer does not publish. Raises IdentityUnavailable while no key is known at all."""
        known = self._lookup(kid)
        age = time.monotonic() - self._asked
        if known is not None and age > STALE_AFTER:
            self._begin_refresh()  # the caller need not wait: the key it has still counts
        if known is None and age > REFETCH_AFTER:
            await asyncio.shield(self._begin_refresh())
            known = self._lookup(kid)
        elif known is None and self._refresh is not None:
            await asyncio.shield(self._refresh)
            known = self._lookup(kid)
        if known is None and not self._keys:
            raise IdentityUnavailable("The identity provider cannot be reached; try again shortly.", retry_after=5)
        return known

    async def refresh(self) -> None:
        """At most once a second, since whoever waits for readiness asks often."""
        if self._refresh is not None or time.monotonic() - self._asked > 1:
            await asyncio.shield(self._begin_refresh())

    def _lookup(self, kid: str | None) -> VerificationKey | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))  # OpenID Connect Core, 10.1: no kid needed with a single key
        return self._keys.get(kid) if kid is not None else None

    def _begin_refresh(self) -> asyncio.Task[None]:
        if self._refresh is None:
            self._asked = time.monotonic()
            self._refresh = asyncio.create_task(self._fetch())
        return self._refresh

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(5):
                metadata = await self._document(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                if metadata.get("issuer") != self._issuer:
                    raise ValueError("the discovery document names another issuer (OpenID Connect Discovery, 4.3)")
                keys = usable_keys(await self._document(str(metadata.get("jwks_uri"))))
            if keys:
                self._keys = keys
            else:
                _log.error("issuer_keys_unusable", issuer=self._issuer)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            _log.warning(
                "issuer_keys_not_refreshed",
                issuer=self._issuer,
                error=type(error).__name__,
                reason=str(error),
            )
        finally:
            self._refresh = None

    async def _document(self, url: str) -> dict[str, Any]:
        if not is_safe(url):
            raise ValueError("an address of the issuer is neither https nor on loopback")
        async with self._session.get(url, allow_redirects=False) as response:
            response.raise_for_status()
            body = await response.content.read(LARGEST_DOCUMENT + 1)
            if len(body) > LARGEST_DOCUMENT or response.status != 200:
                raise ValueError("the issuer's answer is too large or not a document")
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("the issuer's answer is not a JSON object")
        return document


def is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def usable_keys(document: dict[str, Any]) -> dict[str | None, VerificationKey]:
    """Drops what must not verify an access token: symmetric, encryption-only, weak or ambiguous keys."""
    entries = [entry for entry in document.get("keys", []) if isinstance(entry, dict)]
    count = Counter(entry.get("kid") for entry in entries if isinstance(entry.get("kid"), str | None))
    keys: dict[str | None, VerificationKey] = {}
    for entry in entries:
        kid = entry.get("kid")
        if not isinstance(kid, str | None) or count[kid] > 1 or not _meant_for_verifying(entry):
            continue
        if (key := _load(entry)) is not None:
            keys[kid] = key
    return keys


def _meant_for_verifying(entry: dict[str, Any]) -> bool:
    operations = entry.get("key_ops")
    return entry.get("use", "sig") == "sig" and (operations is None or "verify" in operations)


def _load(entry: dict[str, Any]) -> VerificationKey | None:
    try:
        match entry.get("kty"), entry.get("crv"):
            case "RSA", _:
                key = RSAKey.import_key(entry)
                return _pinned(entry, key, {"RS256", "PS256"}) if key.raw_value.key_size >= 2048 else None
            case "EC", "P-256":
                return _pinned(entry, ECKey.import_key(entry), {"ES256"})
            case "OKP", "Ed25519":
                return _pinned(entry, OKPKey.import_key(entry), {"EdDSA", "Ed25519"})
    except (ValueError, TypeError, KeyError) as error:
        _log.warning("issuer_key_dropped", kid=str(entry.get("kid")), error=type(error).__name__)
    return None


def _pinned(entry: dict[str, Any], key: Key, fit: set[str]) -> VerificationKey | None:
    """The key's own `alg`, or the usual one of its kind when the issuer names none."""
    algorithm = entry.get("alg") or {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[entry["kty"]]
    return VerificationKey(key, algorithm) if algorithm in fit else None
