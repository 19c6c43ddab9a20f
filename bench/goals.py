"""What the service is to reach, as ratios of one run, and which of it this run has reached."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from bench.rounds import Cell, Samples, middle, ratio
from bench.starts import Running
from bench.targets import LITELLM, PASSTHROUGH, PORTKEY, PROXY, service_name

ONE, MANY, STREAMS = Cell(1, False), Cell(16, False), Cell(16, True)
DATABASES = ("PostgreSQL", "SQLite")


@dataclass(frozen=True)
class Seen:
    samples: Samples
    running: Mapping[str, Running]


Measure = Callable[[Seen, str], float]  # of the service of that name; NaN where it is not known


@dataclass(frozen=True)
class Goal:
    text: str
    sign: str  # ≥ or ≤
    limit: float
    measure: Measure
    adapter: str = "direct"

    def verdict(self, seen: Seen, database: str) -> str:
        value = self.measure(seen, service_name(self.adapter, database))
        if math.isnan(value):
            return "-"
        met = value >= self.limit if self.sign == "≥" else value <= self.limit
        return f"{value:.3g} {'met' if met else '**missed**'}"


def _over(peer: str, cell: Cell, what: str) -> Measure:
    return lambda seen, name: ratio(seen.samples, cell, name, peer, attrgetter(what))


def _added_p99(seen: Seen, name: str) -> float:
    p99 = [middle(seen.samples.get((ONE, one), []), attrgetter("p99")) for one in (name, PASSTHROUGH)]
    return (p99[0] - p99[1]) * 1000


def _start(what: str) -> Measure:
    def over_the_proxy(seen: Seen, name: str) -> float:
        if name not in seen.running or PROXY not in seen.running:
            return math.nan
        read: Callable[[object], float] = attrgetter(f"start.{what}")
        return read(seen.running[name]) / read(seen.running[PROXY])

    return over_the_proxy


GOALS = [
    Goal("over litellm: rate ÷ FastAPI + litellm, 16", "≥", 0.90, _over(LITELLM, MANY, "rate"), "litellm"),
    Goal("rate ÷ FastAPI + litellm, 16", "≥", 5, _over(LITELLM, MANY, "rate")),
    Goal("rate ÷ LiteLLM proxy, 16", "≥", 12, _over(PROXY, MANY, "rate")),
    Goal("rate ÷ LiteLLM proxy, 1", "≥", 5, _over(PROXY, ONE, "rate")),
    Goal("rate ÷ Portkey, 16", "≥", 2, _over(PORTKEY, MANY, "rate")),
    Goal("rate ÷ Portkey, 1", "≥", 1, _over(PORTKEY, ONE, "rate")),
    Goal("CPU ÷ FastAPI + aiohttp, 16", "≤", 2, _over(PASSTHROUGH, MANY, "cpu")),
    Goal("p99 above FastAPI + aiohttp, 1, in ms", "≤", 10, _added_p99),
    Goal("first byte ÷ FastAPI + aiohttp, streamed, 16", "≤", 1.5, _over(PASSTHROUGH, STREAMS, "first_byte")),
    Goal("CPU ÷ FastAPI + litellm, streamed, 16", "≤", 1 / 8, _over(LITELLM, STREAMS, "cpu")),
    Goal("time to ready ÷ LiteLLM proxy", "≤", 1 / 12, _start("ready")),
    Goal("time to the first answer ÷ LiteLLM proxy", "≤", 1 / 12, _start("answered")),
    Goal("memory under load ÷ LiteLLM proxy, 16", "≤", 1 / 3, _over(PROXY, MANY, "memory")),
]


def rows(samples: Samples, running: list[Running]) -> Iterator[list[str]]:
    seen = Seen(samples, {one.target.name: one for one in running})
    for goal in GOALS:
        verdicts = [goal.verdict(seen, database) for database in DATABASES]
        if verdicts != ["-"] * len(DATABASES):
            yield [goal.text, f"{goal.sign} {goal.limit:.3g}", *verdicts]
