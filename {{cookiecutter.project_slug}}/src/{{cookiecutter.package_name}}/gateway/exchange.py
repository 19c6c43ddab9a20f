"""Observes the HTTP exchange of one call through litellm, whose own report of it cannot be relied on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp

from .failure import AttemptFailed, Failure
from .upstream import LONGEST_FINISH, has_finish


@dataclass
class Exchange:
    """`finished`: the provider sent a finish reason. litellm invents one if the provider sent none."""

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
        """Takes a piece of the body. The finish reason may be split over two pieces, so the end of each is kept."""
        if not self.finished:
            near = self._before + piece
            self.finished, self._before = has_finish(near), near[-LONGEST_FINISH:]

    def demand_answer(self) -> None:
        """Raises AttemptFailed unless it was the provider that answered."""
        if self.response is None:
            raise AttemptFailed(Failure.NONSENSE)

    def demand_finish(self) -> None:
        """Raises AttemptFailed unless the provider answered and sent a finish reason."""
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
        raise AttemptFailed(Failure.OUR_FAULT)  # a request that litellm makes on its own is refused
    return exchange
