import asyncio
import time

import pytest

from {{ cookiecutter.package_name }}.deadline import Deadline


def test_time_runs_from_the_arrival_and_never_below_zero() -> None:
    arrived = time.monotonic() - 2
    deadline = Deadline.after(5, start=arrived)
    assert deadline.remaining() == pytest.approx(3, abs=0.1)
    assert deadline.elapsed() == pytest.approx(2, abs=0.1)
    assert Deadline.after(1, start=arrived).remaining() == 0


def test_a_deadline_can_be_shortened_and_never_lengthened() -> None:
    deadline = Deadline.after(5)
    assert deadline.no_later_than(1).end == pytest.approx(deadline.start + 1)
    assert deadline.no_later_than(60).end == deadline.end
    assert deadline.no_later_than(1).no_later_than(60).end == pytest.approx(deadline.start + 1)


@pytest.mark.parametrize(("seconds", "at_most"), [(0.05, None), (0.05, 60), (60, 0.05), (0, None), (-1, 5)])
async def test_what_waits_is_ended_by_the_nearer_of_two_ends(seconds: float, at_most: float | None) -> None:
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with Deadline.after(seconds).timeout(at_most):
            await asyncio.sleep(10)
    assert time.monotonic() - begun < 1


async def test_what_is_ready_in_time_is_let_through() -> None:
    async with Deadline.after(5).timeout():
        await asyncio.sleep(0)


async def test_a_dripping_source_does_not_win_time() -> None:
    async def drip(deadline: Deadline) -> None:
        while True:
            async with deadline.timeout(at_most=0.15):
                await asyncio.sleep(0.05)

    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        await drip(Deadline.after(0.2))
    assert time.monotonic() - begun < 1
