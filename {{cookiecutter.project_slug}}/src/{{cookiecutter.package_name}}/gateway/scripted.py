"""A gateway that answers from a script: for tests and for features under development."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from .failure import AttemptFailed
from .gateway import Answer, Chunk, PermittedCall, Usage


class ScriptedGateway:
    """Gives its replies in turn, the last one for ever; a failure among them is raised. `calls`: what it was asked."""

    ready = True

    def __init__(self, *replies: str | AttemptFailed) -> None:
        self._replies: Sequence[str | AttemptFailed] = replies
        self.calls: list[PermittedCall] = []

    async def complete(self, call: PermittedCall) -> Answer:
        text = self._next(call)
        return Answer({"role": "assistant", "content": text}, "stop", _count(call, text))

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        text = self._next(call)
        for word in text.split(" "):
            yield Chunk({"content": f"{word} "})
        yield Chunk({}, "stop", _count(call, text))

    def _next(self, call: PermittedCall) -> str:
        reply = self._replies[min(len(self.calls), len(self._replies) - 1)]
        self.calls.append(call)
        if isinstance(reply, AttemptFailed):
            raise reply
        return reply


def _count(call: PermittedCall, text: str) -> Usage:
    return Usage(max(1, call.request.text_length() // 4), max(1, len(text) // 4))
