"""Server-sent events, as a provider may send them (WHATWG HTML, 9.2.6): any line ending, comments, unused fields."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterable

LONGEST_LINE = 1024 * 1024
LARGEST_STREAM = 32 * 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")


class TooMuch(ValueError):
    """A line or a stream is longer than any answer is."""


async def events(source: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """The data of each event that has some."""
    data: list[bytes] = []
    async for line in _lines(source):
        if not line:
            if data:
                yield b"\n".join(data)
                data.clear()
        elif line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))


async def _lines(source: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    rest, total = b"", 0
    async for piece in source:
        total += len(piece)
        *lines, rest = _LINE_END.split(rest + piece)
        if len(rest) > LONGEST_LINE or total > LARGEST_STREAM:
            raise TooMuch
        for line in lines:
            yield line
    if rest:
        yield rest.rstrip(b"\r")
        yield b""
