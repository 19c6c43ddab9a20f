"""The model server's good side: both wire formats, plain and streamed, and answers that come from the documents."""

import json
from typing import Any

from aiohttp import ClientSession
from openai import AsyncOpenAI

from local.stack import Stack
from tests.local.test_local_answers import HANDBOOK

TOOL = {
    "name": "find_colleague",
    "parameters": {
        "type": "object",
        "required": ["query"],
        "properties": {"query": {"type": "string"}, "limit": {"type": "integer"}},
    },
}


def openai_body(asked: str = "How many days of holiday do I have?", **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": HANDBOOK}, {"role": "user", "content": asked}]
    return {"model": "local-large", "messages": messages, **more}


def anthropic_body(asked: str = "How many days of holiday do I have?", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": [{"type": "text", "text": asked}]}]
    return {"model": "local-small", "max_tokens": 500, "system": HANDBOOK, "messages": messages, **more}


async def post(http: ClientSession, url: str, body: dict[str, Any]) -> dict[str, Any]:
    async with http.post(url, json=body) as reply:
        assert reply.status == 200, await reply.text()
        found: dict[str, Any] = await reply.json()
        return found


async def streamed(http: ClientSession, url: str, body: dict[str, Any]) -> list[Any]:
    async with http.post(url, json=body | {"stream": True}) as reply:
        assert reply.content_type == "text/event-stream"
        lines = (await reply.text()).splitlines()
    payloads = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    return [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]


async def test_openai_plain_answer_has_the_wire_shape(stack: Stack, http: ClientSession) -> None:
    body = await post(http, f"{stack.model_url}/v1/chat/completions", openai_body())
    choice = body["choices"][0]
    assert choice["message"]["content"].endswith("[Holidays]")
    assert choice["finish_reason"] == "stop"
    usage = body["usage"]
    assert usage["prompt_tokens"] == (len(HANDBOOK) + len("How many days of holiday do I have?")) // 4
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_openai_stream_says_the_same_and_ends_in_done(stack: Stack, http: ClientSession) -> None:
    url = f"{stack.model_url}/v1/chat/completions"
    whole = (await post(http, url, openai_body()))["choices"][0]["message"]["content"]
    *chunks, done = await streamed(http, url, openai_body())
    assert done == "[DONE]"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == whole
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks if chunk["choices"][0]["finish_reason"]] == [
        "stop"
    ]
    assert len(chunks) > 5
    assert not any("usage" in chunk for chunk in chunks)


async def test_openai_stream_has_usage_when_asked(stack: Stack, http: ClientSession) -> None:
    asked = openai_body(stream_options={"include_usage": True})
    *_, last, _ = await streamed(http, f"{stack.model_url}/v1/chat/completions", asked)
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] > 0


async def test_anthropic_plain_answer_has_the_wire_shape(stack: Stack, http: ClientSession) -> None:
    body = await post(http, f"{stack.model_url}/anthropic/v1/messages", anthropic_body())
    assert body["content"][0]["text"].endswith("[Holidays]")
    assert (body["type"], body["role"], body["stop_reason"]) == ("message", "assistant", "end_turn")
    assert body["usage"]["input_tokens"] > 1


async def test_anthropic_stream_says_the_same_in_its_events(stack: Stack, http: ClientSession) -> None:
    url = f"{stack.model_url}/anthropic/v1/messages"
    whole = (await post(http, url, anthropic_body()))["content"][0]["text"]
    events = await streamed(http, url, anthropic_body())
    kinds = list(dict.fromkeys(event["type"] for event in events))
    assert kinds == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    assert "".join(delta["text"] for delta in deltas) == whole
    assert events[-2]["delta"]["stop_reason"] == "end_turn"
    assert events[-2]["usage"]["output_tokens"] > 1


async def test_official_client_understands_plain_stream_models_and_embeddings(stack: Stack) -> None:
    async with AsyncOpenAI(base_url=f"{stack.model_url}/v1", api_key="any") as client:
        asked = openai_body()
        plain = await client.chat.completions.create(**asked)
        pieces = [
            chunk.choices[0].delta.content async for chunk in await client.chat.completions.create(**asked, stream=True)
        ]
        assert "".join(piece or "" for piece in pieces) == plain.choices[0].message.content
        assert "local-large" in [model.id async for model in client.models.list()]
        texts = ["holiday days", "days of holidays", "hotel"]
        one, near, far = (
            row.embedding for row in (await client.embeddings.create(model="local-embedding", input=texts)).data
        )
    assert sum(a * b for a, b in zip(one, near, strict=True)) > 0.9 > sum(a * b for a, b in zip(one, far, strict=True))


async def test_openai_tool_is_called_when_named_and_its_result_used(stack: Stack, http: ClientSession) -> None:
    url, asked = f"{stack.model_url}/v1/chat/completions", "Use find_colleague for Noor"
    body = openai_body(asked, tools=[{"type": "function", "function": TOOL}])
    choice = (await post(http, url, body))["choices"][0]
    call = choice["message"]["tool_calls"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == (TOOL["name"], {"query": asked})
    result = {"role": "tool", "tool_call_id": call["id"], "content": '{"desk_number": 12}'}
    body["messages"] += [choice["message"], result]
    assert "desk number: 12" in (await post(http, url, body))["choices"][0]["message"]["content"]


async def test_anthropic_tool_is_called_when_named_and_its_result_used(stack: Stack, http: ClientSession) -> None:
    url, asked = f"{stack.model_url}/anthropic/v1/messages", "Use find_colleague for Noor"
    tool = {"name": TOOL["name"], "input_schema": TOOL["parameters"]}
    body = anthropic_body(asked, tools=[tool])
    reply = await post(http, url, body)
    use = reply["content"][0]
    assert (reply["stop_reason"], use["input"]) == ("tool_use", {"query": asked})
    result = {"type": "tool_result", "tool_use_id": use["id"], "content": "Desk 12."}
    body["messages"] += [{"role": "assistant", "content": reply["content"]}, {"role": "user", "content": [result]}]
    assert "Desk 12." in (await post(http, url, body))["content"][0]["text"]


async def test_forced_tool_is_filled_with_the_answer(stack: Stack, http: ClientSession) -> None:
    forced = {"type": "tool", "name": TOOL["name"]}
    tool = {"name": TOOL["name"], "input_schema": TOOL["parameters"]}
    body = anthropic_body(tools=[tool], tool_choice=forced)
    use = (await post(http, f"{stack.model_url}/anthropic/v1/messages", body))["content"][0]
    assert use["input"]["query"].endswith("[Holidays]")


async def test_structured_output_satisfies_its_schema(stack: Stack, http: ClientSession) -> None:
    schema = {
        "type": "object",
        "required": ["answer", "days", "sure", "source"],
        "properties": {
            "answer": {"type": "string"},
            "days": {"type": "integer", "minimum": 1},
            "sure": {"type": ["boolean", "null"]},
            "source": {"$ref": "#/$defs/source"},
        },
        "$defs": {"source": {"enum": ["Travel", "Holidays"]}},
    }
    shape = {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}
    body = await post(http, f"{stack.model_url}/v1/chat/completions", openai_body(response_format=shape))
    found = json.loads(body["choices"][0]["message"]["content"])
    assert found["answer"].endswith("[Holidays]")
    assert (found["days"], found["sure"], found["source"]) == (1, False, "Holidays")


async def test_answer_that_is_too_long_is_cut_and_says_so(stack: Stack, http: ClientSession) -> None:
    body = await post(http, f"{stack.model_url}/v1/chat/completions", openai_body(max_tokens=3))
    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["completion_tokens"] == 3


async def test_counters_tell_calls_and_bytes_by_model(stack: Stack, http: ClientSession) -> None:
    await http.post(f"{stack.model_url}/control/reset")
    body = openai_body()
    await post(http, f"{stack.model_url}/v1/chat/completions", body)
    await post(http, f"{stack.model_url}/anthropic/v1/messages", anthropic_body())
    async with http.get(f"{stack.model_url}/control/stats") as reply:
        stats = await reply.json()
    assert stats["calls"] == 2
    assert stats["by_model"]["openai/local-large"] == {"calls": 1, "bytes": len(json.dumps(body))}
    assert stats["last"]["model"] == "local-small"
    assert stats["open"] == 0


async def test_nonsense_is_a_bad_request(stack: Stack, http: ClientSession) -> None:
    async with http.post(f"{stack.model_url}/v1/chat/completions", data=b"{") as reply:
        assert reply.status == 400
        assert "can't read this" in (await reply.json())["error"]["message"]
