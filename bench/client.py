"""The load: a fixed number of connections, each asking again when it has its answer (a closed loop)."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

PATIENCE = 30.0  # seconds for one answer
MOST = 20_000  # answers in one window
_WHOLE = (b'"finish_reason":', b"data: [DONE]")  # what an answer, and a stream, must hold to be one


class Exchange(asyncio.Protocol):
    """One connection, one question at a time. Knows as much of HTTP as the targets speak."""

    def __init__(self) -> None:
        self._answered: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by type

    def connection_lost(self, _: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(ConnectionError("closed before the answer was whole"))

    async def ask(self, request: bytes) -> bytes:
        """Head and body as they came. `first_byte` is then when the body began."""
        self._received, self._body, self._whole, self.first_byte = bytearray(), -1, -1, 0.0
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await asyncio.wait_for(self._answered, PATIENCE)

    def data_received(self, data: bytes) -> None:
        if self._answered is None or self._answered.done():
            return
        self._received += data
        if self._body < 0 and (head := self._received.find(b"\r\n\r\n")) >= 0:
            self._body = head + 4
            length = _length(bytes(self._received[:head]))
            self._whole = -1 if length is None else self._body + length
        if not self.first_byte and 0 <= self._body < len(self._received):
            self.first_byte = time.perf_counter()
        last_chunk = self._whole < 0 <= self._body and self._received.endswith(b"\r\n0\r\n\r\n")
        if last_chunk or 0 <= self._whole <= len(self._received):
            self._answered.set_result(bytes(self._received))


def _length(head: bytes) -> int | None:
    """None where the body comes in chunks."""
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else None


@dataclass
class Window:
    """What one window of load saw. Times in seconds."""

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    first_byte: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return len(self.took) / self.seconds


async def load(
    port: int, requests: Iterator[bytes], *, connections: int, seconds: float, stream: bool
) -> Window:
    """Nobody starts after `seconds`; who has started is waited for and counted: slow targets lose nothing."""
    window, begun = Window(), time.perf_counter()
    until = begun + seconds
    numbered = zip(range(MOST), requests, strict=False)
    asking = (_asks(port, numbered, until, window, stream) for _ in range(connections))
    await asyncio.gather(*asking)
    window.seconds = time.perf_counter() - begun
    return window


async def _asks(
    port: int, requests: Iterator[tuple[int, bytes]], until: float, window: Window, stream: bool
) -> None:
    exchange: Exchange | None = None
    while time.perf_counter() < until and (numbered := next(requests, None)):
        try:
            if exchange is None or exchange.transport.is_closing():
                exchange = await _connect(port)
            await _ask(exchange, numbered[1], window, stream)
        except (OSError, TimeoutError) as fault:
            window.failed.append(repr(fault))
            exchange = None
            await asyncio.sleep(0.1)
    if exchange:
        exchange.transport.close()


async def _ask(exchange: Exchange, request: bytes, window: Window, stream: bool) -> None:
    begun = time.perf_counter()
    answer = await exchange.ask(request)
    ended = time.perf_counter()
    if not answer.startswith(b"HTTP/1.1 200") or _WHOLE[stream] not in answer:
        window.failed.append(answer[:400].decode(errors="replace"))
        return
    window.took.append(ended - begun)
    window.first_byte.append(exchange.first_byte - begun)


async def _connect(port: int) -> Exchange:
    _, exchange = await asyncio.get_running_loop().create_connection(Exchange, "127.0.0.1", port)
    return exchange


async def answers(port: int, request: bytes, *, within: float = PATIENCE) -> bool:
    """Whether the answer is 200."""
    try:
        exchange = await _connect(port)
        try:
            async with asyncio.timeout(within):
                return (await exchange.ask(request)).startswith(b"HTTP/1.1 200")
        finally:
            exchange.transport.close()
    except (OSError, TimeoutError):
        return False


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


def post(path: str, headers: dict[str, str], body: bytes) -> bytes:
    fields = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body
