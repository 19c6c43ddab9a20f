"""Each preset against tokens with the header and the claims that its provider documents; only the issuer is ours."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from joserfc import jws

from {{ cookiecutter.package_name }}.configfile import Faults, read
from {{ cookiecutter.package_name }}.errors import InvalidToken
from {{ cookiecutter.package_name }}.identity import (
    AccessRules,
    IssuerKeys,
    Principal,
    TokenVerifier,
    explain,
    ticket,
)

from tests.issuer import Issuer
from tests.service import CONFIG, Surroundings

PRESETS = {path.stem: path for path in (CONFIG / "presets").glob("*.yaml")}
GUID = "11111111-2222-3333-4444-555555555555"
CLIENT = "3f9c8a7b6d5e4f3a2b1c"


@dataclass(frozen=True)
class Shape:
    """What differs from the claims that every token has: iss, iat, exp. None leaves a usual claim out."""

    audience: str
    header: dict[str, Any]
    claims: dict[str, Any]
    principal: Principal


def person(subject: str, tenant: str, role: str, client: str) -> Principal:
    permissions = {
        "employee": {"models:ask"},
        "analyst": {"models:ask", "usage:read"},
        "steward": {"models:ask", "usage:read"},
    }
    return Principal(subject, tenant, frozenset({role}), frozenset(permissions[role]), client)


BARE = {"tenant": None, "roles": None, "client_id": None}
# learn.microsoft.com/entra/identity-platform/access-token-claims-reference
ENTRA = {
    **BARE,
    "aud": GUID,
    "azp": CLIENT,
    "azpacr": "1",
    "name": "Ada",
    "oid": "oid-of-ada",
    "preferred_username": "ada@acme.example",
    "rh": "0.A",
    "roles": ["employee", "another-application-role"],
    "scp": "access_as_user",
    "sub": "pairwise-sub",
    "tid": "tid-of-acme",
    "uti": "x",
    "ver": "2.0",
}
# keycloak.org/docs/latest/server_admin (protocol mappers, client scopes)
KEYCLOAK = {
    **BARE,
    "aud": ["assistant", "account"],
    "typ": "Bearer",
    "azp": "web",
    "sid": "a-session",
    "acr": "1",
    "realm_access": {"roles": ["offline_access", "uma_authorization", "default-roles-acme", "steward"]},
    "resource_access": {"account": {"roles": ["manage-account"]}},
    "scope": "openid email profile",
    "sub": "f0e1d2c3",
    "preferred_username": "sam",
}
# developer.okta.com/docs/api/openapi/okta-oauth (access token payload)
OKTA = {
    **BARE,
    "ver": 1,
    "jti": "AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE",
    "aud": "api://assistant",
    "cid": "0oabcdefghijklmnop",
    "uid": "00ujmkLgagxeRrAg20g3",
    "scp": ["openid", "profile"],
    "auth_time": 1,
    "sub": "grace@acme.example",
    "groups": ["Everyone", "assistant-analysts"],
}
# auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
AUTH0 = {
    **BARE,
    "aud": ["https://assistant", "https://acme.eu.auth0.com/userinfo"],
    "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
    "scope": "openid profile offline_access",
    "client_id": CLIENT,
    "jti": "x",
    "https://acme.example/roles": ["employee"],
}
# docs.aws.amazon.com/cognito (the access token in user pools)
COGNITO = {
    **BARE,
    "aud": None,
    "sub": "aaaaaaaa-bbbb",
    "cognito:groups": ["assistant-employees", "eu-west-1_x_Google"],
    "version": 2,
    "client_id": CLIENT,
    "origin_jti": "x",
    "token_use": "access",
    "scope": "openid profile",
    "auth_time": 1,
    "jti": "y",
    "username": "ada",
}
# developers.google.com/identity/openid-connect (an ID token's payload)
GOOGLE = {
    **BARE,
    "aud": f"{CLIENT}.apps.googleusercontent.com",
    "azp": f"{CLIENT}.apps.googleusercontent.com",
    "sub": "10769150350006150715113082367",
    "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q",
    "nonce": "0394852-3190485-2490358",
    "hd": "acme.example",
    "email": "ada@acme.example",
    "email_verified": True,
    "jti": None,
}
SHAPES = {
    "entra": Shape(GUID, {"typ": "JWT"}, ENTRA, person("oid-of-ada", "tid-of-acme", "employee", CLIENT)),
    "keycloak": Shape("assistant", {"typ": "JWT"}, KEYCLOAK, person("f0e1d2c3", "acme", "steward", "web")),
    "okta": Shape("api://assistant", {}, OKTA, person("grace@acme.example", "acme", "analyst", "0oabcdefghijklmnop")),
    "auth0": Shape(
        "https://assistant",
        {"typ": "at+jwt"},
        AUTH0,
        person("auth0|5f7c8ec7c33c6c004bbafe82", "acme", "employee", CLIENT),
    ),
    "cognito": Shape(CLIENT, {}, COGNITO, person("aaaaaaaa-bbbb", "acme", "employee", CLIENT)),
    "google": Shape(
        str(GOOGLE["aud"]),
        {"typ": "JWT"},
        GOOGLE,
        person("10769150350006150715113082367", "acme.example", "employee", str(GOOGLE["azp"])),
    ),
}
# What a program gets by client credentials, as far as it differs from a person's token. Google has none that fits.
PROGRAMS: dict[str, dict[str, Any]] = {
    # learn.microsoft.com/entra/identity-platform: application permissions come as roles, without scp
    "entra": {"oid": "oid-of-evaluation", "azp": "evaluation", "scp": None, "preferred_username": None, "idtyp": "app"},
    # keycloak.org/docs/latest/server_admin: service accounts
    "keycloak": {
        "sub": "a-service-account",
        "azp": "evaluation",
        "sid": None,
        "preferred_username": "service-account-evaluation",
        "realm_access": {"roles": ["employee"]},
    },
    # developer.okta.com: sub and cid are the client's id, uid and groups are missing; a claim of its own has the role
    "okta": {"sub": "0oaevaluation", "cid": "0oaevaluation", "uid": None, "groups": ["assistant-employees"]},
    # auth0.com/docs: the same claim, added by an action for machine to machine
    "auth0": {"sub": "evaluation@clients", "client_id": "evaluation", "gty": "client-credentials"},
}
# What the same provider also signs with the same keys, and what a token must not lack.
UNFIT: dict[str, list[dict[str, Any]]] = {
    "entra": [
        {"azp": None, "nonce": "n", "aud": GUID},  # an ID token
        {"azp": None},
        {"ver": "1.0"},
        {"tid": None},
        {"oid": None},
        {"aud": "00000003-0000-0000-c000-000000000000"},  # Microsoft Graph
    ],
    "keycloak": [{"typ": "ID"}, {"typ": "Refresh"}, {"typ": None}, {"aud": "account"}],
    "okta": [{"cid": None, "nonce": "n"}, {"cid": None}, {"aud": "https://acme.okta.com"}],
    "auth0": [{"aud": CLIENT}, {"sub": None}],
    "cognito": [
        {"token_use": "id", "aud": CLIENT},
        {"token_use": None},
        {"client_id": "another"},
        {"client_id": None, "aud": CLIENT},
    ],
    "google": [{"hd": None}, {"hd": "evil.example"}, {"aud": "another.apps.googleusercontent.com"}],
}


def rules(name: str) -> AccessRules:
    faults = Faults()
    preset = read(PRESETS[name], AccessRules, faults)
    assert preset is not None, faults.found
    return preset.content


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def token(issuer: Issuer, shape: Shape, **changed: Any) -> str:
    """Signed as a JWS, since a library for JWTs would add the `typ` that some providers leave out."""
    payload = issuer.claims(**{**shape.claims, **changed})
    return jws.serialize_compact({"alg": "RS256", "kid": "first", **shape.header}, json.dumps(payload), issuer.key)


def verifier(name: str, issuer: Issuer, http: aiohttp.ClientSession) -> TokenVerifier:
    return TokenVerifier(issuer.url, SHAPES[name].audience, rules(name), IssuerKeys(issuer.url, http))


def test_every_preset_is_tested_and_has_its_page() -> None:
    assert set(PRESETS) == set(SHAPES) == set(UNFIT)
    pages = {path.stem for path in (CONFIG.parent / "docs" / "identity").glob("*.md")} - {"README"}
    assert pages == set(PRESETS)


@pytest.mark.parametrize("name", sorted(SHAPES))
async def test_a_token_as_the_provider_documents_it_names_its_principal(
    name: str, around: Surroundings, http: aiohttp.ClientSession
) -> None:
    verify = verifier(name, around.issuer, http)
    assert await verify.principal(token(around.issuer, SHAPES[name])) == SHAPES[name].principal


@pytest.mark.parametrize(("name", "changed"), [(name, one) for name, all_ in UNFIT.items() for one in all_], ids=str)
async def test_another_token_of_the_same_provider_is_refused(
    name: str, changed: dict[str, Any], around: Surroundings, http: aiohttp.ClientSession
) -> None:
    with pytest.raises(InvalidToken):
        await verifier(name, around.issuer, http).principal(token(around.issuer, SHAPES[name], **changed))


@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_program_s_token_has_its_own_name_and_role(
    name: str, around: Surroundings, http: aiohttp.ClientSession
) -> None:
    changed = PROGRAMS[name]
    made = token(around.issuer, SHAPES[name], **changed)
    principal = await verifier(name, around.issuer, http).principal(made)
    assert principal.subject == changed.get("oid", changed.get("sub"))
    assert principal.roles == {"employee"}
    assert principal.client == changed.get("azp", changed.get("client_id", changed.get("cid")))


async def test_a_program_of_cognito_has_no_group_and_another_client_so_it_is_refused(
    around: Surroundings, http: aiohttp.ClientSession
) -> None:
    made = token(around.issuer, SHAPES["cognito"], **{"client_id": "evaluation", "cognito:groups": None})
    with pytest.raises(InvalidToken, match="another audience"):
        await verifier("cognito", around.issuer, http).principal(made)


async def test_a_group_that_is_mapped_gives_its_role_and_a_like_named_one_does_not(
    around: Surroundings, http: aiohttp.ClientSession
) -> None:
    verify = verifier("okta", around.issuer, http)
    groups = ["assistant-analysts-emeritus", "xassistant-analysts", "ASSISTANT-ANALYSTS", "Everyone"]
    principal = await verify.principal(token(around.issuer, SHAPES["okta"], groups=groups))
    assert not principal.roles


async def test_a_text_gives_a_role_only_as_a_whole_and_where_it_is_mapped(
    around: Surroundings, http: aiohttp.ClientSession
) -> None:
    verify = verifier("google", around.issuer, http)
    for email, roles in (("grace@acme.example", {"employee", "analyst"}), ("steward", {"employee"})):
        principal = await verify.principal(token(around.issuer, SHAPES["google"], email=email))
        assert principal.roles == roles


def test_a_mapping_to_a_role_that_does_not_exist_is_a_fault(tmp_path: Path) -> None:
    content = {**yaml.safe_load(PRESETS["okta"].read_text(encoding="utf-8")), "role_names": {"admins": "admin"}}
    (tmp_path / "access.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    faults = Faults()
    assert read(tmp_path / "access.yaml", AccessRules, faults) is None
    assert "role_names leads to roles that are not under roles: admin" in faults.found[0]


async def test_explaining_a_token_tells_which_claim_gave_which_role(around: Surroundings) -> None:
    shape = SHAPES["keycloak"]
    lines = await explain(token(around.issuer, shape), rules("keycloak"), around.issuer.url, shape.audience)
    assert lines[0] == "accepted: f0e1d2c3 of acme"
    assert "role steward: by the claim realm_access → roles: steward" in lines
    assert "may models:ask: by steward" in lines
    assert "may not audit:read: the roles auditor have it, and the token gives steward" in lines


async def test_explaining_a_refused_token_tells_the_reason_and_what_it_says_of_roles(around: Surroundings) -> None:
    shape = SHAPES["entra"]
    late = token(around.issuer, shape, exp=1, roles=["unknown"])
    lines = await explain(late, rules("entra"), around.issuer.url, shape.audience)
    assert lines[0].startswith("refused: The access token is not valid: it has expired")
    assert any("no role by the claim roles: ['unknown'] holds none of" in line for line in lines)
    assert (await explain("nonsense", rules("entra"), around.issuer.url, shape.audience))[0].startswith("refused: ")


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_the_ticket_asks_for_what_the_preset_needs(name: str) -> None:
    preset = read(PRESETS[name], AccessRules, Faults())
    assert preset is not None
    text = ticket(preset.content, provider=name, public_url="https://ask.example", audience="the-audience")
    for needed in ("https://ask.example/callback", "the-audience", "S256", "steward", f"docs/identity/{name}.md"):
        assert needed in text
    for claim in preset.content.required:
        assert claim in text
    assert "{audience}" not in text


@pytest.mark.parametrize("name", ["entra", "keycloak"])
def test_the_ticket_asks_for_the_exchange_when_a_tool_needs_it(name: str) -> None:
    preset = read(PRESETS[name], AccessRules, Faults())
    assert preset is not None
    assert preset.content.exchange is not None
    asked = preset.content.exchange.model_copy(update={"audiences": {"staff-directory": []}})
    for exchange, needed in ((preset.content.exchange, False), (asked, True)):
        file = preset.content.model_copy(update={"exchange": exchange})
        text = ticket(file, provider=name, public_url="https://ask.example", audience="the-audience")
        assert ("staff-directory" in text) == ("in the person's name" in text) == needed
