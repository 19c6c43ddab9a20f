"""What each key has used in this minute and in the one before: the sliding window of one replica."""

import time
from collections import Counter
from math import floor

from limits import RateLimitItem, WindowStats

SECONDS = 60


class MinuteWindows:
    """Stands in for `limits`' own window over its own memory, which looks through all keys at each hit."""

    def __init__(self) -> None:
        self._minute = 0
        self._before: Counter[tuple[str, ...]] = Counter()
        self._now: Counter[tuple[str, ...]] = Counter()

    def __len__(self) -> int:
        return len(self._before) + len(self._now)

    async def hit(self, item: RateLimitItem, *key: str, cost: int = 1) -> bool:
        """Whether there was room; nothing is counted where there was none."""
        weighted = self._before[key] * (1 - self._passed()) + self._now[key]
        if floor(weighted) + cost > item.amount:
            return False
        self._now[key] += cost
        return True

    async def get_window_stats(self, item: RateLimitItem, *key: str) -> WindowStats:
        """When there is next room for one: when the minute is over, or one of the minute before has lost its weight."""
        left, before = (1 - self._passed()) * SECONDS, self._before[key]
        wait = min(left, left % (SECONDS / before)) if before else left
        remaining = item.amount - floor(before * left / SECONDS + self._now[key])
        return WindowStats(time.time() + wait, max(0, remaining))

    def _passed(self) -> float:
        """The elapsed share of this minute. A clock that is set back does not return to an earlier minute."""
        now = time.time() / SECONDS
        if (minute := int(now)) > self._minute:
            self._before = self._now if minute == self._minute + 1 else Counter()
            self._now, self._minute = Counter(), minute
        return max(0.0, now - self._minute)
