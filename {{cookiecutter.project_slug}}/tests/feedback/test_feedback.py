"""POST /v1/feedback: whose answer, what is kept of it, and what nobody reads any more."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from {{ cookiecutter.package_name }}.cli import main
from {{ cookiecutter.package_name }}.feedback.ratings import ratings_table

from tests.issuer import AUDIENCE
from tests.service import Service, Surroundings, running_service

CONVERSATION = [
    {"role": "user", "content": "Where is ada@acme.example?"},
    {"role": "assistant", "content": "In the handbook."},
]


async def rate(service: Service, response_id: str, who: str = "ada", /, **fields: Any) -> httpx2.Response:
    body = {"response_id": response_id, "score": 1, **fields}
    return await service.http.post(f"{service.url}/v1/feedback", json=body, headers=service.headers(who))


async def answered(service: Service) -> str:
    return str((await service.ask()).json()["id"])


def kept(service: Service) -> list[dict[str, Any]]:
    with service.engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(ratings_table)).mappings()]


def command(service: Service, *words: str) -> Result:
    environment = {
        "OIDC_ISSUER": service.issuer.url,
        "OIDC_AUDIENCE": AUDIENCE,
        "DATABASE_URL": service.engine.url.render_as_string(hide_password=False),
        "AUDIT_CHECKPOINTS": str(service.checkpoints),
    }
    return CliRunner(env=environment).invoke(main, words)


async def test_nobody_rates_anonymously(service: Service) -> None:
    refused = await service.http.post(f"{service.url}/v1/feedback", json={"response_id": "x", "score": 1})
    assert refused.status_code == 401


async def test_a_rating_is_kept_recorded_and_holds_no_name(service: Service) -> None:
    response_id = await answered(service)
    given = await rate(service, response_id, score=0.25)
    assert given.status_code == 200
    assert given.json()["id"] == response_id.removeprefix("chatcmpl-")
    assert (given.json()["shared"], given.json()["data_class"]) == (False, "internal")
    (row,) = kept(service)
    assert (row["score"], row["model"], row["deployment"], row["sealed"]) == (0.25, "assistant", "first", None)
    assert "ada" not in row.values()
    (record,) = service.records("rated")
    assert (record["subject"], record["score_percent"], record["shared"]) == ("ada", 25, False)


async def test_an_answer_of_another_person_or_tenant_is_as_unknown_as_one_that_never_was(service: Service) -> None:
    response_id = await answered(service)
    eve = {"Authorization": f"Bearer {service.issuer.token('ada', tenant='globex')}"}
    body = {"response_id": response_id, "score": 1}
    bodies = []
    for refused in (
        await rate(service, response_id, "grace"),
        await service.http.post(f"{service.url}/v1/feedback", json=body, headers=eve),
        await rate(service, f"chatcmpl-{'0' * 32}"),
    ):
        assert refused.status_code == 404
        bodies.append({**refused.json()["error"], "request_id": None})
    assert bodies[0] == bodies[1] == bodies[2]
    assert kept(service) == []


async def test_a_call_that_was_not_answered_cannot_be_rated(service: Service) -> None:
    await service.upstream.fails_with("500")
    assert (await service.ask()).status_code == 503
    (started,) = service.records("started")
    assert (await rate(service, f"chatcmpl-{started['call_id']}")).status_code == 404


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"score": 1.5}, "score"),
        ({"score": -1}, "score"),
        ({"score": True}, "score"),
        ({"score": None}, "score"),
        ({"comment": "x" * 2001}, "comment"),
        ({"response_id": "chatcmpl-\0"}, "response_id"),
        ({"conversation": CONVERSATION[:1]}, None),
        ({"conversation": [{"role": "user", "content": "x" * 50_001}, CONVERSATION[1]]}, "conversation.0.content"),
        ({"user": "ada"}, "user"),
    ],
)
async def test_what_makes_no_sense_is_named(service: Service, fields: dict[str, Any], param: str | None) -> None:
    refused = await rate(service, await answered(service), **fields)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert "Value error" not in refused.json()["error"]["message"]


async def test_words_are_redacted_and_sealed_and_a_later_rating_takes_them_back(service: Service) -> None:
    response_id = await answered(service)
    comment = "Ask bob@acme.example instead"
    shared = await rate(service, response_id, comment=comment, conversation=CONVERSATION)
    assert shared.json()["shared"] is True
    assert b"acme.example" not in kept(service)[0]["sealed"]
    assert b"handbook" not in kept(service)[0]["sealed"]
    told = json.loads(command(service, "feedback", "show", shared.json()["id"]).stdout)
    assert told["words"]["comment"] == "Ask [email] instead"
    assert [turn["content"] for turn in told["words"]["conversation"]] == ["Where is [email]?", "In the handbook."]
    assert "ada" not in told.values()
    assert [record["feedback"] for record in service.records("disclosed")] == [told["id"]]

    await rate(service, response_id, score=0)
    (row,) = kept(service)
    assert (row["score"], row["sealed"]) == (0, None)
    assert "Nothing said in words" in command(service, "feedback", "show", told["id"]).stderr


async def test_words_in_another_rating_s_place_do_not_open(service: Service) -> None:
    first, second = [await rate(service, await answered(service), conversation=CONVERSATION) for _ in range(2)]
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("UPDATE feedback SET sealed = (SELECT sealed FROM feedback LIMIT 1)")
    shown = [command(service, "feedback", "show", one.json()["id"]).exit_code for one in (first, second)]
    assert sorted(shown) == [0, 1]


async def test_what_expired_is_not_read_and_expire_removes_it(service: Service) -> None:
    expired, young = [await rate(service, await answered(service), conversation=CONVERSATION) for _ in range(2)]
    this = ratings_table.c.call_id == expired.json()["id"]
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.execute(update(ratings_table).where(this).values(expires="2026-01-01T00:00:00.000000Z"))
    assert command(service, "feedback", "show", expired.json()["id"]).exit_code == 1
    assert "of 1 rating." in command(service, "feedback", "expire").stdout
    assert "of 0 ratings." in command(service, "feedback", "expire").stdout
    assert {row["call_id"]: bool(row["sealed"]) for row in kept(service)} == {
        expired.json()["id"]: False,
        young.json()["id"]: True,
    }
    assert [record["feedback"] for record in service.records("expired")] == [1]
    listed = json.loads(command(service, "feedback", "list", "--json").stdout)
    assert {row["call_id"]: bool(row["words"]) for row in listed} == {
        expired.json()["id"]: False,
        young.json()["id"]: True,
    }


async def test_the_trail_verifies_with_ratings_and_those_who_read_them(service: Service) -> None:
    given = await rate(service, await answered(service), conversation=CONVERSATION)
    command(service, "feedback", "show", given.json()["id"])
    listed = command(service, "feedback", "list")
    assert given.json()["id"] in listed.stdout
    assert "In the handbook" not in listed.stdout
    verified = command(service, "audit", "verify")
    assert (verified.exit_code, "verifies" in verified.stdout) == (0, True)


async def test_ratings_count_against_the_caller_s_limit(tmp_path: Path, around: Surroundings) -> None:
    limits = {"limits": {"employee": {"requests_per_minute": 2}}}
    async with running_service(tmp_path, around, changes={"policy": limits}) as service:
        response_id = await answered(service)
        assert (await rate(service, response_id)).status_code == 200
        assert (await rate(service, response_id)).status_code == 429


async def test_a_rating_that_cannot_be_recorded_is_not_kept(service: Service) -> None:
    response_id = await answered(service)
    with service.engine.execution_options(writes=True).begin() as connection:
        connection.exec_driver_sql("ALTER TABLE feedback RENAME TO away")
    assert (await rate(service, response_id)).json()["error"]["code"] == "audit_unavailable"
    assert service.records("rated") == []
