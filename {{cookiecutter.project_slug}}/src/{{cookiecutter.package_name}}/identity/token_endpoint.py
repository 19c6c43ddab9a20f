"""The issuer's token endpoint (RFC 6749, 3.2), and how this service proves there who it is."""

import ssl
import time
from typing import Any

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # authlib has no types
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # authlib has no types

from ..errors import IdentityUnavailable
from .keys import IssuerKeys, is_safe

TIMEOUT = 10.0  # seconds for the issuer's answer
UNKNOWN_FOR = 10.0  # seconds between requests to an issuer that rejects our credentials: more could lock us out
_AWAY = {"server_error", "temporarily_unavailable"}
_log = structlog.get_logger()


class TokenEndpoint:
    def __init__(
        self, client_id: str, client_secret: str | None, keys: IssuerKeys, redirect_uri: str | None = None
    ) -> None:
        self.client_id = client_id
        self._client_secret = client_secret
        self._keys = keys
        self._redirect_uri = redirect_uri
        self._unknown: dict[str | None, float] = {}  # for which audience the issuer did not know us, and when
        self._tls = ssl.create_default_context()  # slow to create; respects SSL_CERT_FILE

    async def ask(self, what: str, **question: Any) -> dict[str, Any]:
        """`what`: authlib's fetch_token or refresh_token. Raises authlib's OAuthError for what the issuer refuses,
        IdentityUnavailable when it does not answer, or does not serve this service at all."""
        metadata = await self._keys.metadata()
        audience = question.get("audience")
        self._wait_for(audience)
        try:
            async with self.conversation(metadata) as oauth:
                answer = await getattr(oauth, what)(endpoint(metadata, "token_endpoint"), **question)
        except OAuthError as error:
            if (code := str(error.error)) == "invalid_client":
                raise self._not_known(what, audience) from None
            self._unknown.pop(audience, None)
            if code in _AWAY:
                raise _away(what, code) from None
            raise
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError) as error:
            if "code" in question and (status := _refusal(error)):
                raise OAuthError(f"HTTP {status}") from None
            raise _away(what, type(error).__name__) from None
        self._unknown.pop(audience, None)
        return dict(answer)

    def _wait_for(self, audience: str | None) -> None:
        """One question in each UNKNOWN_FOR finds out whether the issuer knows us again."""
        if (since := self._unknown.get(audience)) is not None:
            if time.monotonic() - since < UNKNOWN_FOR:
                raise _unserved()
            self._unknown[audience] = time.monotonic()

    def _not_known(self, what: str, audience: str | None) -> IdentityUnavailable:
        """Perhaps the secret has expired. Kept by audience: Keycloak sends the same error for an unknown audience."""
        self._unknown[audience] = time.monotonic()
        _log.error(
            "issuer_does_not_serve_us", asked=what, client=self.client_id, audience=audience, error="invalid_client"
        )
        return _unserved()

    def conversation(self, metadata: dict[str, Any]) -> Any:
        """One client per conversation, since it remembers the tokens that it fetched."""
        offered = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return AsyncOAuth2Client(
            client_id=self.client_id,
            client_secret=self._client_secret,
            token_endpoint_auth_method=basic if self._client_secret else "none",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT,
            verify=self._tls,
        )


def _unserved() -> IdentityUnavailable:
    return IdentityUnavailable(
        "The identity provider does not serve this service now; tell the operator of this service the request id."
    )


def _away(what: str, error: str) -> IdentityUnavailable:
    _log.warning("issuer_did_not_answer", asked=what, error=error)
    return IdentityUnavailable("The identity provider does not answer; try again shortly.", retry_after=5)


def _refusal(error: Exception) -> int | None:
    """The status of a 4xx without an OAuth error, as from a firewall that blocks a bad code. None for 429."""
    if isinstance(error, httpx2.HTTPStatusError) and error.response.is_client_error:
        return None if error.response.status_code == 429 else error.response.status_code
    return None


def endpoint(metadata: dict[str, Any], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_safe(url):
        _log.error("issuer_endpoint_unusable", endpoint=name)
        raise IdentityUnavailable(f"The identity provider names no usable {name}; ask who runs it.")
    return url
