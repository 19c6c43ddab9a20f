"""A clock that a test owns: what waits is woken at once, so that an hour passes in a moment.

asyncio reads `time.monotonic` like deadlines and breakers. Replacing that one function moves all of them together, and
nothing of the service is replaced. What takes processor time takes none on this clock: that is measured elsewhere.
"""

import asyncio
import selectors
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


class ScriptedClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class _Selector(selectors.DefaultSelector):
    """Instead of waiting for the next timer, moves the clock there."""

    def __init__(self, clock: ScriptedClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = super().select(0)
        if not found:
            assert timeout is not None, "everybody waits for what nobody is going to do"
            self._clock.now += timeout
        return found


def played(scene: Coroutine[Any, Any, T]) -> T:
    """Runs it in a loop of its own, on a scripted clock."""
    clock = ScriptedClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(_Selector(clock))) as runner:
            return runner.run(scene)
