"""From claims to roles, from roles to permissions, and the parameter types by which an endpoint says what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeGuard

from fastapi import Depends, Request
from pydantic import Field

from ..configfile import Section
from ..errors import InvalidToken, PermissionDenied
from .principal import Principal

Algorithm = Literal["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
Path = str | list[str]  # one claim's name, or the names on the way down to it


class Permission(StrEnum):
    ASK = "models:ask"
    AUDIT_READ = "audit:read"
    USAGE_READ = "usage:read"


class Claims(Section):
    subject: Path = "sub"
    tenant: Path | None = None
    fixed_tenant: str | None = Field(default=None, description="for an issuer that serves one organisation only")
    roles: list[Path]
    client: Path = "client_id"


class AccessFile(Section):
    """config/access.yaml"""

    types: list[str] = ["at+jwt"]
    algorithms: list[Algorithm] = ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"]
    claims: Claims
    roles: dict[str, list[Permission]]


class AccessRules:
    def __init__(self, file: AccessFile) -> None:
        self.algorithms = file.algorithms
        self.types = frozenset(kind.lower() for kind in file.types)
        self._claims = file.claims
        self._roles = {role: frozenset(permissions) for role, permissions in file.roles.items()}

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(self._roles)

    def principal(self, claims: dict[str, Any]) -> Principal:
        subject = at(claims, self._claims.subject)
        tenant = self._claims.fixed_tenant or at(claims, self._claims.tenant or [])
        if not _is_name(subject):
            raise InvalidToken("The access token names no subject; ask the identity team for the claim.")
        if not _is_name(tenant):
            raise InvalidToken("The access token names no tenant; ask the identity team for the claim.")
        roles = frozenset(
            role for path in self._claims.roles for role in _texts(at(claims, path)) if role in self._roles
        )
        permissions = frozenset(str(permission) for role in roles for permission in self._roles[role])
        client = at(claims, self._claims.client)
        return Principal(subject, tenant, roles, permissions, client if _is_name(client) else None)


def at(claims: dict[str, Any], path: Path) -> Any:
    value: Any = claims
    for name in [path] if isinstance(path, str) else path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _is_name(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()


def _texts(value: Any) -> list[str]:
    """Only a list counts as one: a text is never searched for role names."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


async def current_principal(request: Request) -> Principal:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token or len(request.headers.getlist("authorization")) > 1:
        raise InvalidToken("Send an access token of the issuer in the header 'Authorization: Bearer …'.")
    principal: Principal = await request.state.verifier.principal(token.strip(" "))
    request.scope["principal"] = principal
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]


def needs(permission: Permission) -> Callable[[Principal], Awaitable[Principal]]:
    async def permitted(caller: CurrentPrincipal) -> Principal:
        if permission not in caller.permissions:
            held = ", ".join(sorted(caller.roles)) or "none that this service knows"
            raise PermissionDenied(
                f"This needs the permission {permission}; your roles ({held}) do not have it. See config/access.yaml."
            )
        return caller

    return permitted


MayAsk = Annotated[Principal, Depends(needs(Permission.ASK))]
