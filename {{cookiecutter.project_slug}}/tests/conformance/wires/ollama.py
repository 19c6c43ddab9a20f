"""Ollama's own chat: https://docs.ollama.com/api/chat, lines of JSON."""

import json
from collections.abc import Mapping

from tests.conformance.wires.wire import JSON, SECRET, Asked, Received, Refusal, Said, demand, only, vector

_FIELDS = {
    "model",
    "messages",
    "tools",
    "format",
    "options",
    "stream",
    "think",
    "keep_alive",
    "logprobs",
    "top_logprobs",
}
_OPTIONS = {
    *("num_predict", "temperature", "top_p", "top_k", "min_p", "seed", "stop", "num_ctx", "repeat_last_n"),
    *("repeat_penalty", "presence_penalty", "frequency_penalty"),
}


def _error(message: str) -> JSON:
    return {"error": f"{message} {SECRET}"}


class OllamaWire:
    """It has no key, no filter, and drops the oldest messages of a conversation that is too long."""

    stream_type = "application/x-ndjson"
    refusals: Mapping[str, Refusal | None] = {
        "too long": None,
        "bad key": None,
        "rate limit": Refusal(429, _error("too many requests")),
        "server error": Refusal(500, _error("the model failed to generate a response")),
    }
    filtered: tuple[Said | Refusal, ...] = ()
    fault_mid_stream: bytes | None = (
        json.dumps(_error("an error was encountered while running the model")).encode() + b"\n"
    )

    def read(self, received: Received) -> Asked:
        body = received.body
        demand(received.path == "/api/chat", f"{received.path} is not /api/chat")
        only(body, _FIELDS)
        options = body.get("options") or {}
        only(options, _OPTIONS)
        messages = body["messages"]
        schema = body.get("format")
        return Asked(
            model=body["model"],
            streamed=body.get("stream", True),
            user=next(message["content"] for message in reversed(messages) if message["role"] == "user"),
            limit=options.get("num_predict"),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
            tool_results=tuple(
                (message.get("tool_name", ""), message["content"]) for message in messages if message["role"] == "tool"
            ),
            schema=schema if isinstance(schema, dict) else None,
        )

    def embed(self, received: Received) -> JSON | None:
        if received.path != "/api/embed":
            return None
        only(received.body, {"model", "input", "truncate", "options", "keep_alive", "dimensions"})
        vectors = [vector(text) for text in received.body["input"]]
        return {"model": received.body["model"], "embeddings": vectors, "total_duration": 1, "prompt_eval_count": 9}

    def plain(self, asked: Asked, said: Said) -> JSON:
        message: JSON = {"role": "assistant", "content": said.text}
        if said.tool:
            message["tool_calls"] = [{"function": {"name": said.tool[0], "arguments": said.tool[1]}}]
        return self._line(asked, message) | (self._end(said) if said.finish else {})

    def pieces(self, asked: Asked, said: Said) -> list[bytes]:
        lines = [self._line(asked, {"role": "assistant", "content": piece}) for piece in said.pieces()]
        if said.tool:
            call = {"function": {"name": said.tool[0], "arguments": said.tool[1]}}
            lines.append(self._line(asked, {"role": "assistant", "content": "", "tool_calls": [call]}))
        if said.finish:
            lines.append(self._line(asked, {"role": "assistant", "content": ""}) | self._end(said))
        return [json.dumps(line).encode() + b"\n" for line in lines]

    def _line(self, asked: Asked, message: JSON) -> JSON:
        return {"model": asked.model, "created_at": "2026-11-23T12:00:00Z", "message": message, "done": False}

    def _end(self, said: Said) -> JSON:
        counts = {"prompt_eval_count": said.tokens[0], "eval_count": said.tokens[1]}
        reason = "length" if said.finish == "length" else "stop"
        return {"done": True, "done_reason": reason, "total_duration": 1, "eval_duration": 1, **counts}
