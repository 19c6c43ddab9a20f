"""The one interface to a model: Direct, LiteLLM and Scripted answer for one deployment, Chain for all of a permit."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

from ..deadline import Deadline
from .messages import EmbeddingRequest, R
from .permit import Permit

MESSAGE_FIELDS = ("content", "refusal", "tool_calls")  # of an answer, beside its role; nothing else is passed on


@dataclass(frozen=True, slots=True)
class Usage:
    input_tokens: int
    output_tokens: int
    estimated: bool = False


@dataclass(slots=True)
class Answer:
    """`message` and `finish_reason` in OpenAI's shape. Usage is None where the provider gave none that makes sense."""

    message: dict[str, Any]
    finish_reason: str
    usage: Usage | None


@dataclass(slots=True)
class Chunk:
    """A piece of a stream. Exactly one chunk, the last but for usage, has the finish reason that the provider sent."""

    delta: dict[str, Any]
    finish_reason: str | None = None
    usage: Usage | None = None


@dataclass(slots=True)
class Vectors:
    """One for each text, in their order and all of one length."""

    vectors: list[list[float]]
    usage: Usage | None


@dataclass(slots=True)
class Attempt:
    """`trace_headers` continue our trace at the provider. `first_chunk` and `read`, the time a reader took: seconds."""

    deployment: str
    outcome: str = "running"
    trace_headers: Mapping[str, str] = field(default_factory=dict)
    first_chunk: float | None = None
    read: float = 0.0
    usage: Usage | None = None


@dataclass(slots=True)
class PermittedCall(Generic[R]):
    """`attempts` is filled while the call runs, so that one that fails or is cancelled still tells how far it came."""

    request: R
    permit: Permit
    deadline: Deadline
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def trace_headers(self) -> Mapping[str, str]:
        return self.attempts[-1].trace_headers if self.attempts else {}


class Gateway(Protocol):
    @property
    def ready(self) -> bool: ...

    async def complete(self, call: PermittedCall) -> Answer:
        """Raises AttemptFailed; ChainGateway raises ServiceError."""
        ...

    def stream(self, call: PermittedCall) -> AsyncGenerator[Chunk, None]:
        """Raises like `complete`, on the first chunk or later."""
        ...

    async def embed(self, call: PermittedCall[EmbeddingRequest]) -> Vectors:
        """Raises like `complete`."""
        ...
