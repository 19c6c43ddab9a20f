"""Server-sent events, as a provider may send them (WHATWG HTML, 9.2.6): any line ending, comments, unused fields.

Or, of Ollama, a line of JSON for each.
"""

import re
from collections.abc import AsyncGenerator, AsyncIterable

LONGEST_LINE = 1024 * 1024
_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")


class TooMuch(ValueError):
    """A line is longer than any that an answer needs."""


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


async def lines(source: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Those that hold something."""
    async for line in _lines(source):
        if line:
            yield line


async def _lines(source: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for piece in source:
        *lines, rest = _LINE_END.split(rest + piece)
        if len(rest) > LONGEST_LINE:
            raise TooMuch
        for line in lines:
            yield line
    if rest.endswith(b"\r"):  # it waited for a line feed that did not come; any other rest is half a line
        yield rest[:-1]
