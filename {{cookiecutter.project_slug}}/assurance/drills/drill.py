from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from assurance.drills.stage import Stage

Visit = Callable[[Stage], Awaitable[object]]


class DrillFailedError(Exception):
    """What did not come as it should, in one line."""


async def ask(stage: Stage) -> None:
    await stage.ask()


@dataclass(frozen=True)
class Drill:
    """How one alert is brought about, and what its runbook then shows.

    `fault` breaks something, and mends it where it ends. `shows`: patterns, each of which the runbook's commands print
    while the alert fires, and none before. `visit`: what people do all the time, `every` so many seconds. `pace`: how
    much faster the rules run. `past`: seconds of ordinary use before the fault. `findings`: words of a command that may
    end with status 1, since that is how it tells what it found. `name`: what is broken.
    """

    alert: str
    fault: Callable[[Stage], AbstractAsyncContextManager[None]]
    shows: Sequence[str]
    visit: Visit = ask
    every: float = 0.25
    pace: float = 60
    past: float = 3
    findings: Sequence[str] = ()
    name: str = ""


def drill(
    alert: str,
    *,
    shows: Sequence[str],
    visit: Visit = ask,
    every: float = 0.25,
    pace: float = 60,
    past: float = 3,
    findings: Sequence[str] = (),
) -> Callable[[Callable[[Stage], AsyncIterator[None]]], Drill]:
    """Around a function that breaks something, yields, and mends it."""

    def of(fault: Callable[[Stage], AsyncIterator[None]]) -> Drill:
        return Drill(alert, asynccontextmanager(fault), shows, visit, every, pace, past, findings, fault.__name__)

    return of
