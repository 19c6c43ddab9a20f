"""OpenAI's chat completions, and the families that speak them with an address, a key and errors of their own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from openai.types.chat.completion_create_params import (
    CompletionCreateParamsNonStreaming,
    CompletionCreateParamsStreaming,
)
from pydantic import TypeAdapter, ValidationError

from tests.conformance.wires.wire import JSON, SECRET, Asked, Received, Refusal, Said, demand, only, vector

_PUBLISHED: dict[bool, TypeAdapter[Any]] = {
    False: TypeAdapter(CompletionCreateParamsNonStreaming),
    True: TypeAdapter(CompletionCreateParamsStreaming),
}
OPENAI_FIELDS = {*CompletionCreateParamsStreaming.__annotations__, *CompletionCreateParamsNonStreaming.__annotations__}
OPENAI_FIELDS |= {name for base in CompletionCreateParamsStreaming.__orig_bases__ for name in base.__annotations__}  # type: ignore[attr-defined] # TypedDict keeps its bases there


def openai_error(message: str, kind: str, code: str | int | None, param: str | None = None) -> JSON:
    return {"error": {"message": f"{message} {SECRET}", "type": kind, "param": param, "code": code}}


OPENAI_REFUSALS = {
    "too long": Refusal(
        400,
        openai_error(
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
            "invalid_request_error",
            "context_length_exceeded",
            "messages",
        ),
    ),
    "bad key": Refusal(401, openai_error("Incorrect API key provided.", "invalid_request_error", "invalid_api_key")),
    "rate limit": Refusal(
        429,
        openai_error("Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
        {"Retry-After": "7"},
        7,
    ),
    "server error": Refusal(500, openai_error("The server had an error.", "server_error", None)),
}


@dataclass
class OpenAIWire:
    path: str = "/v1/chat/completions"
    key_header: str = "authorization"
    key: str | None = "Bearer our-key"
    query: Mapping[str, str] = field(default_factory=dict)
    fields: frozenset[str] = frozenset(OPENAI_FIELDS)
    refusals: Mapping[str, Refusal | None] = field(default_factory=lambda: OPENAI_REFUSALS)
    filtered: tuple[Said | Refusal, ...] = (
        Said(refusal="I can't help with that."),
        Said("Well", finish="content_filter"),
    )
    fault_mid_stream: bytes | None = (
        b"data: " + json.dumps(openai_error("Overloaded.", "server_error", 500)).encode() + b"\n\n"
    )
    stream_type: str = "text/event-stream"
    required: str = "required"  # of tool_choice, in the family's words
    first: JSON | None = None  # an event of its own that a family sends before the others

    def read(self, received: Received) -> Asked:
        body = received.body
        demand(received.path == self.path, f"{received.path} is not {self.path}")
        demand(received.headers.get(self.key_header) == self.key, f"not the key in {self.key_header}")
        demand(all(received.query.get(name) == value for name, value in self.query.items()), "the query")
        only(body, set(self.fields))
        choice: JSON = {"tool_choice": "required"} if body.get("tool_choice") == self.required else {}
        try:
            _PUBLISHED[bool(body.get("stream"))].validate_python(body | choice)
        except ValidationError as error:
            demand(False, str(error.errors(include_url=False, include_input=False)[0]))
        return self.meant(body)

    def embed(self, received: Received) -> JSON | None:
        path = self.path.replace("chat/completions", "embeddings").replace("gpt-eu", "embed-eu")
        if received.path != path:
            return None
        body = received.body
        demand(received.headers.get(self.key_header) == self.key, f"not the key in {self.key_header}")
        only(body, {"model", "input", "encoding_format", "dimensions", "user", "output_dimension", "output_dtype"})
        demand(isinstance(body["input"], list), "no list of texts")
        rows = [
            {"object": "embedding", "index": index, "embedding": vector(text)}
            for index, text in enumerate(body["input"])
        ]
        return {
            "object": "list",
            "data": rows,
            "model": body.get("model", ""),
            "usage": {"prompt_tokens": 9, "total_tokens": 9},
        }

    def meant(self, body: JSON) -> Asked:
        texts = [(message["role"], _text(message.get("content"))) for message in body["messages"]]
        shape = body.get("response_format") or {}
        return Asked(
            model=body.get("model", ""),
            streamed=bool(body.get("stream")),
            user=next(text for role, text in reversed(texts) if role == "user"),
            limit=body.get("max_completion_tokens") or body.get("max_tokens"),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
            tool_results=tuple(
                (message["tool_call_id"], _text(message["content"]))
                for message in body["messages"]
                if message["role"] == "tool"
            ),
            schema=(shape.get("json_schema") or {}).get("schema"),
        )

    def plain(self, asked: Asked, said: Said) -> JSON:
        message: JSON = {"role": "assistant", "content": said.text or None, "refusal": said.refusal}
        if said.tool:
            message["tool_calls"] = [_call(*said.tool)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": said.finish}
        return _envelope(asked, "chat.completion", [choice]) | {"usage": _usage(said)}

    def pieces(self, asked: Asked, said: Said) -> list[bytes]:
        choices: list[JSON] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in _deltas(said)]
        if said.finish:
            choices.append({"index": 0, "delta": {}, "finish_reason": said.finish})
        chunks = [_envelope(asked, "chat.completion.chunk", [choice]) for choice in choices]
        chunks.append(_envelope(asked, "chat.completion.chunk", []) | {"usage": _usage(said)})
        events = [*([self.first] if self.first else []), *chunks]
        return [*(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events), b"data: [DONE]\n\n"]


def _deltas(said: Said) -> Iterator[JSON]:
    yield {"role": "assistant", "content": ""}
    for piece in said.pieces():
        yield {"content": piece}
    if said.refusal:
        yield {"refusal": said.refusal}
    if said.tool:
        call = _call(*said.tool)
        arguments = call["function"]["arguments"]
        yield {"tool_calls": [{"index": 0, **call, "function": call["function"] | {"arguments": arguments[:4]}}]}
        yield {"tool_calls": [{"index": 0, "function": {"arguments": arguments[4:]}}]}


def _call(name: str, arguments: JSON) -> JSON:
    return {"id": "call_4711", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def _text(content: str | list[JSON] | None) -> str:
    return "".join(part["text"] for part in content) if isinstance(content, list) else content or ""


def _envelope(asked: Asked, kind: str, choices: list[JSON]) -> JSON:
    return {"id": "chatcmpl-1", "object": kind, "created": 1_760_000_000, "model": asked.model, "choices": choices}


def _usage(said: Said) -> JSON:
    read, written = said.tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
