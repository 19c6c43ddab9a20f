"""Anthropic's wire format: messages, plain and streamed."""

import json
from collections.abc import Iterator
from typing import Any

from local.model_server.answers import Answer, Question

JSON = dict[str, Any]

NAME = "anthropic"
END = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
EMPTY: JSON = {"content": []}
NULL: JSON = {"content": None}
STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
ERRORS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def read(body: JSON) -> Question:
    turns = [(message["role"], *_texts(message["content"])) for message in body["messages"]]
    instructions, _ = _texts(body.get("system") or "")
    shape = body.get("output_format") or (body.get("output_config") or {}).get("format") or {}
    choice = body.get("tool_choice") or {}
    tools = {tool["name"]: tool.get("input_schema") or {} for tool in body.get("tools") or ()}
    return Question(
        model=body["model"],
        instructions=instructions,
        asked=next((text for role, text, _ in reversed(turns) if role == "user" and text), ""),
        characters=len(instructions) + sum(len(text) + len(result or "") for _, text, result in turns),
        tool_result=turns[-1][2],
        tools={} if choice.get("type") == "none" else tools,
        forced_tool=choice.get("name"),
        schema=shape.get("schema"),
        max_tokens=body["max_tokens"],
        stream=bool(body.get("stream")),
    )


def _texts(content: str | list[JSON]) -> tuple[str, str | None]:
    """The message's text, and the result of a tool."""
    if isinstance(content, str):
        return content, None
    said = "\n".join(part["text"] for part in content if part["type"] == "text")
    results = [_texts(part.get("content") or "")[0] for part in content if part["type"] == "tool_result"]
    return said, "\n".join(results) if results else None


def plain(question: Question, answer: Answer) -> JSON:
    content: list[JSON] = [{"type": "text", "text": answer.text}] if answer.text else []
    if answer.tool:
        content.append({**_tool_use(answer.tool[0]), "input": json.loads(answer.tool[1])})
    stop = STOP_REASONS.get(answer.finish or "")
    return _envelope(question) | {"content": content, "stop_reason": stop} | _usage(answer)


def events(question: Question, answer: Answer) -> Iterator[bytes]:
    started = _usage(answer, said=1)
    yield frame({"type": "message_start", "message": _envelope(question) | started})
    opening = _tool_use(answer.tool[0]) if answer.tool else {"type": "text", "text": ""}
    yield frame({"type": "content_block_start", "index": 0, "content_block": opening})
    deltas: list[JSON] = [{"type": "text_delta", "text": piece} for piece in answer.pieces()]
    if answer.tool:
        deltas.append({"type": "input_json_delta", "partial_json": answer.tool[1]})
    for delta in deltas:
        yield frame({"type": "content_block_delta", "index": 0, "delta": delta})
    yield frame({"type": "content_block_stop", "index": 0})
    stop = {"stop_reason": STOP_REASONS.get(answer.finish or ""), "stop_sequence": None}
    yield frame({"type": "message_delta", "delta": stop} | _usage(answer))
    yield END


def frame(payload: JSON) -> bytes:
    return f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n".encode()


def error(status: int, _kind: str, message: str) -> JSON:
    sort = ERRORS.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return {"type": "error", "error": {"type": sort, "message": message}}


def _envelope(question: Question) -> JSON:
    role = {"id": "msg_local", "type": "message", "role": "assistant", "model": question.model}
    return role | {"content": [], "stop_reason": None, "stop_sequence": None}


def _tool_use(name: str) -> JSON:
    return {"type": "tool_use", "id": "toolu_local", "name": name, "input": {}}


def _usage(answer: Answer, said: Any = None) -> JSON:
    if answer.tokens is None:
        return {}
    return {"usage": {"input_tokens": answer.tokens[0], "output_tokens": said or answer.tokens[1]}}
