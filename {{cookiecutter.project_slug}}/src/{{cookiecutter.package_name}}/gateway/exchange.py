"""What really happens on the wire in one call through a library, whatever the library makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import aiohttp

from .failure import AttemptFailed, Failure


@dataclass
class Exchange:
    """`body` is kept of an answer that is no stream."""

    session: aiohttp.ClientSession
    trace_headers: Mapping[str, str] = field(default_factory=dict)
    response: aiohttp.ClientResponse | None = None
    body: bytearray = field(default_factory=bytearray)
    failure: AttemptFailed | None = None

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
        """Server-sent events, or Amazon's binary ones."""
        return self.response is not None and self.response.content_type.endswith("stream")

    def demand_finish(self, seen: bool) -> None:
        """Raises AttemptFailed unless the provider answered and was `seen` to say that its answer is at the end."""
        if self.response is None or not seen:
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
