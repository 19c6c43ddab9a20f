"""From nothing to an answer: each target asked until it lives, until it is ready, and once for real."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.client import answers, get
from bench.process import Process
from bench.targets import NotRunError, Target, slug

STARTED = 120.0  # seconds
STEP = 0.01


@dataclass(frozen=True)
class Start:
    """Seconds since the program was started."""

    alive: float
    ready: float
    answered: float


@dataclass
class Running:
    target: Target
    start: Start
    process: Process


async def started(make: Callable[[], Target], folder: Path) -> Running:
    """Starts it twice and measures the second time, as the first compiles byte code. Raises NotRunError."""
    target = make()
    log = folder / f"{slug(target.name)}.log"
    for last in (False, True):
        begun, process = time.perf_counter(), Process(target.command, target.environment, folder, log)
        try:
            start = await _watched(target, process, log, begun)
        except BaseException:
            process.stop()
            raise
        if last:
            return Running(target, start, process)
        process.stop()
    raise AssertionError


async def _watched(target: Target, process: Process, log: Path, begun: float) -> Start:
    seen = []
    for request in (get(target.alive), get(target.ready), next(target.requests(stream=False))):
        while not await answers(target.port, request):
            if process.ended or time.perf_counter() - begun > STARTED:
                said = log.read_text(errors="replace").strip().splitlines()
                raise NotRunError(f"did not start: {said[-1] if said else 'it said nothing'}")
            await asyncio.sleep(STEP)
        seen.append(time.perf_counter() - begun)
    return Start(*seen)
