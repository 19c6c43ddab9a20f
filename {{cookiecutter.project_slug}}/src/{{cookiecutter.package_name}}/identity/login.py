"""The login of a browser: Authorization Code with PKCE (RFC 6749, 7636, 9700), OpenID Connect's ID token, RFC 9207."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import structlog
from authlib.integrations.base_client import OAuthError  # type: ignore[import-untyped]  # authlib has no types

from ..errors import IdentityUnavailable, InvalidToken, LoginRefused
from .access import AccessRules
from .id_token import IdTokens
from .keys import IssuerKeys
from .login_attempt import Attempt
from .principal import Principal
from .sealing import Seal
from .sessions import Grant
from .token_endpoint import TokenEndpoint, endpoint
from .tokens import TokenVerifier

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
        self._id_tokens = IdTokens(client.issuer, client.client_id, rules.algorithms, keys)
        self._redirect_uri = f"{client.public_url}/callback"
        self._endpoint = TokenEndpoint(client.client_id, client.client_secret, keys, self._redirect_uri)

    async def begin(self, next_path: str | None) -> tuple[str, str]:
        """The issuer's address to send the browser to, and what the browser must bring back in a cookie."""
        attempt = Attempt.new(next_path)
        metadata = await self._keys.metadata()
        async with self._endpoint.conversation(metadata) as oauth:
            url, _ = oauth.create_authorization_url(
                endpoint(metadata, "authorization_endpoint"),
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
                **self._rules.login_parameters(self._client.audience),
            )
        return str(url), attempt.closed(self._seal)

    async def answered(self, query: Sequence[tuple[str, str]], cookie: str | None) -> tuple[Attempt, str]:
        """The code for a login that this very browser began. Raises LoginRefused; no tokens were asked for."""
        attempt = Attempt.opened(cookie, self._seal)
        metadata = await self._keys.metadata()
        promised = metadata.get("authorization_response_iss_parameter_supported") is True
        return attempt, attempt.code(query, self._client.issuer, issuer_promised=promised)

    async def finish(self, attempt: Attempt, code: str) -> SignedIn:
        """Raises LoginRefused, or IdentityUnavailable when the issuer does not answer."""
        try:
            tokens = await self._endpoint.ask(
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
        try:
            tokens = await self._endpoint.ask("refresh_token", refresh_token=grant.refresh_token)
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
        return self._granted(tokens, bearer, principal, grant)

    async def logout_url(self, grant: Grant) -> str | None:
        """RP-Initiated Logout 1.0: says who asks by `client_id`, and by the ID token only where the issuer insists."""
        end_session = await self.end_session_endpoint()
        if end_session is None:
            return None
        question = {
            "client_id": self._client.client_id,
            self._rules.login.logout.return_parameter: f"{self._client.public_url}/",
            **({"id_token_hint": grant.id_token} if grant.id_token else {}),
        }
        return f"{end_session}{'&' if '?' in end_session else '?'}{urlencode(question)}"

    async def end_session_endpoint(self) -> str | None:
        metadata = await self._keys.metadata()
        return endpoint(metadata, "end_session_endpoint") if "end_session_endpoint" in metadata else None

    async def _signed_in(self, tokens: dict[str, Any], next_path: str) -> SignedIn:
        bearer = self._bearer(tokens)
        try:
            principal = await self._verifier.principal(bearer)
        except InvalidToken as error:
            raise LoginRefused(
                f"this service does not accept what the identity provider sent: {error.message}"
            ) from None
        return SignedIn(self._granted(tokens, bearer, principal), next_path)

    def _bearer(self, tokens: dict[str, Any], before: str | None = None) -> str:
        """The ID token takes the place of opaque access tokens. If a renewal returns no new one, `before` stays."""
        token = tokens.get(self._rules.credential, before)
        if not isinstance(token, str):
            raise LoginRefused(f"the identity provider sent no {self._rules.credential}")
        return token

    def _granted(self, tokens: dict[str, Any], bearer: str, principal: Principal, before: Grant | None = None) -> Grant:
        lifetime = tokens.get("expires_in")
        seconds = float(lifetime) if isinstance(lifetime, int | float) and 0 < lifetime < 1e9 else USUAL_LIFETIME
        refresh_token = tokens.get("refresh_token", before and before.refresh_token)
        id_token = tokens.get("id_token", before and before.id_token)
        return Grant(
            bearer=bearer,
            refresh_token=refresh_token if isinstance(refresh_token, str) else None,
            renew_at=time.time() + seconds - min(60.0, seconds / 2),
            expires_at=time.time() + seconds,
            subject=principal.subject,
            tenant=principal.tenant,
            id_token=id_token if self._rules.login.logout.id_token_hint and isinstance(id_token, str) else None,
        )
