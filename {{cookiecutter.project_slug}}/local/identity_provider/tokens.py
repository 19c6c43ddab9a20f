"""What the identity provider issues: access tokens as in RFC 9068, ID tokens, and who gets them."""
# authlib has no type stubs, so its classes are Any:
# mypy: disable-error-code="import-untyped, misc, no-any-return"

import secrets
import time
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationServer
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.rpinitiated import EndSessionEndpoint
from joserfc.jwk import KeySet
from starlette.responses import JSONResponse, Response

from local.identity_provider import grants
from local.identity_provider.keys import ProviderKeys
from local.identity_provider.people import Client, Person
from local.identity_provider.token_exchange import ExchangeGrant


class _IDToken(OpenIDCode):
    def __init__(self, server: "TokenServer") -> None:
        super().__init__()
        self._server = server

    def exists_nonce(self, _nonce: str, _request: Any) -> bool:
        return False

    def resolve_client_private_key(self, _client: Client) -> KeySet:
        return self._server.keys.signing()

    def get_client_claims(self, client: Client) -> dict[str, object]:
        expires = int(time.time()) + self._server.lifetime
        return {"iss": self._server.issuer, "aud": client.client_id, "exp": expires}

    def generate_user_info(self, person: Person, _scope: str) -> dict[str, object]:
        return person.claims()


class _AccessToken(JWTBearerTokenGenerator):
    def __init__(self, server: "TokenServer") -> None:
        super().__init__(
            server.issuer,
            refresh_token_generator=lambda **_: secrets.token_urlsafe(32),
            expires_generator=lambda _client, _grant: server.lifetime,
        )
        self._server = server

    def get_jwks(self) -> KeySet:
        return self._server.keys.signing()

    def get_audiences(self, _client: Client, _user: Person | None, _scope: str) -> str:
        return self._server.audience

    def get_extra_claims(self, client: Client, _grant: str, user: Person | None, _scope: str) -> dict[str, object]:
        claims = (user or client).claims()
        return {"roles": claims["roles"], "tenant": claims["tenant"]}


class _Logout(EndSessionEndpoint):
    def get_server_jwks(self) -> KeySet:
        return self.server.keys.published()

    def is_post_logout_redirect_uri_legitimate(self, *_: object) -> bool:
        return True  # asked only about an address that is registered

    def end_session(self, _request: Any) -> None:
        """Nobody stays signed in here: each authorization asks who it is."""


class TokenServer(AuthorizationServer):
    """`lifetime` is in seconds, for tokens issued from now on; a negative one issues expired tokens."""

    def __init__(self, issuer: str, audience: str, clients: dict[str, Client]) -> None:
        super().__init__()
        self.issuer, self.audience, self.lifetime = issuer, audience, 3600
        self.keys = ProviderKeys()
        self.codes: dict[str, grants.IssuedCode] = {}
        self.refresh_tokens: dict[str, grants.RefreshToken] = {}
        self._clients = clients
        self.register_token_generator("default", _AccessToken(self))
        self.register_grant(grants.CodeGrant, [grants.AlwaysPKCE(), _IDToken(self)])
        self.register_grant(grants.RotatingGrant)
        self.register_grant(grants.ServiceGrant)
        self.register_grant(ExchangeGrant)
        self.register_endpoint(_Logout)

    def query_client(self, client_id: str) -> Client | None:
        return self._clients.get(client_id)

    def save_token(self, token: dict[str, Any], request: Any) -> None:
        if value := token.get("refresh_token"):
            client_id = request.client.client_id
            kept = grants.RefreshToken(value, request.user, client_id, token.get("scope", ""))
            self.refresh_tokens[value] = kept

    def send_signal(self, *_: object, **__: object) -> None:
        """Nothing listens to signals."""

    def create_oauth2_request(self, request: grants.ProviderRequest) -> grants.ProviderRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
        if "Location" in dict(headers):
            return Response(status_code=status, headers=dict(headers))
        return JSONResponse(body, status, dict(headers))
