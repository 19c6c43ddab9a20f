"""GET /v1/usage: of the tenant for who may see it, else of the caller alone."""

from typing import Any

import httpx2
import pytest

from tests.service import Service


async def usage(service: Service, who: str, **query: Any) -> httpx2.Response:
    return await service.http.get(f"{service.url}/v1/usage", params=query, headers=service.headers(who))


@pytest.fixture
async def used(service: Service) -> Service:
    await service.ask()
    await service.ask(who="grace")
    eve = {"Authorization": f"Bearer {service.issuer.token('eve', tenant='globex')}"}
    await service.ask(who="eve", headers=eve)
    return service


async def test_who_has_the_permission_sees_the_tenant_and_no_other(used: Service) -> None:
    rows = (await usage(used, "olga", by="tenant,user")).json()["data"]
    assert [(row["tenant"], row["user"], row["calls"]) for row in rows] == [("acme", "ada", 1), ("acme", "grace", 1)]
    assert all(row["cost_micro_usd"] > 0 and row["input_tokens"] > 0 for row in rows)
    assert (await usage(used, "olga", by="user", user="eve", tenant="globex")).json()["data"] == []


async def test_who_has_it_not_sees_her_own_only(used: Service) -> None:
    rows = (await usage(used, "ada", by="user,deployment")).json()["data"]
    assert [(row["user"], row["deployment"]) for row in rows] == [("ada", "first")]
    refused = await usage(used, "ada", user="grace")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "permission_denied")
    assert (await used.http.get(f"{used.url}/v1/usage")).status_code == 401


async def test_usage_comes_as_csv_too(used: Service) -> None:
    answer = await usage(used, "olga", by="user", format="csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.splitlines()[0] == "user,calls,input_tokens,output_tokens,cost_micro_usd"
    assert answer.text.splitlines()[1].startswith("ada,1,")


async def test_usage_comes_as_a_table_too(used: Service) -> None:
    answer = await usage(used, "olga", by="day,user,route,deployment", format="table")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text.splitlines()[0].split()[:5] == ["day", "user", "route", "deployment", "calls"]
    assert answer.text.splitlines()[1].split()[1:5] == ["ada", "assistant", "first", "1"]


@pytest.mark.parametrize(
    ("name", "value"), [("by", "subject"), ("by", ""), ("since", "yesterday"), ("format", "xml"), ("user", "\0")]
)
async def test_what_makes_no_sense_is_named(service: Service, name: str, value: str) -> None:
    refused = await usage(service, "olga", **{name: value})
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, name)
