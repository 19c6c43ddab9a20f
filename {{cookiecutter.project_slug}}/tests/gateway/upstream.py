"""A model server that does what a test says: OpenAI's or Anthropic's wire format by path, each reply from a script."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.gateway.wires import AnthropicWire, OpenAIWire, Wire


@dataclass
class Reply:
    """`length` is what Content-Length claims; None sends the body in chunks. `pause` in seconds before each piece."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    length: int | None = None
    pause: float = 0
    end: Literal["whole", "close", "reset", "hang"] = "whole"


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
