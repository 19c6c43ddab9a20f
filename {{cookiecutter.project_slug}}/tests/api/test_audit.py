"""GET /v1/audit: who may read, of whom, and how far."""

import base64
import json
from typing import Any

import httpx2
import pytest

from {{ cookiecutter.package_name }}.audit import AuditEvent, Kind, Trail

from tests.service import Service


async def search(service: Service, who: str = "olga", **query: Any) -> httpx2.Response:
    return await service.http.get(f"{service.url}/v1/audit", params=query, headers=service.headers(who))


async def records(service: Service, **query: Any) -> list[dict[str, Any]]:
    answer = await search(service, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def closed(place: bytes) -> str:
    return base64.urlsafe_b64encode(place).decode()


def write(service: Service, *events: AuditEvent) -> None:
    with service.engine.execution_options(writes=True).begin() as connection:
        Trail().write(connection, events)


async def test_who_may_not_read_is_refused_and_recorded(service: Service) -> None:
    assert (await service.http.get(f"{service.url}/v1/audit")).status_code == 401
    for who in ("ada", "sam", "nils"):
        refused = await search(service, who)
        assert refused.status_code == 403, refused.text
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
        assert service.records("refused")[-1]["subject"] == who


async def test_an_auditor_reads_her_own_tenant_and_no_other(service: Service) -> None:
    await service.ask()
    write(service, AuditEvent(Kind.STARTED, "f" * 32, "globex", "eve", "e" * 32))
    assert {one["tenant"] for one in await records(service)} == {"acme"}
    for query in ({"user": "eve"}, {"call": "f" * 32}, {"trace": "e" * 32}, {"tenant": "globex", "user": "eve"}):
        assert await records(service, **query) == []
    stranger = closed(json.dumps(["9999", "f" * 32, 0]).encode())
    assert {one["tenant"] for one in await records(service, cursor=stranger)} == {"acme"}


async def test_records_are_found_by_user_call_trace_and_time(service: Service) -> None:
    receipt = (await service.ask()).json()["receipt"]
    await service.ask(who="grace")
    assert {one["subject"] for one in await records(service, user="grace")} == {"grace"}
    assert [one["kind"] for one in await records(service, call=receipt["audit_id"])] == ["finished", "started"]
    assert {one["call_id"] for one in await records(service, trace=receipt["trace_id"])} == {receipt["audit_id"]}
    at = (await records(service, call=receipt["audit_id"]))[0]["at"]
    assert [one["call_id"] for one in await records(service, until=at)] == [receipt["audit_id"]]
    assert receipt["audit_id"] not in [one["call_id"] for one in (await records(service, since=at))[:-1]]
    assert await records(service, since="2999-01-01") == []


async def test_pages_hold_every_record_once(service: Service) -> None:
    write(service, *(AuditEvent(Kind.STARTED, f"{number:032x}", "acme", "ada") for number in range(25)))
    found, cursor = [], None
    while True:
        answer = (await search(service, limit=7, **({"cursor": cursor} if cursor else {}))).json()
        found += [one["call_id"] for one in answer["data"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(set(found)) == 25


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("limit", value) for value in ("0", "-1", "201", "1000000000", "x")),
        *(("cursor", value) for value in ("x", "e30=", "\u00e9", closed(b'["\\u0000", "x", 1]'))),
        *(("since", value) for value in ("yesterday", "2026-01-01' OR 1=1", "2026-01-01T00:00:00+01:00")),
        ("user", "\0"),
        ("user", "x" * 256),
    ],
)
async def test_what_makes_no_sense_is_named(service: Service, name: str, value: str) -> None:
    refused = await search(service, **{name: value})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, name)


async def test_the_trail_cannot_be_written_by_http(service: Service) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        answer = await service.http.request(method, f"{service.url}/v1/audit", headers=service.headers("olga"))
        assert answer.status_code == 405


async def test_a_trail_that_cannot_be_read_is_503(service: Service) -> None:
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit RENAME TO away")
    assert (await search(service)).json()["error"]["code"] == "audit_unavailable"
