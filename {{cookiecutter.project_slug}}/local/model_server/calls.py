"""What a good answer of the local model server is made of, in either wire format, plain or streamed."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

from starlette.responses import JSONResponse, StreamingResponse
from starlette.types import ASGIApp

from local.model_server.answers import Answer, Question

PAUSE_SECONDS = 0.003


class Wire(Protocol):
    """A wire format; `openai_wire` and `anthropic_wire` are two, as modules."""

    NAME: str
    END: bytes
    EMPTY: dict[str, Any]
    NULL: dict[str, Any]

    def read(self, body: dict[str, Any]) -> Question: ...
    def plain(self, question: Question, answer: Answer) -> dict[str, Any]: ...
    def events(self, question: Question, answer: Answer) -> Iterator[bytes]: ...
    def frame(self, payload: dict[str, Any]) -> bytes: ...
    def error(self, status: int, _kind: str, message: str) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Call:
    wire: Wire
    question: Question
    answer: Answer

    @property
    def media_type(self) -> str:
        return "text/event-stream" if self.question.stream else "application/json"

    def pieces(self) -> list[bytes]:
        """What a good answer consists of: its events, or its body in morsels."""
        if self.question.stream:
            return list(self.wire.events(self.question, self.answer))
        body = json.dumps(self.wire.plain(self.question, self.answer)).encode()
        return [body[i : i + 16] for i in range(0, len(body), 16)]

    def half(self) -> list[bytes]:
        pieces = self.pieces()
        return pieces[: len(pieces) // 2]

    def saying(self, **changes: Any) -> "Call":
        return replace(self, answer=replace(self.answer, **changes))


def good(call: Call) -> ASGIApp:
    if not call.question.stream:
        return JSONResponse(call.wire.plain(call.question, call.answer))
    return sent(call, call.pieces(), PAUSE_SECONDS)


def sent(call: Call, pieces: Iterable[bytes], pause: float = 0, before: float = 0) -> ASGIApp:
    async def body() -> AsyncIterator[bytes]:
        await asyncio.sleep(before)
        for piece in pieces:
            yield piece
            await asyncio.sleep(pause)

    return StreamingResponse(body(), media_type=call.media_type)
