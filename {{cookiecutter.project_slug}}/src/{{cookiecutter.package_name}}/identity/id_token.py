"""The ID token: the issuer's word, to this client, about one login (OpenID Connect Core, 3.1.3.7)."""

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any

from ..errors import InvalidToken, LoginRefused
from .keys import IssuerKeys
from .tokens import LEEWAY, LONGEST_TOKEN, Signatures, is_time, unverified_header

_HASH = {"ES256": "sha256", "PS256": "sha256", "RS256": "sha256", "EdDSA": "sha512", "Ed25519": "sha512"}


class IdTokens:
    def __init__(self, issuer: str, client_id: str, algorithms: Sequence[str], keys: IssuerKeys) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._signatures = Signatures(algorithms, keys)

    async def claims(self, unverified: Any, *, nonce: str, access_token: str) -> dict[str, Any]:
        """Raises LoginRefused, or IdentityUnavailable while the issuer's keys are not known."""
        if not isinstance(unverified, str) or len(unverified) > LONGEST_TOKEN:
            raise LoginRefused("the identity provider sent no ID token")
        try:
            header = unverified_header(unverified)
            claims = await self._signatures.claims(unverified, header)
        except InvalidToken:
            raise LoginRefused("the ID token is malformed, or its signature is wrong") from None
        if fault := self._fault(claims, nonce, access_token, header["alg"]):
            raise LoginRefused(f"the ID token {fault}")
        return claims

    def _fault(self, claims: dict[str, Any], nonce: str, access_token: str, algorithm: str) -> str | None:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        now = time.time()
        if claims.get("iss") != self._issuer:
            return "was made by another issuer"
        if self._client_id not in audiences or claims.get("azp", self._client_id) != self._client_id:
            return "was made for another client"
        if len(audiences) > 1 and "azp" not in claims:
            return "has several audiences, and does not say for which of them it was made"
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            return "names no subject"
        if not is_time(claims.get("exp")) or claims["exp"] + LEEWAY <= now:
            return "has expired"
        if not is_time(claims.get("iat")) or claims["iat"] - LEEWAY > now:
            return "is not valid yet"
        if not _same(claims.get("nonce"), nonce):
            return "belongs to another login"
        if "at_hash" in claims and not _same(claims["at_hash"], _at_hash(access_token, algorithm)):
            return "belongs to another access token"
        return None


def _same(given: Any, wanted: str) -> bool:
    return isinstance(given, str) and hmac.compare_digest(given.encode(), wanted.encode())


def _at_hash(access_token: str, algorithm: str) -> str:
    """The left half of the hash (OpenID Connect Core, 3.1.3.6)."""
    hashed = hashlib.new(_HASH[algorithm], access_token.encode()).digest()
    return base64.urlsafe_b64encode(hashed[: len(hashed) // 2]).rstrip(b"=").decode()
