"""Which words of a token name the caller and give a role; and that no other word of a request does."""

from typing import Any

import httpx2
import pytest
import yaml

from {{ cookiecutter.package_name }}.errors import InvalidToken
from {{ cookiecutter.package_name }}.identity import AccessRules, Principal

from tests.identity.forge import ABSENT, Forge
from tests.service import CONFIG, Service

ROLES = {"employee": ["models:ask"], "auditor": ["audit:read", "usage:read"]}


def principal(token: dict[str, Any], **claims: Any) -> Principal:
    """Of a token, by the claim paths of an access.yaml."""
    paths = {"tenant": "tenant", "roles": [["roles"]], **claims}
    rules = AccessRules.model_validate({"claims": paths, "roles": ROLES})
    return rules.principal({"sub": "ada", "tenant": "acme", **token})


async def me(service: Service, token: str) -> httpx2.Response:
    return await service.http.get(f"{service.url}/v1/me", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("path", "token"),
    [
        ("roles", {"roles": ["employee"]}),
        (["realm_access", "roles"], {"realm_access": {"roles": ["employee"]}}),
        (["resource_access", "the.service", "roles"], {"resource_access": {"the.service": {"roles": ["employee"]}}}),
        ("https://acme.test/claims/roles", {"https://acme.test/claims/roles": ["employee"]}),
        ("cognito:groups", {"cognito:groups": ["employee"]}),
        ("a.b", {"a.b": ["employee"], "a": {"b": ["auditor"]}}),
    ],
)
def test_a_path_is_one_name_or_the_names_on_the_way_down(path: Any, token: dict[str, Any]) -> None:
    assert principal(token, roles=[path]).roles == {"employee"}


@pytest.mark.parametrize(
    "token",
    [
        {},
        {"realm_access": None},
        {"realm_access": "roles"},
        {"realm_access": ["roles"]},
        {"realm_access": [{"roles": ["employee"]}]},
        {"realm_access": {"Roles": ["employee"]}},
        {"realm_access.roles": ["employee"]},
        {"roles": ["employee"]},
    ],
)
def test_a_path_that_ends_on_the_way_gives_no_role(token: dict[str, Any]) -> None:
    assert principal(token, roles=[["realm_access", "roles"]]).roles == frozenset()


def test_roles_of_several_claims_add_up() -> None:
    found = principal({"roles": ["employee"], "groups": ["auditor", "unknown"]}, roles=["roles", "groups"])
    assert found.roles == {"employee", "auditor"}
    assert found.permissions == {"models:ask", "audit:read", "usage:read"}


def test_subject_and_client_come_from_their_paths() -> None:
    found = principal({"oid": "4711", "azp": "portal"}, subject="oid", client="azp")
    assert (found.subject, found.client) == ("4711", "portal")
    assert principal({"azp": ["portal"]}, client="azp").client is None


def test_a_fixed_tenant_is_what_the_file_says() -> None:
    assert principal({"tenant": "other"}, tenant=None, fixed_tenant="acme").tenant == "acme"
    with pytest.raises(InvalidToken, match="tenant"):
        principal({}, tenant=None)


def test_the_projects_own_file_takes_only_what_says_to_be_an_access_token() -> None:
    own = yaml.safe_load((CONFIG / "access.yaml").read_text(encoding="utf-8"))
    assert AccessRules.model_validate(own).types == ["at+jwt"]


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS1", "rs256", ""])
def test_an_algorithm_that_cannot_be_trusted_cannot_be_configured(algorithm: str) -> None:
    file = {"claims": {"roles": ["roles"]}, "roles": ROLES, "algorithms": [algorithm]}
    with pytest.raises(ValueError, match="algorithms"):
        AccessRules.model_validate(file)


@pytest.mark.parametrize(
    "roles",
    [
        ABSENT,
        None,
        "steward",
        "employee steward",
        "employee,steward",
        '["steward"]',
        {"steward": True},
        {"roles": ["steward"]},
        {"0": "steward"},
        [["steward"]],
        [{"name": "steward"}],
        [1, True, None],
        ["Steward"],
        [" steward"],
        ["steward\x00"],
        ["stewar"],
        ["stewards"],
        ["*"],
        [""],
        ["administrator", "root", "models:ask"],
        1,
        True,
    ],
    ids=lambda roles: "absent" if roles is ABSENT else repr(roles),
)
async def test_what_is_no_list_of_known_roles_gives_none(standing: Service, forge: Forge, roles: Any) -> None:
    token = forge.token(claims={"roles": roles})
    found = (await me(standing, token)).json()
    assert (found["roles"], found["permissions"], found["models"]) == ([], [], [])
    refused = await standing.http.get(f"{standing.url}/v1/models", headers={"Authorization": f"Bearer {token}"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")


async def test_an_unknown_role_takes_nothing_from_a_known_one(standing: Service, forge: Forge) -> None:
    found = (await me(standing, forge.token(claims={"roles": ["administrator", "employee", 7]}))).json()
    assert (found["roles"], found["permissions"]) == (["employee"], ["models:ask"])


async def test_other_claims_give_no_role(standing: Service, forge: Forge) -> None:
    claims = {"role": "steward", "groups": ["steward"], "scope": "models:ask audit:read", "permissions": ["audit:read"]}
    found = (await me(standing, forge.token(claims=claims))).json()
    assert (found["roles"], found["permissions"]) == (["employee"], ["models:ask"])


@pytest.mark.parametrize(
    ("who", "permissions"),
    [
        ("ada", ["models:ask"]),
        ("grace", ["models:ask", "usage:read"]),
        ("sam", ["models:ask", "usage:read"]),
        ("olga", ["audit:read", "usage:read"]),
        ("nils", ["usage:read"]),
    ],
)
async def test_a_role_has_the_permissions_of_the_file(standing: Service, who: str, permissions: list[str]) -> None:
    assert (await me(standing, standing.issuer.token(who))).json()["permissions"] == permissions
    expected = 200 if "models:ask" in permissions else 403
    answer = await standing.http.get(f"{standing.url}/v1/models", headers=standing.headers(who))
    assert answer.status_code == expected


CLAIMED = {
    "X-Tenant": "globex",
    "X-Tenant-Id": "globex",
    "X-User": "sam",
    "X-User-Id": "sam",
    "X-Forwarded-User": "sam",
    "X-Forwarded-Email": "sam@acme.test",
    "X-Forwarded-Preferred-Username": "sam",
    "X-Auth-Request-User": "sam",
    "X-Remote-User": "sam",
    "Remote-User": "sam",
    "X-Roles": "steward",
    "X-Role": "steward",
    "X-Forwarded-Groups": "steward",
    "X-Permissions": "audit:read",
    "From": "sam@acme.test",
}


async def test_headers_and_query_name_nobody(standing: Service) -> None:
    query = {"tenant": "globex", "user": "sam", "sub": "sam", "roles": "steward", "as": "sam"}
    plain = await standing.http.get(f"{standing.url}/v1/me", headers=standing.headers("ada"))
    claimed = await standing.http.get(f"{standing.url}/v1/me", headers=standing.headers("ada", **CLAIMED), params=query)
    assert claimed.json() == plain.json()
    assert (await standing.http.get(f"{standing.url}/v1/me", headers=CLAIMED, params=query)).status_code == 401


async def test_the_body_names_nobody(standing: Service) -> None:
    answer = await standing.ask(user="sam", headers=CLAIMED)
    assert answer.status_code == 200
    record = standing.records("started")[-1]
    assert (record["tenant"], record["subject"]) == ("acme", "ada")
    assert "globex" not in str(standing.records())
    for field in ("tenant", "roles", "principal", "metadata"):
        added: dict[str, Any] = {field: {"tenant": "globex"}}
        assert (await standing.ask(**added)).status_code == 400
