"""Explains access to people: why a token is not enough, and what the identity team must set up."""

from collections.abc import Iterator
from typing import Any

import aiohttp

from ..errors import ServiceError
from .access import AccessRules, ExchangeRules, Path, Permission, at, spelled
from .keys import IssuerKeys
from .tokens import TokenVerifier, unverified_claims


async def explain(token: str, rules: AccessRules, issuer: str, audience: str) -> list[str]:
    """Lines for a person: is it accepted, which claim gives which role, and why a permission is missing."""
    try:
        async with aiohttp.ClientSession() as session:
            principal = await TokenVerifier(issuer, audience, rules, IssuerKeys(issuer, session)).principal(token)
        first, mark = f"accepted: {principal.subject} of {principal.tenant}", ""
    except ServiceError as error:
        first, mark = f"refused: {error.message}", "if it were accepted: "
    try:
        claims = unverified_claims(token)
    except ServiceError:
        return [first]
    return [first, *(f"{mark}{line}" for line in (*_roles(claims, rules), *_permissions(claims, rules)))]


def _roles(claims: dict[str, Any], rules: AccessRules) -> Iterator[str]:
    given = rules.given_by(claims)
    for role, source in sorted(given.items()):
        yield f"role {role}: by the claim {source}"
    for path in rules.claims.roles:
        value = at(claims, path)
        if value is None:
            yield f"no role by the claim {spelled(path)}: the token has none"
        elif not any(source.startswith(f"{spelled(path)}: ") for source in given.values()):
            yield f"no role by the claim {spelled(path)}: {value!r} holds none of {', '.join(sorted(rules.roles))}"


def _permissions(claims: dict[str, Any], rules: AccessRules) -> Iterator[str]:
    held = set(rules.given_by(claims))
    for permission in Permission:
        giving = {role for role in rules.roles if permission in rules.permissions([role])}
        if held & giving:
            yield f"may {permission}: by {', '.join(sorted(held & giving))}"
        else:
            wanted, found = (", ".join(sorted(roles)) or "none" for roles in (giving, held))
            yield f"may not {permission}: the roles {wanted} have it, and the token gives {found}"


def ticket(rules: AccessRules, *, provider: str, public_url: str, audience: str) -> str:
    """What to send to the identity team, with the reason of each thing asked for."""
    claims = rules.claims
    tenant = f"one organisation only: {claims.fixed_tenant}" if claims.fixed_tenant else _claim(claims.tenant or "")
    required = [f"{name} = {'any value' if wanted == '*' else wanted}" for name, wanted in rules.required.items()]
    mapped = [f"{said} means {role}" for said, role in rules.role_names.items()]
    asked = [
        ("A client for a web application with a secret", "people sign in; the secret stays on the server"),
        ("Grant: authorization code with PKCE (S256), and refresh tokens", "RFC 9700; a session outlives one token"),
        (f"Redirect address, exactly: {public_url}/callback", "codes are sent nowhere else"),
        (f"Address after sign-out: {public_url}/", "signing out here signs out at the issuer too"),
        (f"Scopes: {rules.login_parameters(audience)['scope']}", "what the login asks for"),
        (
            f"Audience of the tokens ({_claim(claims.audience)}): {audience}",
            "a token for another service must not do here",
        ),
        (f"Signed with one of {', '.join(rules.algorithms)}", "no others are accepted"),
        (
            f"Who: {_claim(claims.subject)}",
            "stable and never given to a second person: budgets and audit trail rest on it",
        ),
        (f"Tenant: {tenant}", "data of one organisation never shows to another"),
        (
            f"Roles ({', '.join(map(_claim, claims.roles))}): {', '.join(rules.roles)}",
            "; ".join(mapped) or "they decide who may do what",
        ),
        *([(f"Further claims: {', '.join(required)}", "they tell access tokens from others")] if required else []),
        (
            "A second client with the grant client credentials, and a role of its own",
            "evaluations and programs ask too",
        ),
        *([(asked, "tools ask other services in the person's name")] if (asked := _exchange(rules.exchange)) else []),
    ]
    body = "\n".join(f"{number}. {what}\n   Why: {why}" for number, (what, why) in enumerate(asked, 1))
    return (
        f"Please register {public_url} as a client of {provider}.\n\n{body}\n\n"
        f"Please send back the issuer's address, the client's id, and its secret by the secret store.\n"
        f"What to click there: docs/identity/{provider}.md\n"
    )


def _exchange(rules: ExchangeRules | None) -> str:
    if rules is None or not rules.audiences:
        return ""
    grant = {"token_exchange": "token exchange (RFC 8693)", "on_behalf_of": "on-behalf-of"}[rules.grant]
    return f"Grant: {grant}, for the audiences {', '.join(rules.audiences)}"


def _claim(path: Path) -> str:
    return f"claim {spelled(path)}"
