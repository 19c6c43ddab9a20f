"""Maps claims to roles and roles to permissions, and has the parameter types that declare what an endpoint needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeGuard

from fastapi import Depends, Request
from pydantic import Field, StringConstraints, model_validator

from ..configfile import Section
from ..errors import InvalidToken, PermissionDenied
from .delegation import Delegation
from .principal import Principal

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
LowerCase = Annotated[str, StringConstraints(to_lower=True)]
Path = str | list[str]  # one claim's name, or the names on the way down to it


class Permission(StrEnum):
    ASK = "models:ask"
    AUDIT_READ = "audit:read"
    USAGE_READ = "usage:read"


class Claims(Section):
    subject: Path = "sub"
    audience: Path = "aud"
    tenant: Path | None = None
    fixed_tenant: str | None = Field(default=None, description="for an issuer that serves one organisation only")
    roles: list[Path]
    client: Path = "client_id"


class LogoutQuestion(Section):
    """Where an issuer's logout page knows other parameters than RP-Initiated Logout 1.0 needs."""

    id_token_hint: bool = Field(default=False, description="show the ID token, in an address that logs may keep")
    return_parameter: Literal["post_logout_redirect_uri", "logout_uri"] = "post_logout_redirect_uri"


class LoginQuestion(Section):
    """What the issuer is asked for when a person signs in; `{audience}` in a scope stands for OIDC_AUDIENCE."""

    scopes: list[str] = ["openid", "profile", "email", "offline_access"]
    audience_parameter: Literal["audience", "resource"] | None = Field(
        default=None, description="the parameter in which the issuer wants OIDC_AUDIENCE (resource: RFC 8707)"
    )
    logout: LogoutQuestion = LogoutQuestion()


class ExchangeRules(Section):
    """How a caller's token becomes one for another service, still in the caller's name."""

    grant: Literal["token_exchange", "on_behalf_of"] = Field(description="RFC 8693, or Entra's own")
    audiences: dict[str, list[str]] = Field(
        default={}, description="the services that may be asked so, and the scopes to ask for"
    )


class AccessRules(Section):
    """config/access.yaml"""

    types: list[LowerCase] = Field(
        default=["at+jwt"], description="accepted `typ` of a token's header; '' is none at all"
    )
    credential: Literal["access_token", "id_token"] = Field(
        default="access_token", description="id_token only for an issuer whose access tokens are opaque"
    )
    algorithms: list[Algorithm] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
    required: dict[str, str] = Field(default={}, description="claims and the text each must have; '*' is any")
    claims: Claims
    login: LoginQuestion = LoginQuestion()
    exchange: ExchangeRules | None = Field(default=None, description="left out where the issuer exchanges no tokens")
    role_names: dict[str, str] = Field(
        default={}, description="what a claim of roles may say, and the role it stands for"
    )
    roles: dict[str, list[Permission]]

    @model_validator(mode="after")
    def _names_known_roles(self) -> AccessRules:
        if unknown := sorted(set(self.role_names.values()) - set(self.roles)):
            raise ValueError(f"role_names leads to roles that are not under roles: {', '.join(unknown)}")
        return self

    def login_parameters(self, audience: str) -> dict[str, str]:
        scope = " ".join(self.login.scopes).replace("{audience}", audience)
        name = self.login.audience_parameter
        return {"scope": scope} | ({name: audience} if name else {})

    def audiences(self, claims: dict[str, Any]) -> list[Any]:
        found = at(claims, self.claims.audience)
        return found if isinstance(found, list) else [found]

    def given_by(self, claims: dict[str, Any]) -> dict[str, str]:
        """The roles that a token gives, and of each the claim and its value."""
        said = [(path, text) for path in self.claims.roles for text in _texts(at(claims, path), self.role_names)]
        roles = [(self.role_names.get(text, text), path, text) for path, text in said]
        return {role: f"{spelled(path)}: {text}" for role, path, text in roles if role in self.roles}

    def permissions(self, roles: Iterable[str]) -> frozenset[str]:
        return frozenset(str(permission) for role in roles for permission in self.roles[role])

    def principal(self, claims: dict[str, Any]) -> Principal:
        subject = at(claims, self.claims.subject)
        tenant = self.claims.fixed_tenant or at(claims, self.claims.tenant or [])
        if not _is_name(subject):
            raise InvalidToken("The access token names no subject; ask the identity team for the claim.")
        if not _is_name(tenant):
            raise InvalidToken("The access token names no tenant; ask the identity team for the claim.")
        roles = frozenset(self.given_by(claims))
        client = at(claims, self.claims.client)
        return Principal(subject, tenant, roles, self.permissions(roles), client if _is_name(client) else None)


def at(claims: dict[str, Any], path: Path) -> Any:
    value: Any = claims
    for name in [path] if isinstance(path, str) else path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def spelled(path: Path) -> str:
    return path if isinstance(path, str) else " → ".join(path)


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _texts(value: Any, mapped: Container[str]) -> list[str]:
    """A text is never searched for role names: it counts as a whole, and only where the file maps it to a role."""
    if isinstance(value, str):
        return [value] if value in mapped else []
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


async def current_delegation(request: Request) -> Delegation:
    """By a bearer token, or else by the session of a browser."""
    token: str | None = None
    with request.state.telemetry.step("identity"):
        if "authorization" not in request.headers and request.state.browsers:
            token = await request.state.browsers.bearer(request)
        token = token or _bearer(request)
        principal = await request.state.verifier.principal(token)
    request.scope["principal"] = principal
    return Delegation(principal, token, request.state.exchange)


CurrentDelegation = Annotated[Delegation, Depends(current_delegation)]


async def current_principal(delegation: CurrentDelegation) -> Principal:
    return delegation.principal


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(request.headers.getlist("authorization")) > 1:
        raise InvalidToken(
            "Send an access token of the issuer in the header 'Authorization: Bearer …'.",
            # A request without credentials is no attempt to get in, such as our own page's before sign-in.
            reason=None if "authorization" in request.headers else "no_token",
        )
    return token.strip(" ")


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def needs(permission: Permission) -> Callable[[Delegation], Awaitable[Delegation]]:
    async def permitted(delegation: CurrentDelegation) -> Delegation:
        caller = delegation.principal
        if permission not in caller.permissions:
            held = ", ".join(sorted(caller.roles)) or "none that this service knows"
            raise PermissionDenied(
                f"This needs the permission {permission}; your roles ({held}) do not have it. See config/access.yaml."
            )
        return delegation

    return permitted


MayAsk = Annotated[Delegation, Depends(needs(Permission.ASK))]
MayReadAudit = Annotated[Delegation, Depends(needs(Permission.AUDIT_READ))]
