"""The issuer's token endpoint (RFC 6749, 3.2), and how this service proves there who it is."""

from __future__ import annotations

import ssl
from typing import Any

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # authlib has no types
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # authlib has no types

from ..errors import IdentityUnavailable
from .keys import IssuerKeys, is_safe

TIMEOUT = 10.0  # seconds for the issuer's answer
# Nobody's who asks: the issuer is away, or does not know this service, whose secret has expired perhaps.
_OURS = {"invalid_client", "server_error", "temporarily_unavailable"}
_log = structlog.get_logger()


class TokenEndpoint:
    def __init__(
        self, client_id: str, client_secret: str | None, keys: IssuerKeys, redirect_uri: str | None = None
    ) -> None:
        self.client_id = client_id
        self._client_secret = client_secret
        self._keys = keys
        self._redirect_uri = redirect_uri
        self._tls = ssl.create_default_context()  # slow to make; SSL_CERT_FILE holds for it

    async def ask(self, what: str, **question: Any) -> dict[str, Any]:
        """`what`: authlib's fetch_token or refresh_token. Raises authlib's OAuthError for what the issuer refuses,
        IdentityUnavailable when it does not answer, or does not serve this service at all."""
        metadata = await self._keys.metadata()
        try:
            async with self.conversation(metadata) as oauth:
                answer = await getattr(oauth, what)(endpoint(metadata, "token_endpoint"), **question)
        except OAuthError as error:
            if error.error not in _OURS:
                raise
            _log.error("issuer_does_not_serve_us", asked=what, client=self.client_id, error=error.error)
            raise IdentityUnavailable(
                "The identity provider does not serve this service now; tell its operator the request id."
            ) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError) as error:
            _log.warning("issuer_did_not_answer", asked=what, error=type(error).__name__)
            raise IdentityUnavailable(
                "The identity provider does not answer; try again shortly.", retry_after=5
            ) from None
        return dict(answer)

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


def endpoint(metadata: dict[str, Any], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_safe(url):
        _log.error("issuer_endpoint_unusable", endpoint=name)
        raise IdentityUnavailable(f"The identity provider names no usable {name}; ask who runs it.")
    return url
