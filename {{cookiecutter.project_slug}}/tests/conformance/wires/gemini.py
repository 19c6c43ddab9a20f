"""Google's generateContent and streamGenerateContent: https://ai.google.dev/api/generate-content, v1beta."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.wires.wire import JSON, SECRET, Asked, Received, Refusal, Said, demand, only, vector

_PATH = re.compile(r"/v1beta/models/([\w.-]+):(generateContent|streamGenerateContent)")
_FIELDS = {
    *("contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent"),
    *("tool_config", "system_instruction", "safety_settings", "cached_content"),  # protobuf's names hold as well
}
_STOP = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP", "content_filter": "SAFETY"}


def _error(code: int, status: str, message: str, *details: JSON) -> JSON:
    error = {"code": code, "message": f"{message} {SECRET}", "status": status, "details": list(details)}
    return {"error": error}


def _detail(kind: str, **fields: Any) -> JSON:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


_BAD_KEY = _detail("ErrorInfo", reason="API_KEY_INVALID", domain="googleapis.com")
_TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
_BLOCKED = Refusal(200, {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 11}})


class GeminiWire:
    """A rate limit says in its body how long to wait, and an unknown key is a 400."""

    stream_type = "text/event-stream"
    refusals: Mapping[str, Refusal | None] = {
        "too long": Refusal(400, _error(400, "INVALID_ARGUMENT", _TOO_LONG)),
        "bad key": Refusal(400, _error(400, "INVALID_ARGUMENT", "API key not valid.", _BAD_KEY)),
        "rate limit": Refusal(
            429,
            _error(429, "RESOURCE_EXHAUSTED", "You exceeded your quota.", _detail("RetryInfo", retryDelay="7s")),
            seconds=7,
        ),
        "server error": Refusal(503, _error(503, "UNAVAILABLE", "The model is overloaded.")),
    }
    filtered: tuple[Said | Refusal, ...] = (Said("Well", finish="content_filter"), _BLOCKED)
    fault_mid_stream: bytes | None = (
        b"data: " + json.dumps(_error(503, "UNAVAILABLE", "The model is overloaded.")).encode() + b"\r\n\r\n"
    )

    def read(self, received: Received) -> Asked:
        body, path = received.body, _PATH.fullmatch(received.path)
        demand(path is not None, f"{received.path} is no method of a model")
        assert path
        demand(received.headers.get("x-goog-api-key") == "our-key", "no x-goog-api-key")
        demand("our-key" not in str(received.query), "the key in the address")
        only(body, _FIELDS)
        demand((path[2] == "streamGenerateContent") == (received.query.get("alt") == "sse"), "alt")
        parts = [(content["role"], part) for content in body["contents"] for part in content["parts"]]
        demand({role for role, _ in parts} <= {"user", "model"}, "a role")
        settings = body.get("generationConfig") or {}
        declared = [one for tool in body.get("tools") or () for one in _either(tool, "functionDeclarations")]
        results = [part for _, part in parts if "functionResponse" in part or "function_response" in part]
        return Asked(
            model=path[1],
            streamed=path[2] == "streamGenerateContent",
            user=next(part["text"] for role, part in reversed(parts) if role == "user" and "text" in part),
            limit=_either(settings, "maxOutputTokens"),
            tools=tuple(one["name"] for one in declared),
            tool_results=tuple(_result(_either(part, "functionResponse")) for part in results),
            schema=_either(settings, "responseJsonSchema") or _either(settings, "responseSchema"),
        )

    def embed(self, received: Received) -> JSON | None:
        if not received.path.endswith((":batchEmbedContents", ":embedContent")):
            return None
        demand(received.headers.get("x-goog-api-key") == "our-key", "no x-goog-api-key")
        demand("our-key" not in str(received.query), "the key in the address")
        texts = [one["content"]["parts"][0]["text"] for one in received.body["requests"]]
        return {"embeddings": [{"values": vector(text)} for text in texts]}

    def plain(self, asked: Asked, said: Said) -> JSON:
        parts: list[JSON] = [{"text": said.text}] if said.text else []
        if said.tool:
            parts.append({"functionCall": {"name": said.tool[0], "args": said.tool[1]}})
        return self._answer(asked, said, parts, said.finish)

    def pieces(self, asked: Asked, said: Said) -> list[bytes]:
        parts: list[JSON] = [{"text": piece} for piece in said.pieces()]
        if said.tool:
            parts = [{"functionCall": {"name": said.tool[0], "args": said.tool[1]}}]
        chunks = [self._answer(asked, said, [part], None) for part in parts]
        if said.finish:
            chunks[-1] = self._answer(asked, said, [parts[-1]], said.finish)
        return [f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks]

    def _answer(self, asked: Asked, said: Said, parts: list[JSON], finish: str | None) -> JSON:
        read, written = said.tokens
        candidate: JSON = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = _STOP[finish]
        usage = {"promptTokenCount": read, "candidatesTokenCount": written, "totalTokenCount": read + written}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": asked.model, "responseId": "r1"}


def _either(fields: JSON, name: str) -> Any:
    """By its name in JSON or in protobuf: the format takes both."""
    return fields.get(name, fields.get(re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name)))


def _result(part: JSON) -> tuple[str, str]:
    return part["name"], json.dumps(part["response"])
