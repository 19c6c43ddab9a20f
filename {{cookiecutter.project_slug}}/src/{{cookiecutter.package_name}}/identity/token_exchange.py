"""Exchanges a caller's token for one that another service accepts, in their name: RFC 8693 or Entra's on-behalf-of."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from typing import Any

import structlog
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # authlib has no types

from ..errors import IdentityUnavailable, PermissionDenied
from .access import AccessRules, ExchangeRules
from .keys import IssuerKeys
from .token_endpoint import TokenEndpoint

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 # a name of RFC 8693
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 # likewise
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REMEMBERED = 10_000  # tokens
MARGIN = 30.0  # seconds that a token must still be good for when it is handed out
LONGEST = 3600.0  # seconds a token is cached at most, whatever the issuer says
USUAL_LIFETIME = 60.0  # seconds, of a token whose issuer does not say
_log = structlog.get_logger()
_Key = tuple[bytes, str]


class TokenExchange:
    """Always called with a token verified in the same request, so nobody can reach a token cached for somebody else."""

    def __init__(self, rules: AccessRules, endpoint: TokenEndpoint | None, keys: IssuerKeys) -> None:
        self._file = rules.exchange
        self._endpoint = endpoint
        self._keys = keys
        self._tokens: OrderedDict[_Key, tuple[float, str]] = OrderedDict()
        self._running: dict[_Key, asyncio.Task[str]] = {}

    async def __call__(self, subject_token: str, audience: str) -> str:
        """Raises PermissionDenied if configuration or issuer refuses, IdentityUnavailable without a usable answer."""
        file, endpoint = self._allowed(audience)
        key = (hashlib.sha256(subject_token.encode()).digest(), audience)
        until, known = self._tokens.get(key, (0.0, ""))
        if time.time() < until:
            return known
        if key not in self._running:
            question = _question(file, subject_token, audience)
            self._running[key] = asyncio.create_task(self._exchanged(endpoint, question, key))
            self._running[key].add_done_callback(lambda _: self._running.pop(key))
        return await asyncio.shield(self._running[key])

    def _allowed(self, audience: str) -> tuple[ExchangeRules, TokenEndpoint]:
        if self._file is None:
            raise PermissionDenied("config/access.yaml does not say how to ask other services in a caller's name.")
        if audience not in self._file.audiences:
            raise PermissionDenied(f"'{audience}' is not one of the exchange's audiences in config/access.yaml.")
        if self._endpoint is None:
            raise PermissionDenied("Nobody is asked in a caller's name until OIDC_CLIENT_ID is set.")
        return self._file, self._endpoint

    async def _exchanged(self, endpoint: TokenEndpoint, question: dict[str, str], key: _Key) -> str:
        audience = key[1]
        offered = (await self._keys.metadata()).get("grant_types_supported")
        if isinstance(offered, list) and question["grant_type"] not in offered:
            raise PermissionDenied("The identity provider does not offer the exchange that config/access.yaml names.")
        try:
            answer = await endpoint.ask("fetch_token", **question)
        except OAuthError as error:
            _log.warning("token_not_exchanged", audience=audience, error=error.error)
            raise PermissionDenied(
                f"The identity provider gives no token for '{audience}' in your name; ask the identity team for it."
            ) from None
        except IdentityUnavailable as error:
            _log.warning("token_not_exchanged", audience=audience, error=error.code)
            raise
        token = answer.get("access_token")
        if not isinstance(token, str) or answer.get("issued_token_type", ACCESS_TOKEN) != ACCESS_TOKEN:
            _log.warning("token_not_exchanged", audience=audience, error="no access token in the answer")
            raise IdentityUnavailable("The identity provider's answer holds no access token.", retry_after=5)
        self._remember(key, token, answer.get("expires_in"))
        return token

    def _remember(self, key: _Key, token: str, lifetime: Any) -> None:
        seconds = min(float(lifetime), LONGEST) if isinstance(lifetime, int | float) else USUAL_LIFETIME
        self._tokens[key] = (time.time() + seconds - MARGIN, token)
        self._tokens.move_to_end(key)
        while len(self._tokens) > REMEMBERED:
            self._tokens.popitem(last=False)


def _question(rules: ExchangeRules, subject_token: str, audience: str) -> dict[str, str]:
    scopes = rules.audiences[audience]
    scope = {"scope": " ".join(scopes)} if scopes else {}
    if rules.grant == "on_behalf_of":
        return {
            "grant_type": JWT_BEARER,
            "assertion": subject_token,
            "requested_token_use": "on_behalf_of",
            **scope,
        }
    return {
        "grant_type": TOKEN_EXCHANGE,
        "subject_token": subject_token,
        "subject_token_type": ACCESS_TOKEN,
        "requested_token_type": ACCESS_TOKEN,
        "audience": audience,
        **scope,
    }
