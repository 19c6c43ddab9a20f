"""The login of a browser: Authorization Code with PKCE (RFC 6749, 7636, 9700), OpenID Connect's ID token, RFC 9207."""

from __future__ import annotations

import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2
import structlog
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # authlib has no types
from authlib.integrations.httpx_client import AsyncOAuth2Client  # type: ignore[import-untyped]  # likewise

from ..errors import IdentityUnavailable, InvalidToken, LoginRefused
from .access import AccessRules
from .attempt import Attempt
from .id_token import IdTokens
from .keys import IssuerKeys, is_safe
from .principal import Principal
from .sealing import Seal
from .sessions import Grant
from .tokens import TokenVerifier

TIMEOUT = 10.0  # seconds for the issuer's answer
USUAL_LIFETIME = 300  # seconds, of a token whose issuer does not say
_log = structlog.get_logger()


@dataclass(frozen=True)
class ClientRegistration:
    """As whom the issuer knows this service when people sign in."""

    client_id: str
    client_secret: str | None
    issuer: str
    audience: str
    public_url: str


@dataclass(frozen=True)
class SignedIn:
    grant: Grant
    principal: Principal
    next_path: str


class Login:
    def __init__(
        self, client: ClientRegistration, rules: AccessRules, keys: IssuerKeys, verifier: TokenVerifier, seal: Seal
    ) -> None:
        self._client = client
        self._rules = rules
        self._keys = keys
        self._verifier = verifier
        self._seal = seal
        self._id_tokens = IdTokens(client.issuer, client.client_id, list(rules.algorithms), keys)
        self._tls = ssl.create_default_context()  # slow to make; SSL_CERT_FILE holds for it

    async def begin(self, next_path: str | None) -> tuple[str, str]:
        """The issuer's address to send the browser to, and what the browser must bring back in a cookie."""
        attempt = Attempt.new(next_path)
        metadata = await self._keys.metadata()
        async with self._oauth(metadata) as oauth:
            url, _ = oauth.create_authorization_url(
                _endpoint(metadata, "authorization_endpoint"),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
                **self._rules.login_parameters(self._client.audience),
            )
        return str(url), attempt.closed(self._seal)

    async def finish(self, query: Sequence[tuple[str, str]], cookie: str | None) -> SignedIn:
        """Raises LoginRefused, or IdentityUnavailable when the issuer does not answer."""
        attempt = Attempt.opened(cookie, self._seal)
        metadata = await self._keys.metadata()
        promised = metadata.get("authorization_response_iss_parameter_supported") is True
        code = attempt.code(query, self._client.issuer, issuer_promised=promised)
        try:
            tokens = await self._ask(
                metadata,
                "fetch_token",
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.verifier,
                redirect_uri=self._redirect_uri,
            )
        except OAuthError as error:
            _log.warning("code_not_redeemed", error=error.error)
            raise LoginRefused("the identity provider does not accept the code of this login") from None
        access_token = tokens.get("access_token")
        if not isinstance(access_token, str):
            raise LoginRefused("the identity provider sent no access token")
        await self._id_tokens.claims(tokens.get("id_token"), nonce=attempt.nonce, access_token=access_token)
        return await self._signed_in(tokens, attempt.next_path)

    async def renew(self, grant: Grant) -> Grant | None:
        """None when the issuer will not renew it. Raises IdentityUnavailable when it does not answer."""
        metadata = await self._keys.metadata()
        try:
            tokens = await self._ask(metadata, "refresh_token", refresh_token=grant.refresh_token)
        except OAuthError as error:
            _log.warning("session_not_renewed", error=error.error)
            if error.error == "invalid_grant":
                return None
            raise IdentityUnavailable("The identity provider does not renew sessions now.", retry_after=5) from None
        try:
            bearer = self._bearer(tokens, grant.bearer)
            principal = await self._verifier.principal(bearer)
        except (InvalidToken, LoginRefused):
            return None
        if (principal.subject, principal.tenant) != (grant.subject, grant.tenant):
            return None  # OpenID Connect Core, 12.2
        return _grant(tokens, bearer, principal, grant.refresh_token)

    async def logout_url(self) -> str | None:
        """RP-Initiated Logout 1.0. Says who asks by `client_id`: an ID token in an address would end up in logs."""
        metadata = await self._keys.metadata()
        if "end_session_endpoint" not in metadata:
            return None
        endpoint = _endpoint(metadata, "end_session_endpoint")
        question = {"client_id": self._client.client_id, "post_logout_redirect_uri": f"{self._client.public_url}/"}
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(question)}"

    @property
    def _redirect_uri(self) -> str:
        return f"{self._client.public_url}/callback"

    async def _signed_in(self, tokens: dict[str, Any], next_path: str) -> SignedIn:
        bearer = self._bearer(tokens)
        try:
            principal = await self._verifier.principal(bearer)
        except InvalidToken as error:
            raise LoginRefused(
                f"this service does not accept what the identity provider sent: {error.message}"
            ) from None
        return SignedIn(_grant(tokens, bearer, principal), principal, next_path)

    def _bearer(self, tokens: dict[str, Any], before: str | None = None) -> str:
        """Where access tokens are opaque the ID token stands for them; a renewal need not send a new one."""
        token = tokens.get(self._rules.credential, before)
        if not isinstance(token, str):
            raise LoginRefused(f"the identity provider sent no {self._rules.credential}")
        return token

    async def _ask(self, metadata: dict[str, Any], what: str, **question: Any) -> dict[str, Any]:
        """Raises OAuthError for what the issuer refuses."""
        try:
            async with self._oauth(metadata) as oauth:
                answer = await getattr(oauth, what)(_endpoint(metadata, "token_endpoint"), **question)
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError) as error:
            _log.warning("issuer_did_not_answer", asked=what, error=type(error).__name__)
            raise IdentityUnavailable(
                "The identity provider does not answer; try again shortly.", retry_after=5
            ) from None
        return dict(answer)

    def _oauth(self, metadata: dict[str, Any]) -> Any:
        """One client per conversation, since it remembers the tokens that it fetched."""
        offered = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" if "client_secret_basic" in offered else "client_secret_post"
        return AsyncOAuth2Client(
            client_id=self._client.client_id,
            client_secret=self._client.client_secret,
            token_endpoint_auth_method=basic if self._client.client_secret else "none",
            redirect_uri=self._redirect_uri,
            code_challenge_method="S256",
            timeout=TIMEOUT,
            verify=self._tls,
        )


def _endpoint(metadata: dict[str, Any], name: str) -> str:
    url = metadata.get(name)
    if not isinstance(url, str) or not is_safe(url):
        _log.error("issuer_endpoint_unusable", endpoint=name)
        raise IdentityUnavailable(f"The identity provider names no usable {name}; ask who runs it.")
    return url


def _grant(tokens: dict[str, Any], bearer: str, principal: Principal, before: str | None = None) -> Grant:
    lifetime = tokens.get("expires_in")
    seconds = float(lifetime) if isinstance(lifetime, int | float) and 0 < lifetime < 1e9 else USUAL_LIFETIME
    refresh_token = tokens.get("refresh_token", before)
    return Grant(
        bearer=bearer,
        refresh_token=refresh_token if isinstance(refresh_token, str) else None,
        renew_at=time.time() + seconds - min(60.0, seconds / 2),
        expires_at=time.time() + seconds,
        subject=principal.subject,
        tenant=principal.tenant,
    )
