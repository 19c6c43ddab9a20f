"""A model server that does what a test says: OpenAI's or Anthropic's wire format by path, each reply from a script."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

SECRET = "sk-live-4711-of-the-provider"  # in what it sends instead of an answer; must never be seen on our side
TEXT = ("Hello ", "world")


@dataclass
class Reply:
    """`length` is what Content-Length claims; None sends the body in chunks. `pause` in seconds before each piece."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    length: int | None = None
    pause: float = 0
    end: Literal["whole", "close", "reset", "hang"] = "whole"


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


Script = Callable[[Wire, bool], Reply]
WIRES: dict[str, Wire] = {"/v1/chat/completions": OpenAIWire(), "/v1/messages": AnthropicWire()}


class Upstream:
    """`requests` are the bodies received, `open` the connections that nobody has closed yet."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.open: set[asyncio.StreamWriter] = set()
        self.accepted = 0
        self.address = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        self.accepted += 1
        try:
            while await self._exchange(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may be used again."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        self.requests.append(body)
        self.headers.append(headers)
        path = urlsplit(head[0].split()[1]).path  # a proxy is told the whole address
        reply = self.script(WIRES.get(path, OpenAIWire()), bool(body.get("stream")))
        await _send(reply, writer, reader)
        return reply.end == "whole"

    async def abandoned(self) -> bool:
        """Whether every connection is closed within a second."""
        for _ in range(100):
            if not self.open:
                return True
            await asyncio.sleep(0.01)
        return False


async def _send(reply: Reply, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
    chunked = reply.length is None
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(reply.length)}
    head = [f"HTTP/1.1 {reply.status} Status", *(f"{k}: {v}" for k, v in (framing | reply.headers).items())]
    if reply.status:
        writer.write("\r\n".join([*head, "", ""]).encode())
    for piece in reply.pieces:
        await asyncio.sleep(reply.pause)
        if reader.at_eof():
            return
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        await writer.drain()
    if reply.end == "hang":
        await reader.read()
    elif reply.end == "reset":
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    elif reply.end == "whole" and chunked:
        writer.write(b"0\r\n\r\n")


@asynccontextmanager
async def running(script: Script) -> AsyncIterator[Upstream]:
    upstream = Upstream(script)
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()
        for writer in upstream.open:
            writer.transport.abort()
