"""RFC 8693: a person's access token against one for another service, which says who asks in the person's name."""
# authlib has no type stubs, so its classes are Any:
# mypy: disable-error-code="import-untyped, misc, no-any-return"

import secrets
import time
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, UnauthorizedClientError
from authlib.oauth2.rfc6749.errors import OAuth2Error
from authlib.oauth2.rfc6749.grants import BaseGrant, TokenEndpointMixin
from joserfc import jwt
from joserfc.errors import JoseError

from local.identity_provider.people import TOKEN_EXCHANGE

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class InvalidTargetError(OAuth2Error):
    error = "invalid_target"  # RFC 8693, 2.2.2


class ExchangeGrant(BaseGrant, TokenEndpointMixin):
    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

    def validate_token_request(self) -> None:
        client, asked = self.authenticate_token_endpoint_client(), self.request.form
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError("This client may not exchange tokens.")
        self.request.client = client
        if asked.get("subject_token_type") != ACCESS_TOKEN or "actor_token" in asked:
            raise InvalidRequestError("Send an access token as subject_token, and no actor_token.")
        if asked.get("audience") not in client.exchanges_for:
            raise InvalidTargetError("This client may not ask that audience in anybody's name.")
        self._subject = self._verified(asked.get("subject_token", ""))

    def _verified(self, token: str) -> dict[str, Any]:
        """Of a person's access token that was made for the service which now exchanges it."""
        try:
            decoded = jwt.decode(token, self.server.keys.published(), algorithms=["RS256"])
        except (JoseError, ValueError):
            raise InvalidRequestError("The subject_token is not one of ours.") from None
        claims = decoded.claims
        fit = decoded.header.get("typ") == "at+jwt" and claims["aud"] == self.server.audience
        if not fit or claims["exp"] <= time.time():
            raise InvalidRequestError("The subject_token has expired, or was not made for this client's service.")
        return claims

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        now = int(time.time())
        changed = {
            "aud": self.request.form["audience"],
            "act": {"sub": self.request.client.client_id},
            "client_id": self.request.client.client_id,
            "iat": now,
            "exp": min(self._subject["exp"], now + abs(self.server.lifetime)),
            "jti": secrets.token_urlsafe(16),
        }
        claims = {**self._subject, **changed}
        token = jwt.encode({"typ": "at+jwt", "alg": "RS256"}, claims, self.server.keys.signing())
        answer = {
            "access_token": token,
            "issued_token_type": ACCESS_TOKEN,
            "token_type": "Bearer",
            "expires_in": changed["exp"] - now,
        }
        return 200, answer, self.TOKEN_RESPONSE_HEADER
