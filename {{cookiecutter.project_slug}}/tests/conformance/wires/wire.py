"""What the formats have in common: a request as it was meant, an answer as it is meant, and a refusal as published."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

JSON = dict[str, Any]
SECRET = "sk-live-4711-of-the-provider"  # in every refusal; must never be seen on our side
PIECES = 3  # a text is streamed in so many


class NotTheFormatError(Exception):
    """What in the request is not as the family publishes it."""


@dataclass(frozen=True)
class Received:
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    body: JSON


@dataclass(frozen=True)
class Asked:
    """A tool result is its call (by id, or by name where the format has no ids) and its text."""

    model: str
    streamed: bool
    user: str
    limit: int | None = None
    tools: tuple[str, ...] = ()
    tool_results: tuple[tuple[str, str], ...] = ()
    schema: JSON | None = None
    schema_tool: str | None = None  # the tool that stands for a schema where a format has none


@dataclass(frozen=True)
class Said:
    """`finish` in OpenAI's words; None: the answer has no end. `tokens`: read and written."""

    text: str = ""
    tool: tuple[str, JSON] | None = None
    finish: str | None = "stop"
    tokens: tuple[int, int] = (11, 7)
    refusal: str | None = None

    def pieces(self) -> list[str]:
        size = max(1, -(-len(self.text) // PIECES))
        return [self.text[i : i + size] for i in range(0, len(self.text), size)]


@dataclass(frozen=True)
class Refusal:
    """`seconds`: the wait that it asks for, in a header or in its body."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: int | None = None


class Wire(Protocol):
    stream_type: str
    refusals: Mapping[str, Refusal | None]  # by case; None: this family has no such answer
    filtered: tuple[Said | Refusal, ...]  # the forms that its refusal or content filter takes
    fault_mid_stream: bytes | None

    def read(self, received: Received) -> Asked:
        """Raises NotTheFormatError."""
        ...

    def embed(self, received: Received) -> JSON | None:
        """The answer to a request for vectors; None for one that asks for something else. Raises NotTheFormatError."""
        ...

    def plain(self, asked: Asked, said: Said) -> JSON: ...

    def pieces(self, asked: Asked, said: Said) -> list[bytes]:
        """The body of a stream, whole events each."""
        ...


def vector(text: str) -> list[float]:
    return [len(text) / 2, 0.5, -1.0]


def demand(right: bool, what: str) -> None:
    if not right:
        raise NotTheFormatError(what)


def only(body: JSON, known: set[str]) -> None:
    unknown = body.keys() - known
    demand(not unknown, f"the format has no {', '.join(sorted(unknown))}")
