"""What every family is asked. A case returns its cell of the table, and fails where the outcome is not documented."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.conformance.server import broken_off, ended_early, failing_midway, nonsense, refusing, saying
from tests.conformance.talk import Reply, Talk
from tests.conformance.wires.wire import Refusal, Said, vector

YES = "yes"
TEXTS = ["leave", "travel costs"]
NONE = "none"  # the family has no such answer
PARAMETERS = {"type": "object", "properties": {"day": {"type": "integer"}}, "required": ["day"]}
TOOLS = [
    {"type": "function", "function": {"name": "look_up", "description": "Looks up a day", "parameters": PARAMETERS}}
]
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}
Case = Callable[[Talk], Awaitable[str]]


async def answers(talk: Talk) -> str:
    reply = await talk.ask(saying(Said("Hello wörld")))
    assert (reply.status, reply.message["content"], reply.finish) == (200, "Hello wörld", "stop")
    assert reply.ended
    assert reply.receipt["deployment"] == talk.family.name
    assert talk.server.asked[-1].user == "Hello there"
    limited = await talk.ask(saying(Said("Hello", finish="length")), max_tokens=77)
    assert (limited.finish, talk.server.asked[-1].limit) == ("length", 77)
    return YES


async def counts(talk: Talk) -> str:
    """A dollar for a million tokens read, two for a million written: every file in config/ says so."""
    receipt = (await talk.ask(saying(Said("Hello", tokens=(1_000, 500))))).receipt
    assert (receipt["input_tokens"], receipt["output_tokens"], receipt["estimated"]) == (1_000, 500, False)
    assert receipt["cost_usd"] == 0.002
    return YES


async def calls_tool(talk: Talk) -> str:
    reply = await talk.ask(saying(Said(tool=("look_up", {"day": 1}), finish="tool_calls")), tools=TOOLS)
    if unsupported(reply):
        return refused(reply)
    (call,) = reply.message["tool_calls"]
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("look_up", {"day": 1})
    assert (bool(call["id"]), reply.finish, reply.ended) == (True, "tool_calls", True)
    assert talk.server.asked[-1].tools == ("look_up",)
    return YES


async def takes_tool_result(talk: Talk) -> str:
    call = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"day": 1}'}}
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "What is on day 1?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "It rains"},
    ]
    reply = await talk.ask(saying(Said("Rain")), messages=messages, tools=TOOLS)
    if unsupported(reply):
        return refused(reply)
    assert reply.message["content"] == "Rain"
    ((_, text),) = talk.server.asked[-1].tool_results
    assert "It rains" in text
    return YES


async def keeps_to_schema(talk: Talk) -> str:
    shape = {"type": "json_schema", "json_schema": {"name": "place", "schema": CITY, "strict": True}}
    reply = await talk.ask(saying(Said('{"city": "Oslo"}')), response_format=shape)
    if unsupported(reply):
        return refused(reply)
    assert json.loads(reply.message["content"]) == {"city": "Oslo"}
    assert (reply.message.get("tool_calls"), reply.finish, reply.ended) == (None, "stop", True)
    schema = talk.server.asked[-1].schema
    assert schema
    assert "city" in schema["properties"]
    return "yes, by a tool" if talk.server.asked[-1].schema_tool else YES


async def embeds(talk: Talk) -> str:
    """Of two texts, in their order. Numbers that a provider does not count are estimated, and the receipt says so."""
    if not talk.family.embeds:
        return NONE
    body = await talk.embed(TEXTS)
    assert [one["embedding"] for one in body["data"]] == [vector(text) for text in TEXTS]
    receipt = body["receipt"]
    assert receipt["deployment"] == talk.family.embeds
    assert (receipt["estimated"] or receipt["input_tokens"] == 9, receipt["output_tokens"]) == (True, 0)
    return "yes, counted by us" if receipt["estimated"] else YES


# Values that nothing else in a request has; of the last three the request must look different.
FIELDS: dict[str, Any] = {
    "temperature": 0.25,
    "top_p": 0.75,
    "stop": ["END-4711"],
    "seed": 4711,
    "presence_penalty": 0.375,
    "frequency_penalty": 0.625,
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "response_format": {"type": "json_object"},
}


async def passes_fields_on(talk: Talk) -> str:
    """Each field of a request arrives, or is refused by its name; none is left out without a word."""
    await talk.ask(tools=TOOLS)
    plain, refusals = talk.server.received[-1].body, []
    for name, value in FIELDS.items():
        count = len(talk.server.received)
        reply = await talk.ask(tools=TOOLS, **{name: value})
        if reply.status == 400:
            assert refused(reply) == f"no: 400, `{name}`"
            assert len(talk.server.received) == count
            refusals.append(f"`{name}`")
        else:
            assert arrived(value, plain, talk.server.received[-1].body), f"{name} was left out"
    return f"no: 400, {', '.join(refusals)}" if refusals else "all"


def arrived(value: Any, before: Any, body: Any) -> bool:
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f": {value}" in json.dumps(body)
    return "END-4711" in json.dumps(body) if isinstance(value, list) else bool(before != body)


async def filters(talk: Talk) -> str:
    for form in talk.server.wire.filtered:
        reply = await talk.ask(refusing(form) if isinstance(form, Refusal) else saying(form))
        if reply.status == 200:
            assert reply.finish == "content_filter" or reply.message.get("refusal")
            assert reply.ended
        else:
            assert reply.outcome == (400, "content_filter")
    return YES if talk.server.wire.filtered else NONE


def told(case: str, status: int, code: str) -> Case:
    async def refuses(talk: Talk) -> str:
        refusal = talk.server.wire.refusals[case]
        if refusal is None:
            return NONE
        reply = await talk.ask(refusing(refusal))
        assert reply.outcome == (status, code)
        if status == 503:
            assert reply.headers["retry-after"] == str(refusal.seconds or 5)
        await recovers(talk)
        return YES

    return refuses


async def answers_nonsense(talk: Talk) -> str:
    reply = await talk.ask(nonsense)
    assert reply.outcome == (502, "upstream_invalid")
    await recovers(talk)
    return YES


async def breaks_off(talk: Talk) -> str:
    """By a connection that is lost and by an end that is none: half an answer is never passed off as a whole one."""
    for scene in (broken_off, ended_early):
        half_told(await talk.ask(scene), 502, "upstream_invalid", talk.streamed)
        await recovers(talk)
    return YES


async def fails_midway(talk: Talk) -> str:
    if talk.server.wire.fault_mid_stream is None:
        return NONE
    if not talk.streamed:
        return YES
    half_told(await talk.ask(failing_midway), 503, "upstream_unavailable", streamed=True)
    await recovers(talk)
    return YES


def half_told(reply: Reply, status: int, code: str, streamed: bool) -> None:
    """As an event in a stream that has begun, else by the status."""
    assert not reply.ended
    assert reply.outcome in ((status, code), (200 if streamed else status, code))


async def recovers(talk: Talk) -> None:
    assert (await talk.ask()).message["content"] == "Hello world"


def unsupported(reply: Reply) -> bool:
    return reply.status == 400


def refused(reply: Reply) -> str:
    assert reply.error
    assert reply.error["code"] == "invalid_request"
    assert reply.error["param"]
    return f"no: 400, `{reply.error['param']}`"


CASES: dict[str, Case] = {
    "answer": answers,
    "usage and cost": counts,
    "tool call": calls_tool,
    "tool result": takes_tool_result,
    "JSON schema": keeps_to_schema,
    "embeddings": embeds,
    "other fields": passes_fields_on,
    "refusal or filter": filters,
    "too long": told("too long", 400, "context_length_exceeded"),
    "bad key": told("bad key", 502, "upstream_invalid"),
    "rate limit": told("rate limit", 503, "upstream_unavailable"),
    "server error": told("server error", 503, "upstream_unavailable"),
    "nonsense": answers_nonsense,
    "broken off": breaks_off,
    "error midway": fails_midway,
}
