"""Anthropic's messages: https://docs.anthropic.com/en/api/messages, version 2023-06-01."""

import json
from collections.abc import Mapping
from typing import Any

from tests.conformance.wires.wire import JSON, SECRET, Asked, Received, Refusal, Said, demand, only

_FIELDS = {
    *("model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "stop_sequences"),
    *("tools", "tool_choice", "metadata", "thinking", "service_tier", "output_format", "output_config", "container"),
}
_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "content_filter": "refusal", None: None}


def _error(kind: str, message: str) -> JSON:
    return {"type": "error", "error": {"type": kind, "message": f"{message} {SECRET}"}, "request_id": "req_1"}


def _event(data: JSON) -> bytes:
    return f"event: {data['type']}\ndata: {json.dumps(data)}\n\n".encode()


class AnthropicWire:
    stream_type = "text/event-stream"
    refusals: Mapping[str, Refusal | None] = {
        "too long": Refusal(400, _error("invalid_request_error", "prompt is too long: 214530 tokens > 200000 maximum")),
        "bad key": Refusal(401, _error("authentication_error", "invalid x-api-key")),
        "rate limit": Refusal(429, _error("rate_limit_error", "Number of requests exceeded."), {"retry-after": "7"}, 7),
        "server error": Refusal(529, _error("overloaded_error", "Overloaded")),
    }
    filtered: tuple[Said | Refusal, ...] = (Said("Well", finish="content_filter"),)
    fault_mid_stream: bytes | None = _event(_error("overloaded_error", "Overloaded"))

    def read(self, received: Received) -> Asked:
        body = received.body
        demand(received.path == "/v1/messages", f"{received.path} is not /v1/messages")
        demand(received.headers.get("x-api-key") == "our-key", "no x-api-key")
        demand("anthropic-version" in received.headers, "no anthropic-version")
        demand(isinstance(body.get("max_tokens"), int), "no max_tokens")
        only(body, _FIELDS)
        blocks = [(message["role"], block) for message in body["messages"] for block in _blocks(message["content"])]
        demand({role for role, _ in blocks} <= {"user", "assistant"}, "a role")
        choice = body.get("tool_choice") or {}
        shape = body.get("output_format") or (body.get("output_config") or {}).get("format") or {}
        tools = {tool["name"]: tool for tool in body.get("tools") or ()}
        forced = choice.get("name") if choice.get("type") == "tool" else None
        return Asked(
            model=body["model"],
            streamed=bool(body.get("stream")),
            user=next(block["text"] for role, block in reversed(blocks) if role == "user" and block["type"] == "text"),
            limit=body["max_tokens"],
            tools=tuple(tools),
            tool_results=tuple(
                (block["tool_use_id"], _text(block["content"])) for _, block in blocks if block["type"] == "tool_result"
            ),
            schema=shape.get("schema") or (tools[forced]["input_schema"] if forced else None),
            schema_tool=forced,
        )

    def embed(self, received: Received) -> JSON | None:
        return None

    def plain(self, asked: Asked, said: Said) -> JSON:
        content: list[JSON] = [{"type": "text", "text": said.text}] if said.text else []
        if said.tool:
            content.append({"type": "tool_use", "id": "toolu_4711", "name": said.tool[0], "input": said.tool[1]})
        return self._begun(asked, said) | {"content": content, "stop_reason": _STOP[said.finish]}

    def pieces(self, asked: Asked, said: Said) -> list[bytes]:
        begun = self._begun(asked, said) | {"content": [], "stop_reason": None}
        sent: list[JSON] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
        deltas: list[JSON] = [{"type": "text_delta", "text": piece} for piece in said.pieces()]
        block: JSON = {"type": "text", "text": ""}
        if said.tool:
            block = {"type": "tool_use", "id": "toolu_4711", "name": said.tool[0], "input": {}}
            arguments = json.dumps(said.tool[1])
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in (arguments[:4], arguments[4:])]
        sent.append({"type": "content_block_start", "index": 0, "content_block": block})
        sent += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
        sent.append({"type": "content_block_stop", "index": 0})
        if said.finish:
            ended = {"stop_reason": _STOP[said.finish], "stop_sequence": None}
            sent.append({"type": "message_delta", "delta": ended, "usage": {"output_tokens": said.tokens[1]}})
            sent.append({"type": "message_stop"})
        return [_event(data) for data in sent]

    def _begun(self, asked: Asked, said: Said) -> JSON:
        usage = {"input_tokens": said.tokens[0], "output_tokens": said.tokens[1]}
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": asked.model, "usage": usage}


def _blocks(content: Any) -> list[JSON]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else list(content)


def _text(content: Any) -> str:
    return "".join(block["text"] for block in _blocks(content))
