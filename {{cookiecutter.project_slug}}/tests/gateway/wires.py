"""The two wire formats that the upstream speaks, plain and streamed."""

import json
from typing import Any, Protocol

SECRET = "sk-live-4711-of-the-provider"  # in what is sent instead of an answer; must never be seen on our side
TEXT = ("Hello ", "world")


class Wire(Protocol):
    def plain(self, finish: bool = True, usage: Any = (11, 7)) -> dict[str, Any]: ...

    def events(self, finish: bool = True, usage: Any = (11, 7)) -> list[bytes]: ...

    def tool_call(self) -> dict[str, Any]: ...

    def tool_call_events(self) -> list[bytes]: ...

    def error_event(self) -> bytes: ...

    def error(self, code: str, message: str) -> dict[str, Any]: ...


class OpenAIWire:
    def plain(self, finish: bool = True, usage: Any = (11, 7)) -> dict[str, Any]:
        message = {"role": "assistant", "content": "".join(TEXT)}
        choice = {"index": 0, "message": message, "finish_reason": "stop" if finish else None}
        return self._envelope("chat.completion", [choice]) | self._usage(usage)

    def events(self, finish: bool = True, usage: Any = (11, 7)) -> list[bytes]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}, *({"content": text} for text in TEXT)]
        choices: list[dict[str, Any]] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
        if finish:
            choices.append({"index": 0, "delta": {}, "finish_reason": "stop"})
        chunks = [self._envelope("chat.completion.chunk", [choice]) for choice in choices]
        if usage:
            chunks.append(self._envelope("chat.completion.chunk", []) | self._usage(usage))
        return [*map(_event, chunks), b"data: [DONE]\n\n"]

    def tool_call(self) -> dict[str, Any]:
        function = {"name": "look_up", "arguments": '{"day": 1}'}
        message = {"role": "assistant", "tool_calls": [{"id": "t1", "type": "function", "function": function}]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        return self._envelope("chat.completion", [choice]) | self._usage((11, 7))

    def tool_call_events(self) -> list[bytes]:
        first = {"index": 0, "id": "t1", "type": "function", "function": {"name": "look_up", "arguments": '{"day"'}}
        second = {"index": 0, "function": {"arguments": ": 1}"}}
        choices: list[dict[str, Any]] = [
            {"index": 0, "delta": {"role": "assistant", "tool_calls": [first]}},
            {"index": 0, "delta": {"tool_calls": [second]}},
            {"index": 0, "delta": {}, "finish_reason": "tool_calls"},
        ]
        chunks = [self._envelope("chat.completion.chunk", [choice]) for choice in choices]
        return [*map(_event, chunks), b"data: [DONE]\n\n"]

    def error_event(self) -> bytes:
        return _event({"error": {"message": f"overloaded {SECRET}", "type": "server_error", "code": 500}})

    def error(self, code: str, message: str) -> dict[str, Any]:
        return {"error": {"message": f"{message} {SECRET}", "type": code, "code": code, "param": "temperature"}}

    def _envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": "x", "object": kind, "created": 1, "model": "m", "choices": choices}

    def _usage(self, usage: Any) -> dict[str, Any]:
        if not usage:
            return {}
        return {"usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": 18}}


class AnthropicWire:
    def plain(self, finish: bool = True, usage: Any = (11, 7)) -> dict[str, Any]:
        content = [{"type": "text", "text": "".join(TEXT)}]
        message = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": content}
        return message | {"stop_reason": "end_turn" if finish else None} | self._usage(usage)

    def events(self, finish: bool = True, usage: Any = (11, 7)) -> list[bytes]:
        begun = {"id": "x", "type": "message", "role": "assistant", "model": "m", "content": []}
        usage = usage or ()
        sent: list[dict[str, Any]] = [
            {"type": "message_start", "message": begun | self._usage(usage and (usage[0], 1))},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            *(
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
                for text in TEXT
            ),
            {"type": "content_block_stop", "index": 0},
        ]
        if finish:
            ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
            sent += [ended | ({"usage": {"output_tokens": usage[1]}} if usage else {}), {"type": "message_stop"}]
        return [f"event: {event['type']}\n".encode() + _event(event) for event in sent]

    def tool_call(self) -> dict[str, Any]:
        use = {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"day": 1}}
        return self.plain() | {"content": [use], "stop_reason": "tool_use"}

    def tool_call_events(self) -> list[bytes]:
        use = {"type": "tool_use", "id": "t1", "name": "look_up", "input": {}}
        parts = [{"type": "input_json_delta", "partial_json": part} for part in ('{"day"', ": 1}")]
        return [
            self.events()[0],
            _event({"type": "content_block_start", "index": 0, "content_block": use}),
            *(_event({"type": "content_block_delta", "index": 0, "delta": part}) for part in parts),
            _event({"type": "content_block_stop", "index": 0}),
            _event({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}),
            _event({"type": "message_stop"}),
        ]

    def error_event(self) -> bytes:
        error = {"type": "overloaded_error", "message": f"overloaded {SECRET}"}
        return b"event: error\n" + _event({"type": "error", "error": error})

    def error(self, code: str, message: str) -> dict[str, Any]:
        return {"type": "error", "error": {"type": code, "message": f"{message} {SECRET}"}}

    def _usage(self, usage: Any) -> dict[str, Any]:
        return {"usage": {"input_tokens": usage[0], "output_tokens": usage[1]}} if usage else {}


def _event(data: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"
