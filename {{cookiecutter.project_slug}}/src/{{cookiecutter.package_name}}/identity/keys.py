"""The issuer's public keys: fetched once, refreshed rarely, kept while the issuer is down."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from yarl import URL

from ..errors import IdentityUnavailable
from ..proxy import proxy_for

SEARCH_AFTER = 10.0  # an unknown key id makes us ask the issuer at most this often (seconds)
REFRESH_AFTER = 150.0  # keys of this age (seconds) are asked for again, and serve meanwhile
STALE_AFTER = 300.0  # beyond this age callers wait for the answer: if there is one, a withdrawn key is forgotten
LARGEST_DOCUMENT = 256 * 1024
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_log = structlog.get_logger()


@dataclass(frozen=True)
class VerificationKey:
    """A public key and the one algorithm it may verify (RFC 8725, 3.1)."""

    key: Key
    algorithm: str


class IssuerKeys:
    def __init__(
        self, issuer: str, session: aiohttp.ClientSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._session = session
        self._clock = clock
        self._keys: dict[str | None, VerificationKey] = {}
        self._metadata: dict[str, Any] = {}
        self._asked = float("-inf")  # when the issuer's last answer came, or failed to
        self._searched = float("-inf")
        self._refresh: asyncio.Task[None] | None = None
        self.failures = 0  # fetches that brought no usable key

    @property
    def ready(self) -> bool:
        return bool(self._keys)

    async def find(self, kid: str | None) -> VerificationKey | None:
        """None for a key that the issuer does not publish. Raises IdentityUnavailable while no key is known at all."""
        age = self._clock() - self._asked
        if not self._keys:
            await self.refresh()
        elif age > STALE_AFTER:
            await asyncio.shield(self._begin_refresh())
        elif age > REFRESH_AFTER:
            self._begin_refresh()
        known = self._lookup(kid) or await self._search(kid)
        if not self._keys:
            raise IdentityUnavailable("The identity provider cannot be reached; try again shortly.", retry_after=5)
        return known

    async def metadata(self) -> dict[str, Any]:
        """The issuer's discovery document as last read. Raises IdentityUnavailable before it was ever read."""
        if not self._metadata:
            await self.refresh()
        elif self._clock() - self._asked > REFRESH_AFTER:
            self._begin_refresh()  # or nothing would notice an issuer that is down: browsers sent there do not return
        if not self._metadata:
            raise IdentityUnavailable("The identity provider cannot be reached; try again shortly.", retry_after=5)
        return self._metadata

    async def refresh(self) -> None:
        """At most once a second, since whoever waits for readiness asks often."""
        if self._refresh is not None or self._clock() - self._asked > 1:
            await asyncio.shield(self._begin_refresh())

    async def _search(self, kid: str | None) -> VerificationKey | None:
        """An unknown key id is a forgery, or a key that the issuer has just made."""
        while self._refresh is not None and self._lookup(kid) is None:
            await asyncio.shield(self._refresh)  # it may have begun before the key was made
        if (known := self._lookup(kid)) is None and self._keys and self._clock() - self._searched > SEARCH_AFTER:
            self._searched = self._clock()
            await asyncio.shield(self._begin_refresh())
            known = self._lookup(kid)
        return known

    def _lookup(self, kid: str | None) -> VerificationKey | None:
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))  # OpenID Connect Core, 10.1: no kid needed with a single key
        return self._keys.get(kid) if kid is not None else None

    def _begin_refresh(self) -> asyncio.Task[None]:
        if self._refresh is None:
            self._refresh = asyncio.create_task(self._fetch())
        return self._refresh

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(5):
                metadata = await self._document(self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                if metadata.get("issuer") != self._issuer:
                    raise ValueError("the discovery document names another issuer (OpenID Connect Discovery, 4.3)")
                self._keys = usable_keys(await self._document(str(metadata.get("jwks_uri"))))
                self._metadata = metadata
            if not self._keys:
                self.failures += 1
                _log.error("issuer_publishes_no_usable_key", issuer=self._issuer)
        except (aiohttp.ClientError, TimeoutError, ValueError, RecursionError) as error:
            self.failures += 1
            _log.warning(
                "issuer_keys_not_refreshed",
                issuer=self._issuer,
                error=type(error).__name__,
                reason=str(error),
            )
        finally:
            self._asked = self._clock()
            self._refresh = None

    async def _document(self, url: str) -> dict[str, Any]:
        if not is_safe(url):
            raise ValueError("an address of the issuer is neither https nor on loopback")
        body = bytearray()
        async with self._session.get(url, allow_redirects=False, proxy=proxy_for(URL(url))) as response:
            if response.status != 200:
                raise ValueError(f"the issuer answered {response.status}")
            async for part in response.content.iter_any():
                body += part
                if len(body) > LARGEST_DOCUMENT:
                    raise ValueError("the issuer's answer is too large")
        document = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("the issuer's answer is not a JSON object")
        return document


def is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def usable_keys(document: dict[str, Any]) -> dict[str | None, VerificationKey]:
    """Drops keys that must not verify an access token: symmetric, encryption-only, weak, ambiguous or leaked ones.

    Raises ValueError if it is no JWK Set.
    """
    published = document.get("keys")
    if not isinstance(published, list):
        raise ValueError("the issuer's key document has no list of keys")
    entries = [entry for entry in published if isinstance(entry, dict)]
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
    operations = entry.get("key_ops", ["verify"])
    meant = entry.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    return meant and "d" not in entry  # a private key that is published lets anybody sign


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
    except (JoseError, ValueError, TypeError, KeyError) as error:
        _log.warning("issuer_key_dropped", kid=str(entry.get("kid")), error=type(error).__name__)
    return None


def _pinned(entry: dict[str, Any], key: Key, fit: set[str]) -> VerificationKey | None:
    """The key's own `alg`, or the usual one of its kind when the issuer names none."""
    algorithm = entry.get("alg") or {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[entry["kty"]]
    return VerificationKey(key, algorithm) if algorithm in fit else None
