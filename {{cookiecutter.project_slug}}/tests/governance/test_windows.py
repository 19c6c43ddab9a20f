import time

import pytest
from limits import RateLimitItemPerMinute

from {{ cookiecutter.package_name }}.governance.windows import MinuteWindows

TEN = RateLimitItemPerMinute(10)
NOON = 60.0 * 29_000_000


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOON
        monkeypatch.setattr(time, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


async def hits(windows: MinuteWindows, times: int) -> int:
    return [await windows.hit(TEN, "requests", "ada") for _ in range(times)].count(True)


async def test_the_minute_before_counts_by_the_share_of_it_that_is_not_over(clock: Clock) -> None:
    windows = MinuteWindows()
    assert await hits(windows, 12) == 10
    clock.now = NOON + 60 + 30  # half of the ten are forgotten
    assert await hits(windows, 12) == 5
    clock.now = NOON + 3 * 60
    assert await hits(windows, 12) == 10


async def test_a_clock_that_is_set_back_gives_nobody_more(clock: Clock) -> None:
    windows = MinuteWindows()
    assert await hits(windows, 10) == 10
    clock.now = NOON - 90
    assert await hits(windows, 1) == 0


async def test_there_is_room_again_when_the_window_says_so(clock: Clock) -> None:
    windows = MinuteWindows()
    await hits(windows, 10)
    for _ in range(2):
        told = (await windows.get_window_stats(TEN, "requests", "ada")).reset_time
        assert 0 < told - clock.now <= 60
        clock.now = told + 0.001
    assert await hits(windows, 1) == 1


async def test_what_has_no_room_for_all_of_its_cost_takes_nothing(clock: Clock) -> None:
    windows = MinuteWindows()
    assert not await windows.hit(TEN, "tokens", "ada", cost=11)
    assert await windows.hit(TEN, "tokens", "ada", cost=10)
