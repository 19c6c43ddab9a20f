"""A gateway that answers from a script: for tests and for features under development."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from .failure import AttemptFailed
from .gateway import Answer, Chunk, PermittedCall, Usage, Vectors
from .messages import EmbeddingRequest, R


class ScriptedGateway:
    """Gives its replies in turn, then repeats the last one; raises those that are failures. `calls`: those received."""

    ready = True

    def __init__(self, *replies: str | AttemptFailed) -> None:
        self._replies: Sequence[str | AttemptFailed] = replies
        self.calls: list[PermittedCall[Any]] = []

    async def complete(self, call: PermittedCall) -> Answer:
        text = self._next(call)
        return Answer({"role": "assistant", "content": text}, "stop", _count(call, text))

    async def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        text = self._next(call)
        for word in text.split(" "):
            yield Chunk({"content": f"{word} "})
        yield Chunk({}, "stop", _count(call, text))

    async def embed(self, call: PermittedCall[EmbeddingRequest]) -> Vectors:
        """The reply's words say how many numbers: each vector is the length of its text, as often."""
        size = len(self._next(call).split())
        return Vectors([[float(len(text))] * size for text in call.request.input], _count(call, ""))

    def _next(self, call: PermittedCall[R]) -> str:
        reply = self._replies[min(len(self.calls), len(self._replies) - 1)]
        self.calls.append(call)
        if isinstance(reply, AttemptFailed):
            raise reply
        return reply


def _count(call: PermittedCall[R], text: str) -> Usage:
    return Usage(max(1, call.request.text_length() // 4), -(-len(text) // 4))
