from typing import Any

from fastapi import APIRouter, Request

from ..governance import Policy
from ..identity import CurrentPrincipal
from .call import usable

router = APIRouter(tags=["identity"])


@router.get("/v1/me")
async def me(request: Request, caller: CurrentPrincipal) -> dict[str, Any]:
    """Who am I, and what may I do?"""
    policy: Policy = request.state.configuration.policy
    return {
        "subject": caller.subject,
        "tenant": caller.tenant,
        "roles": sorted(caller.roles),
        "permissions": sorted(caller.permissions),
        "data_classes": [name for name in policy.classes if policy.may_send(caller, name)],
        "all_data_classes": policy.classes,
        "default_data_class": policy.data_class(None),
        **usable(request, caller),
    }


@router.get("/.well-known/oauth-protected-resource")
async def protected_resource(request: Request) -> dict[str, Any]:
    """RFC 9728: where a client gets a token for this service."""
    return {
        "resource": request.state.settings.public_url,
        "authorization_servers": [request.state.settings.oidc_issuer],
        "bearer_methods_supported": ["header"],
    }
