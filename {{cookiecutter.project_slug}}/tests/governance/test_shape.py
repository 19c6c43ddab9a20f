"""What an answer has to be, and that nobody waits for an answer's check."""

import asyncio
import json
import time
from typing import Any

import pytest

from {{ cookiecutter.package_name }}.errors import InvalidRequest, UpstreamInvalid
from {{ cookiecutter.package_name }}.gateway import ResponseFormat
from {{ cookiecutter.package_name }}.governance.shape import Shape, shape_of

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "pattern": "^[A-Z][a-z]+$"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "additionalProperties": False}
    },
    "$ref": "#/$defs/node",
}


async def wanted(schema: Any) -> Shape:
    said = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return await shape_of(ResponseFormat.model_validate(said))


async def fits(shape: Shape, answer: str, finish: str | None = "stop", **message: Any) -> bool:
    shape.hear({"content": answer, **message}, finish)
    try:
        await shape.demand()
    except UpstreamInvalid:
        return False
    return True


@pytest.mark.parametrize(
    ("schema", "answer", "expected"),
    [
        (PERSON, '{"name": "Ada", "age": 36}', True),
        (PERSON, ' {"name": "Ada"}\n', True),
        (PERSON, '{"name": "ada"}', False),
        (PERSON, '{"name": "Ada", "age": -1}', False),
        (PERSON, '{"name": "Ada", "role": "x"}', False),
        (PERSON, "{}", False),
        (PERSON, '```json\n{"name": "Ada"}\n```', False),
        (PERSON, '{"name": "Ada"', False),
        (PERSON, "", False),
        (PERSON | {"$schema": "http://json-schema.org/draft-07/schema#"}, '{"name": "Ada"}', True),
        (TREE, '{"next": {"next": {}}}', True),
        (TREE, '{"next": {"next": 1}}', False),
        (TREE, '{"next": ' * 500 + "{}" + "}" * 500, False),
        ({"type": "array", "uniqueItems": True}, "[[1], [2], {}]", True),
        ({"type": "array", "uniqueItems": True}, '[{"a": 1, "b": 2}, {"b": 2, "a": 1}]', False),
        ({"enum": ["yes", "no"]}, '"no"', True),
        ({"properties": {"pattern": {"type": "string"}, "$ref": {"type": "string"}}}, '{"pattern": "("}', True),
        ({"const": {"pattern": "(", "$ref": "http://x/y"}}, '{"pattern": "(", "$ref": "http://x/y"}', True),
        ({}, "NaN", False),
        ({}, "null", True),
    ],
)
async def test_an_answer_fits_or_it_does_not(schema: Any, answer: str, expected: bool) -> None:
    assert await fits(await wanted(schema), answer) is expected


@pytest.mark.parametrize(("answer", "expected"), [("{}", True), ("[]", False), ("text", False), ('"{}"', False)])
async def test_json_object_wants_an_object(answer: str, expected: bool) -> None:
    assert await fits(await shape_of(ResponseFormat(type="json_object")), answer) is expected


@pytest.mark.parametrize("wanted", [None, ResponseFormat(type="text")])
async def test_text_may_be_anything(wanted: ResponseFormat | None) -> None:
    assert await fits(await shape_of(wanted), "anything")


async def test_pieces_are_heard_as_one() -> None:
    shape = await wanted(PERSON)
    for piece in ('{"na', 'me": ', '"Ada"}'):
        shape.hear({"content": piece}, None)
    assert await fits(shape, "")


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_an_answer_that_was_ended_says_so_itself(finish: str) -> None:
    assert await fits(await wanted(PERSON), '{"name"', finish)


async def test_a_refusal_and_a_tool_s_call_are_no_misfit() -> None:
    assert await fits(await wanted(PERSON), "", refusal="I may not say.")
    assert await fits(await wanted(PERSON), "", tool_calls=[{"id": "1"}])


def doubling(steps: int) -> dict[str, Any]:
    """Small, and 2 to the power of `steps` checks of one value."""
    parts: dict[str, Any] = {"a0": {"type": ["null", "object", "string", "array"]}}
    for step in range(1, steps + 1):
        parts[f"a{step}"] = {"allOf": [{"$ref": f"#/$defs/a{step - 1}"}] * 2}
    return {"$defs": parts, "$ref": f"#/$defs/a{steps}"}


def deep(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "objekt"}, "is none at 'type'"),
        ({"properties": []}, "is none at 'properties'"),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, "nothing is fetched"),
        ({"items": {"$ref": "file:///etc/passwd"}}, "nothing is fetched"),
        ({"$ref": "#/$defs/none"}, "not in it"),
        ({"$ref": "#"}, "without an end"),
        (doubling(40), "without an end"),
        ({"$defs": doubling(40)["$defs"], "items": {"$ref": "#/$defs/a40"}}, None),
        (deep(400), "too deep"),
        ({"description": "x" * 70_000}, "is longer than"),
        ({"$schema": "http://example.com/my-own"}, "$schema"),
        ({"pattern": "(?=a)b"}, "pattern"),
        ({"properties": {"a": {"pattern": r"(a)\\1"}}}, None),
        ({"properties": {"a": {"pattern": r"(a)\1"}}}, "pattern"),
        ({"anyOf": [{"pattern": r"(?:\w{1,99}){1,99}"}]}, "pattern"),
        ({"patternProperties": {"^a": {}}}, "patternProperties"),
        ({"unevaluatedProperties": False}, "unevaluatedProperties"),
    ],
)
async def test_a_schema_that_cannot_be_checked_is_refused_by_its_name(schema: Any, reason: str | None) -> None:
    if reason is None:
        await wanted(schema)
        return
    with pytest.raises(InvalidRequest) as refused:
        await wanted(schema)
    assert reason in refused.value.message
    assert refused.value.param == "response_format.json_schema.schema"


COSTLY = {
    "references that double": ({"$defs": doubling(40)["$defs"], "items": {"$ref": "#/$defs/a40"}}, "[null]"),
    "a pattern that backtracks": ({"pattern": "^(a+)+$"}, json.dumps("a" * 50_000 + "!")),
    "items, each with each": (
        {"type": "array", "uniqueItems": True},
        json.dumps([{"a": number} for number in range(20_000)] + [{"a": 0}]),
    ),
    "many alternatives": (
        {"items": {"anyOf": [{"const": number} for number in range(1000)]}},
        json.dumps(["x"] * 5_000),
    ),
    "long enumerations": ({"items": {"enum": list(range(5000))}}, json.dumps(["x"] * 50_000)),
    "items of everything": ({"allOf": [{"items": True}] * 2000}, json.dumps([0] * 200_000)),
}


@pytest.mark.parametrize(("schema", "answer"), COSTLY.values(), ids=COSTLY)
async def test_a_costly_check_ends_and_others_are_served_meanwhile(schema: Any, answer: str) -> None:
    shape, turns = await wanted(schema), 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    served = asyncio.ensure_future(others())
    begun = time.process_time()
    assert not await fits(shape, answer)
    served.cancel()
    assert turns
    assert time.process_time() - begun < 10  # seconds of work, however busy the machine is; without a bound, for ever
