"""JSON that is asked for is JSON that is given, or an error."""

import json
from typing import Any

import pytest
from openai import AsyncOpenAI
from pydantic import BaseModel

from tests.api.test_completions import events
from tests.service import Service


class Leave(BaseModel):
    summary: str
    days: int
    carried_over: bool


def wanted(schema: Any = None, **more: Any) -> dict[str, Any]:
    described = {"name": "leave", "schema": Leave.model_json_schema() if schema is None else schema, **more}
    return {"type": "json_schema", "json_schema": described}


def text(parts: list[Any]) -> str:
    chunks = [part for part in parts if part != "[DONE]" and "choices" in part]
    return "".join(chunk["choices"][0]["delta"].get("content") or "" for chunk in chunks)


async def test_an_answer_that_fits_is_given_plain_and_streamed(adapted: Service) -> None:
    answer = await adapted.ask("How many days?", response_format=wanted())
    assert Leave.model_validate_json(answer.json()["choices"][0]["message"]["content"])
    parts = events(await adapted.ask("How many days?", response_format=wanted(), stream=True))
    assert parts[-1] == "[DONE]"
    assert Leave.model_validate_json(text(parts))


async def test_an_answer_that_does_not_fit_is_a_502_on_the_trail_and_paid(adapted: Service) -> None:
    await adapted.upstream.fails_with("prose")
    answer = await adapted.ask("How many days?", response_format=wanted())
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (502, "upstream_invalid")
    assert "response_format" in error["message"]
    (finished,) = adapted.records("finished")
    assert (finished["outcome"], finished["finish_reason"]) == ("upstream_invalid", "stop")
    assert [one["outcome"] for one in finished["attempts"]] == ["answered"]
    assert finished["cost_micro_usd"] > 0


async def test_a_stream_that_does_not_fit_ends_with_an_error_and_without_done(adapted: Service) -> None:
    await adapted.upstream.fails_with("prose")
    parts = events(await adapted.ask("How many days?", response_format=wanted(), stream=True))
    assert text(parts[:-1])
    assert parts[-1]["error"]["code"] == "upstream_invalid"
    assert not any("receipt" in part or part["choices"][0]["finish_reason"] for part in parts[:-1])
    assert adapted.records("finished")[-1]["outcome"] == "upstream_invalid"


async def test_any_object_will_do_for_json_object(service: Service) -> None:
    answer = await service.ask("How many days?", response_format={"type": "json_object"})
    assert isinstance(json.loads(answer.json()["choices"][0]["message"]["content"]), dict)
    await service.upstream.fails_with("prose")
    assert (await service.ask("How many days?", response_format={"type": "json_object"})).status_code == 502


async def test_an_answer_that_was_cut_by_its_limit_says_length(service: Service) -> None:
    answer = await service.ask("How many days of leave are there in a year?", response_format=wanted(), max_tokens=3)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("described", "param"),
    [
        (wanted([]), "response_format.json_schema.schema"),
        (wanted({"type": "objekt"}), "response_format.json_schema.schema"),
        (wanted({"$ref": "http://127.0.0.1:9/x"}), "response_format.json_schema.schema"),
        (wanted(name="no name"), "response_format.json_schema.name"),
        ({"type": "json_schema"}, "response_format"),
        ({"type": "text", "json_schema": {"name": "x"}}, "response_format"),
        ({"type": "xml"}, "response_format.type"),
    ],
)
async def test_a_schema_that_is_none_is_named_and_nothing_is_sent(service: Service, described: Any, param: str) -> None:
    for stream in (False, True):
        answer = await service.ask(response_format=described, stream=stream)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert (await service.upstream.stats())["calls"] == 0
    assert service.records("started") == []


async def test_the_official_client_gets_what_it_described(service: Service) -> None:
    question: Any = [{"role": "user", "content": "How many days?"}]
    async with AsyncOpenAI(base_url=f"{service.url}/v1", api_key=service.issuer.token()) as client:
        found = await client.chat.completions.parse(model="assistant", messages=question, response_format=Leave)
    assert found.choices[0].message.parsed
