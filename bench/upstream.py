"""A provider that costs next to nothing: OpenAI's wire format from bytes made beforehand.

Also the issuer's documents and the sink of spans and metrics.
`python -m bench.upstream PORT DOCUMENTS`, where DOCUMENTS is a JSON file: path → body.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, cast

CHUNKS = 50
APART = 0.002  # seconds between two chunks
_ABOUT = {"id": "chatcmpl-upstream", "created": 1_700_000_000, "model": "bench-model"}
_USAGE = {"prompt_tokens": 12, "completion_tokens": CHUNKS, "total_tokens": 12 + CHUNKS}
_MESSAGE = {"role": "assistant", "content": "word " * CHUNKS}


def _whole(body: object) -> bytes:
    text = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        len(text),
        text,
    )


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(choices: list[Any], **more: Any) -> bytes:
    chunk = {**_ABOUT, "object": "chat.completion.chunk", "choices": choices, **more}
    return _framed(b"data: %s\n\n" % json.dumps(chunk).encode())


def _choice(delta: dict[str, str], finish: str | None) -> list[Any]:
    return [{"index": 0, "delta": delta, "finish_reason": finish}]


ANSWER = _whole(
    {
        **_ABOUT,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": _USAGE,
    }
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENTS = [
    STREAM_HEAD + _event(_choice({"role": "assistant", "content": "word "}, None)),
    *[_event(_choice({"content": "word "}, None)) for _ in range(CHUNKS - 1)],
]
FINISH, DONE = _event(_choice({}, "stop")), _framed(b"data: [DONE]\n\n") + _framed(b"")
USAGE = _event([], usage=_USAGE)


class Provider(asyncio.Protocol):
    documents: dict[str, bytes] = {}  # noqa: RUF012 # one for all connections, set before the first

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by type
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (head := self._received.find(b"\r\n\r\n")) >= 0:
            end = head + 4 + _length(self._received[:head])
            if len(self._received) < end:
                return
            request, self._received = self._received[:end], self._received[end:]
            self._answer(request, request[head + 4 :])

    def _answer(self, request: bytes, body: bytes) -> None:
        path = request.split(b" ", 2)[1].decode()
        if not path.endswith("/chat/completions"):
            self._transport.write(self.documents.get(path, _whole({})))
        elif b'"stream":true' in body or b'"stream": true' in body:
            self._send(0, b"include_usage" in body)
        else:
            self._transport.write(ANSWER)

    def _send(self, place: int, with_usage: bool) -> None:
        if self._transport.is_closing():
            return
        if place == CHUNKS:
            self._transport.write(FINISH + (USAGE if with_usage else b"") + DONE)
            return
        self._transport.write(EVENTS[place])
        asyncio.get_running_loop().call_later(APART, self._send, place + 1, with_usage)


def _length(head: bytes) -> int:
    """Of the body; every peer here states it."""
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port, backlog=512)
    await server.serve_forever()


if __name__ == "__main__":
    documents = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
    Provider.documents = {path: _whole(body) for path, body in documents.items()}
    try:
        import uvloop as loops
    except ImportError:  # Windows has none
        import asyncio as loops
    loops.run(serve(int(sys.argv[1])))
