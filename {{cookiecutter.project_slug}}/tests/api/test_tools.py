"""Tools that the caller runs: the model's call comes out, the caller's result goes in."""

import json
from typing import Any

from openai import AsyncOpenAI

from tests.api.test_completions import events
from tests.service import Service

QUESTION = {"role": "user", "content": "Please use find_colleague to look up Grace."}
FUNCTION = {
    "name": "find_colleague",
    "description": "Finds somebody by name.",
    "parameters": {
        "type": "object",
        "required": ["query"],
        "properties": {"query": {"type": "string"}},
        "additionalProperties": False,
    },
    "strict": True,
}
TOOLS: Any = [{"type": "function", "function": FUNCTION}]


def called(parts: list[Any]) -> tuple[dict[str, Any], str]:
    """A streamed call put together as clients do it, and the finish reason."""
    call: dict[str, Any] = {"id": None, "name": "", "arguments": ""}
    for part in parts[:-1]:
        for piece in part["choices"][0]["delta"].get("tool_calls") or ():
            assert piece["index"] == 0
            call["id"] = call["id"] or piece.get("id")
            call["name"] += piece["function"].get("name") or ""
            call["arguments"] += piece["function"].get("arguments") or ""
    return call, parts[-2]["choices"][0]["finish_reason"]


async def test_a_call_comes_out_and_its_result_goes_in(adapted: Service) -> None:
    first = (await adapted.ask(messages=[QUESTION], tools=TOOLS)).json()["choices"][0]
    assert first["finish_reason"] == "tool_calls"
    (call,) = first["message"]["tool_calls"]
    assert (call["type"], call["function"]["name"]) == ("function", "find_colleague")
    assert "query" in json.loads(call["function"]["arguments"])
    result = {"role": "tool", "tool_call_id": call["id"], "content": '{"desk": "4.11"}'}
    again = await adapted.ask(messages=[QUESTION, first["message"], result], tools=TOOLS)
    last = again.json()["choices"][0]
    assert last["finish_reason"] == "stop"
    assert "desk: 4.11" in last["message"]["content"]
    assert [one["finish_reason"] for one in adapted.records("finished")] == ["tool_calls", "stop"]


async def test_a_streamed_call_can_be_put_together_and_answered(adapted: Service) -> None:
    parts = events(await adapted.ask(messages=[QUESTION], tools=TOOLS, stream=True))
    assert parts[-1] == "[DONE]"
    call, finish = called(parts)
    assert (call["name"], finish) == ("find_colleague", "tool_calls")
    assert call["id"]
    assert "query" in json.loads(call["arguments"])
    said = {"role": "assistant", "content": None}
    function = {"name": call["name"], "arguments": call["arguments"]}
    asked = said | {"tool_calls": [{"id": call["id"], "type": "function", "function": function}]}
    result = {"role": "tool", "tool_call_id": call["id"], "content": '{"desk": "4.11"}'}
    parts = events(await adapted.ask(messages=[QUESTION, asked, result], tools=TOOLS, stream=True))
    assert "desk: 4.11" in "".join(part["choices"][0]["delta"].get("content") or "" for part in parts[:-1])


async def test_the_official_client_streams_a_call(adapted: Service) -> None:
    async with AsyncOpenAI(base_url=f"{adapted.url}/v1", api_key=adapted.issuer.token()) as client:
        question: Any = [QUESTION]
        async with client.chat.completions.stream(model="assistant", messages=question, tools=TOOLS) as stream:
            found = await stream.get_final_completion()
    assert found.choices[0].message.tool_calls
    (call,) = found.choices[0].message.tool_calls
    assert call.function.name == "find_colleague"
    assert json.loads(call.function.arguments)


async def test_a_tool_that_must_not_be_called_is_not(adapted: Service) -> None:
    answer = await adapted.ask(messages=[QUESTION], tools=TOOLS, tool_choice="none")
    assert answer.json()["choices"][0]["finish_reason"] == "stop"
