"""Under what conditions the identity provider grants anything: authlib's grants, their gaps closed.

PKCE with S256 is demanded of every client, a code works once, a refresh token is replaced by each use.
"""
# authlib has no type stubs, so its classes are Any:
# mypy: disable-error-code="import-untyped, misc, no-any-return"

import time
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.models import AuthorizationCodeMixin
from starlette.datastructures import Headers

from local.identity_provider.people import Client, Person

CODE_SECONDS = 60
AUTH_METHODS = ["none", "client_secret_basic", "client_secret_post"]
Pairs = list[tuple[str, str]]


class ProviderRequest(OAuth2Request):
    """Repeated parameters are kept, because authlib refuses them only where it sees them."""

    def __init__(self, method: str, url: str, headers: Headers, query: Pairs, form: Pairs) -> None:
        super().__init__(method, url, headers=headers)
        self.payload = BasicOAuth2Payload(dict(query + form))
        self.payload._datalist = defaultdict(list)
        for name, value in query + form:
            self.payload._datalist[name].append(value)
        self._form = dict(form)

    @property
    def form(self) -> dict[str, str]:
        return self._form


@dataclass(frozen=True)
class IssuedCode(AuthorizationCodeMixin):
    person: Person
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str | None
    code_challenge: str
    code_challenge_method: str
    issued: float

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(self.issued)


@dataclass(frozen=True)
class RefreshToken:
    value: str
    person: Person
    client_id: str
    scope: str

    def check_client(self, client: Client) -> bool:
        return client.client_id == self.client_id

    def get_scope(self) -> str:
        return self.scope


class CodeGrant(AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def save_authorization_code(self, code: str, request: Any) -> None:
        asked = request.payload.data
        self.server.codes[code] = IssuedCode(
            request.user,
            request.client.client_id,
            asked["redirect_uri"],
            request.scope,
            asked.get("nonce"),
            asked["code_challenge"],
            asked["code_challenge_method"],
            time.time(),
        )

    def query_authorization_code(self, code: str, client: Client) -> IssuedCode | None:
        issued: IssuedCode | None = self.server.codes.pop(code, None)  # spent, also when a later check fails
        if issued and issued.client_id == client.client_id and time.time() < issued.issued + CODE_SECONDS:
            return issued
        return None

    def delete_authorization_code(self, _code: IssuedCode) -> None:
        """Gone already."""

    def authenticate_user(self, code: IssuedCode) -> Person:
        return code.person


class RotatingGrant(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, value: str) -> RefreshToken | None:
        return self.server.refresh_tokens.get(value)

    def authenticate_user(self, token: RefreshToken) -> Person:
        return token.person

    def revoke_old_credential(self, token: RefreshToken) -> None:
        del self.server.refresh_tokens[token.value]


class ServiceGrant(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS[1:]


class AlwaysPKCE(CodeChallenge):
    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        # CodeChallenge(required=True) binds public clients only.
        asked = grant.request.payload.data
        if not asked.get("code_challenge") or asked.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: send code_challenge and code_challenge_method=S256")
        super().validate_code_challenge(grant, redirect_uri)
