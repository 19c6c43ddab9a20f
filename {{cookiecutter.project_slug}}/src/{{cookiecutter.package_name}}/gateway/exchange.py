"""What really happens on the wire in one call through a library, whatever the library makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp

from .failure import AttemptFailed, Failure
from .upstream import LONGEST_FINISH, has_finish


@dataclass
class Exchange:
    """`finished`: the provider itself said that, and why, its answer ends. litellm makes an end up where none came."""

    session: aiohttp.ClientSession
    trace_headers: Mapping[str, str] = field(default_factory=dict)
    response: aiohttp.ClientResponse | None = None
    failure: AttemptFailed | None = None
    finished: bool = False
    refusal: str = ""  # pieces of it in a stream, which litellm drops
    _before: bytes = b""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Not around a `yield`, or the variable leaks into the caller's context."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)

    @contextmanager
    def noted(self) -> Iterator[None]:
        try:
            yield
        except AttemptFailed as failed:
            self.failure = failed
            raise

    @property
    def is_stream(self) -> bool:
        """Server-sent events, Amazon's binary ones, or Ollama's lines."""
        return self.response is not None and self.response.content_type.endswith(("stream", "ndjson"))

    def saw(self, piece: bytes) -> None:
        """A piece of the answer's body, which may end within the very words."""
        if not self.finished:
            near = self._before + piece
            self.finished, self._before = has_finish(near), near[-LONGEST_FINISH:]

    def demand_answer(self) -> None:
        """Raises AttemptFailed unless it was the provider that answered."""
        if self.response is None:
            raise AttemptFailed(Failure.NONSENSE)

    def demand_finish(self) -> None:
        """Raises AttemptFailed unless the provider answered, and said itself that its answer is at the end."""
        self.demand_answer()
        if not self.finished:
            raise AttemptFailed(Failure.CUT if self.is_stream else Failure.NONSENSE)

    def close(self) -> None:
        if self.response is not None:
            self.response.close()


_current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


def watched_exchange() -> Exchange:
    exchange = _current.get()
    if exchange is None:
        raise AttemptFailed(Failure.OUR_FAULT)  # what the library wants from the network by itself, it does not get
    return exchange
