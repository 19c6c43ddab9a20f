from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from {{ cookiecutter.package_name }}.gateway.sse import LONGEST_LINE, TooMuch, events

line_ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
texts = st.binary(max_size=12).filter(lambda text: b"\r" not in text and b"\n" not in text)


@st.composite
def streams(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream, and the data of its events."""
    stream, expected, end = b"", [], draw(line_ends)
    for _ in range(draw(st.integers(0, 4))):
        data = draw(st.lists(texts, max_size=3))
        lines = [b"data: " + text for text in data]
        lines += draw(st.lists(st.sampled_from([b": comment", b"event: message", b"id: 7", b"x"]), max_size=2))
        for line in [*lines, b""]:
            stream += line + end
        if data:
            expected.append(b"\n".join(data))
    return stream, expected


async def in_pieces(stream: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    for start, end in zip([0, *ends], ends, strict=False):
        yield stream[start:end]


async def read(stream: bytes, cuts: list[int]) -> list[bytes]:
    return [data async for data in events(in_pieces(stream, cuts))]


@given(streams(), st.lists(st.integers(0, 200)))
async def test_any_division_into_pieces_gives_the_same_events(
    stream: tuple[bytes, list[bytes]], cuts: list[int]
) -> None:
    sent, expected = stream
    assert await read(sent, cuts) == expected


async def test_a_line_end_in_two_pieces_is_one_line_end() -> None:
    assert await read(b"data: a\r\ndata: b\r\n\r\n", cuts=[8, 17, 19]) == [b"a\nb"]


@pytest.mark.parametrize("rest", [b"data: half", b"data: half\n", b"data: {}\r\n"])
async def test_what_no_empty_line_ends_is_no_event(rest: bytes) -> None:
    assert await read(b"data: whole\n\n" + rest, cuts=[]) == [b"whole"]


async def test_a_line_without_end_is_too_much() -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * (LONGEST_LINE // 4)

    with pytest.raises(TooMuch):
        await anext(events(endless()))
