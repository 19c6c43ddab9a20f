"""OpenAI's wire format of chat completions, plain and streamed."""

import json
from collections.abc import Iterator
from typing import Any

from local.model_server.answers import Answer, Question

JSON = dict[str, Any]

NAME = "openai"
END = b"data: [DONE]\n\n"
EMPTY: JSON = {"choices": []}
NULL: JSON = {"choices": [{"index": 0, "message": None, "delta": None, "finish_reason": "stop"}]}


def read(body: JSON) -> Question:
    messages = body["messages"]
    texts = [(message["role"], _text(message.get("content"))) for message in messages]
    shape = body.get("response_format") or {}
    by_mode = {"json_schema": shape.get("json_schema", {}).get("schema"), "json_object": {"type": "object"}}
    functions = [tool["function"] for tool in body.get("tools") or ()]
    tools = {function["name"]: function.get("parameters") or {} for function in functions}
    choice = body.get("tool_choice")
    return Question(
        model=body["model"],
        instructions="\n".join(text for role, text in texts if role in {"system", "developer"}),
        asked=next((text for role, text in reversed(texts) if role == "user"), ""),
        characters=sum(len(text) for _, text in texts),
        tool_result=texts[-1][1] if texts[-1][0] == "tool" else None,
        tools={} if choice == "none" else tools,
        forced_tool=choice["function"]["name"] if isinstance(choice, dict) else None,
        schema=by_mode.get(shape.get("type", "text")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        stream=bool(body.get("stream")),
        usage_wanted=bool((body.get("stream_options") or {}).get("include_usage")),
    )


def _text(content: str | list[JSON] | None) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content)
    return content or ""


def plain(question: Question, answer: Answer) -> JSON:
    message: JSON = {"role": "assistant", "content": answer.text or None}
    if answer.tool:
        message["tool_calls"] = [_tool_call(*answer.tool)]
    body = _envelope(question, "chat.completion")
    body["choices"] = [{"index": 0, "message": message, "finish_reason": answer.finish}]
    return body | _usage(answer)


def events(question: Question, answer: Answer) -> Iterator[bytes]:
    envelope = _envelope(question, "chat.completion.chunk")

    def chunk(delta: JSON, finish: str | None = None) -> bytes:
        return frame(envelope | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

    yield chunk({"role": "assistant", "content": ""})
    for piece in answer.pieces():
        yield chunk({"content": piece})
    if answer.tool:
        name, arguments = answer.tool
        yield chunk({"tool_calls": [{"index": 0, **_tool_call(name, "")}]})
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]})
    yield chunk({}, answer.finish)
    if question.usage_wanted and answer.tokens:
        yield frame(envelope | {"choices": []} | _usage(answer))
    yield END


def frame(payload: JSON) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def error(status: int, kind: str, message: str) -> JSON:
    sort = "server_error" if status >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": sort, "param": None, "code": kind}}


def _envelope(question: Question, kind: str) -> JSON:
    return {"id": "chatcmpl-local", "object": kind, "created": 1_700_000_000, "model": question.model}


def _tool_call(name: str, arguments: str) -> JSON:
    return {"id": "call_local", "type": "function", "function": {"name": name, "arguments": arguments}}


def _usage(answer: Answer) -> JSON:
    if answer.tokens is None:
        return {}
    asked, said = answer.tokens
    total = asked + said if isinstance(asked, int) else asked
    return {"usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": total}}
