"""Alternating rounds: in each, every target gets a window of every kind of load, as noise meets all alike."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.client import Window, load
from bench.process import Process
from bench.starts import Running
from bench.targets import Target

UPSTREAM = "the upstream itself"


@dataclass(frozen=True)
class Cell:
    connections: int
    stream: bool

    def __str__(self) -> str:
        many = "1 connection" if self.connections == 1 else f"{self.connections} connections"
        return f"{'streamed' if self.stream else 'plain'}, {many}"


CELLS = [Cell(connections, stream) for stream in (False, True) for connections in (1, 16, 64)]


@dataclass(frozen=True)
class Sample:
    """Of one window. Times in seconds, each for one answer; NaN where there is none."""

    rate: float
    cpu: float
    p50: float
    p99: float
    first_byte: float
    answers: int
    failed: int
    memory: float


Samples = dict[tuple[Cell, str], list[Sample]]


async def measure(
    running: Sequence[Running], upstream: Target, rounds: int, seconds: float, say: Callable[[str], None]
) -> tuple[Samples, list[str]]:
    """The samples in order of their rounds, and what the first failed answer of each target was."""
    samples: Samples = {}
    faults: dict[str, str] = {}
    everyone = [(upstream, None), *((one.target, one.process) for one in running)]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        for cell in CELLS:
            for target, process in everyone[:: -1 if number % 2 else 1]:
                window, sample = await _sample(target, process, cell, seconds)
                samples.setdefault((cell, target.name), []).append(sample)
                if window.failed:
                    faults.setdefault(target.name, f"{target.name}, {cell}: {window.failed[0]}")
    return samples, list(faults.values())


async def _sample(
    target: Target, process: Process | None, cell: Cell, seconds: float
) -> tuple[Window, Sample]:
    before = process.usage() if process else None
    requests = target.requests(cell.stream)
    window = await load(
        target.port, requests, connections=cell.connections, seconds=seconds, stream=cell.stream
    )
    after = process.usage() if process else None
    cpu = memory = math.nan
    if before and after and before.cpu is not None and after.cpu is not None and window.took:
        cpu, memory = (after.cpu - before.cpu) / len(window.took), after.memory or math.nan
    return window, Sample(
        rate=window.rate,
        cpu=cpu,
        p50=_percentile(window.took, 0.5),
        p99=_percentile(window.took, 0.99),
        first_byte=_percentile(window.first_byte, 0.5),
        answers=len(window.took),
        failed=len(window.failed),
        memory=memory,
    )


async def warm(targets: Sequence[Target]) -> None:
    for target in targets:
        for stream in (False, True):
            await load(target.port, target.requests(stream), connections=16, seconds=1, stream=stream)


def ratio(samples: Samples, cell: Cell, one: str, other: str, measure_of: Callable[[Sample], float]) -> float:
    """The median of the rounds' own ratios: both windows of a round met about the same noise."""
    found = list(_ratios(samples.get((cell, one), []), samples.get((cell, other), []), measure_of))
    return median(found) if found else math.nan


def _ratios(
    ones: list[Sample], others: list[Sample], measure_of: Callable[[Sample], float]
) -> Iterator[float]:
    for one, other in zip(ones, others, strict=False):
        value = measure_of(one) / (measure_of(other) or math.nan)
        if not math.isnan(value):
            yield value


def middle(samples: list[Sample], measure_of: Callable[[Sample], float]) -> float:
    found = [value for one in samples if not math.isnan(value := measure_of(one))]
    return median(found) if found else math.nan


def _percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else math.nan
