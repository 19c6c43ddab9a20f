"""How much time is left: one Deadline per request, asked by everything that waits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point on the monotonic clock, so that a changed wall clock moves no deadline. All times in seconds."""

    start: float
    end: float
    by_caller: bool = False  # it ends when the caller wished, not when the route would

    @classmethod
    def after(cls, seconds: float, *, start: float | None = None) -> Deadline:
        begun = time.monotonic() if start is None else start
        return cls(begun, begun + seconds)

    def no_later_than(self, seconds: float, *, by_caller: bool = False) -> Deadline:
        """The same start; the earlier of this end and `seconds` after the start."""
        end = self.start + seconds
        return Deadline(self.start, end, by_caller) if end < self.end else self

    def remaining(self) -> float:
        return max(0.0, self.end - time.monotonic())

    def elapsed(self) -> float:
        return time.monotonic() - self.start

    def timeout(self, at_most: float | None = None) -> asyncio.Timeout:
        """Raises TimeoutError inside its block when the time, or `at_most` seconds of it, is over."""
        left = self.remaining()
        return asyncio.timeout(left if at_most is None else min(left, at_most))
