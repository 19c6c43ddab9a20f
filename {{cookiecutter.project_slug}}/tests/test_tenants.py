"""Tenants are a boundary: whatever acme has done, eve of globex neither sees it nor is touched by it.

eve has every role here, so that nothing but the tenant stands between.
"""

from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.routing import APIRoute

from {{ cookiecutter.package_name }}.app import create_app
from {{ cookiecutter.package_name }}.audit import Checkpoints, Recorder, SigningKeys
from {{ cookiecutter.package_name }}.governance import start, stop
from {{ cookiecutter.package_name }}.settings import LOCAL_SIGNING_KEY, Settings

from tests.routes import every_route, needs_a_caller
from tests.service import Service, Surroundings, running_service

EVERY_ROLE = ["employee", "analyst", "steward", "auditor", "operator"]
# Of every route that answers a caller; one with a path parameter gets acme's number in its place.
READING = sorted(
    route.path
    for route in every_route(create_app(Settings()))
    if isinstance(route, APIRoute) and needs_a_caller(route) and "GET" in (route.methods or ())
)


def eve(service: Service, **claims: Any) -> dict[str, str]:
    token = service.issuer.token("eve", **{"tenant": "globex", "roles": EVERY_ROLE, **claims})
    return {"Authorization": f"Bearer {token}"}


async def asked_by_eve(service: Service, **options: Any) -> httpx2.Response:
    return await service.ask(headers=eve(service), **options)


async def test_nothing_that_can_be_read_shows_another_tenant(service: Service) -> None:
    receipt = (await service.ask("A secret of acme", who="grace")).json()["receipt"]
    await service.ask("Refused", who="olga")
    cursor = (
        await service.http.get(f"{service.url}/v1/audit", params={"limit": 1}, headers=service.headers("olga"))
    ).json()["next_cursor"]
    assert cursor
    hidden = ("acme", "grace", "olga", receipt["audit_id"], receipt["trace_id"])
    questions: list[dict[str, str]] = [
        {},
        {"tenant": "acme", "by": "tenant,user,day,route,deployment"},
        {"user": "grace", "by": "user"},
        {"call": receipt["audit_id"]},
        {"trace": receipt["trace_id"]},
        {"cursor": cursor, "limit": "200"},
        {"format": "csv", "by": "tenant,user"},
    ]
    assert "/v1/audit" in READING
    for path in READING:
        url = service.url + path.replace("{", "").replace("}", "")
        for question in questions:
            answer = await service.http.get(url, params=question, headers=eve(service))
            assert answer.status_code in (200, 400, 404), (path, question, answer.text)
            assert not [word for word in hidden if word in answer.text], (path, question)


@pytest.mark.parametrize("field", ["tenant", "roles", "principal", "metadata"])
async def test_no_field_of_a_request_leads_to_another_tenant(service: Service, field: str) -> None:
    answer = await asked_by_eve(service, **{field: "acme"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


async def test_no_header_leads_to_another_tenant(service: Service) -> None:
    named = dict.fromkeys(("X-Tenant", "X-Tenant-Id", "X-Forwarded-Tenant", "X-Org", "X-Forwarded-User"), "acme")
    assert (await service.ask(headers={**eve(service), **named}, user="grace")).status_code == 200
    assert {(one["tenant"], one["subject"]) for one in service.records("started")} == {("globex", "eve")}


async def test_a_record_that_is_not_one_s_own_is_like_one_that_there_is_not(service: Service) -> None:
    call_id = (await service.ask()).json()["receipt"]["audit_id"]

    async def found(call: str) -> httpx2.Response:
        return await service.http.get(f"{service.url}/v1/audit", params={"call": call}, headers=eve(service))

    theirs, nobody_s = await found(call_id), await found("0" * 32)
    assert theirs.content == nobody_s.content
    assert theirs.status_code == nobody_s.status_code == 200
    fastest = [min([(await found(call)).elapsed.total_seconds() for _ in range(15)]) for call in (call_id, "0" * 32)]
    assert max(fastest) < 3 * min(fastest) + 0.005


async def test_one_tenant_s_spent_budget_is_not_another_s(tmp_path: Path, around: Surroundings) -> None:
    changes = {"policy": {"limits": {}, "budgets": {"tenant": {"usd_per_month": 0.001}}}}
    async with running_service(tmp_path, around, changes=changes) as service:
        while (answer := await service.ask(max_tokens=50)).status_code == 200:
            pass
        assert answer.json()["error"]["code"] == "budget_exceeded"
        assert (await service.ask(who="grace", max_tokens=50)).status_code == 402
        assert (await asked_by_eve(service, max_tokens=50)).status_code == 200


async def test_somebody_of_the_same_name_elsewhere_has_limits_and_budgets_of_her_own(
    tmp_path: Path, around: Surroundings
) -> None:
    limits = {"employee": {"requests_per_minute": 2}}
    changes = {"policy": {"limits": limits, "budgets": {"user": {"usd_per_day": 1}}}}
    async with running_service(tmp_path, around, changes=changes) as service:
        namesake = eve(service, sub="ada", roles=["employee"])
        assert [(await service.ask()).status_code for _ in range(3)] == [200, 200, 429]
        assert [(await service.ask(headers=namesake)).status_code for _ in range(3)] == [200, 200, 429]
        for headers, tenant in ((service.headers(), "acme"), (namesake, "globex")):
            answer = await service.http.get(f"{service.url}/v1/usage?by=tenant,user", headers=headers)
            assert [(row["tenant"], row["user"], row["calls"]) for row in answer.json()["data"]] == [(tenant, "ada", 2)]


async def test_a_tenant_that_is_stopped_stops_no_other_and_is_named_to_no_other(service: Service) -> None:
    recorder = Recorder(service.engine, Checkpoints(service.checkpoints, SigningKeys(LOCAL_SIGNING_KEY)))
    stop(recorder, "tenant", "acme", "between us")
    await service_looks(service)
    assert (await service.ask()).json()["error"]["code"] == "stopped"
    assert (await asked_by_eve(service)).status_code == 200
    ready = await service.http.get(f"{service.url}/readyz")
    assert ready.json()["stopped"] == ["a tenant"]
    assert "between us" not in ready.text
    start(recorder, "tenant", "acme", "")


async def service_looks(service: Service) -> None:
    """Until the switch is seen."""
    while not (await service.http.get(f"{service.url}/readyz")).json()["stopped"]:
        pass


async def test_a_remembered_token_is_nobody_else_s(service: Service) -> None:
    """Two tokens of the same first characters, in turn: what is known of one is not said of the other."""
    tokens = {"acme": service.issuer.token("ada"), "globex": service.issuer.token("ada", tenant="globex")}
    for _ in range(2):
        for tenant, token in tokens.items():
            answer = await service.http.get(f"{service.url}/v1/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.json()["tenant"] == tenant
