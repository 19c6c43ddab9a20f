import time


class Breaker:
    """Leaves a deployment alone after failures in a row, then lets one request try it. Each replica has its own."""

    def __init__(self, *, failures: int = 5, pause: float = 20.0) -> None:
        self._limit = failures
        self._pause = pause  # seconds
        self._in_a_row = 0
        self._closed_until = 0.0

    def admits(self) -> bool:
        if self._in_a_row < self._limit:
            return True
        now = time.monotonic()
        if now < self._closed_until:
            return False
        self._closed_until = now + self._pause  # this one request tries; the others go on waiting
        return True

    @property
    def open(self) -> bool:
        return self._in_a_row >= self._limit

    def succeeded(self) -> None:
        self._in_a_row = 0

    def undecided(self) -> None:
        """The one request that tried ended without telling: the next may try at once."""
        self._closed_until = 0.0

    def failed(self) -> None:
        self._in_a_row += 1
        if self._in_a_row >= self._limit:
            self._closed_until = time.monotonic() + self._pause
