"""Two runs side by side: a baseline and now, or one model and another."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from assurance.evals.intervals import Interval, difference, mean_interval
from assurance.evals.outcome import Row, Run, known, mean

PASSED = "passed, "  # in front of a suite's name


@dataclass(frozen=True)
class Pair:
    """One case in both runs, each time that it was asked."""

    suite: str
    case: str
    before: list[Row]
    after: list[Row]


@dataclass(frozen=True)
class Change:
    """Of a share of passed runs, or of a mean over cases. `gap`: after less before; `runs`: how many a share is of."""

    name: str
    before: float
    after: float
    gap: Interval
    runs: tuple[int, int] | None = None

    @property
    def sure(self) -> bool:
        """Whether zero is outside of the interval, so that chance is a poor explanation."""
        return self.gap.low > 0 or self.gap.high < 0


@dataclass(frozen=True)
class Comparison:
    """`names`: what the two are called."""

    before: Run
    after: Run
    names: tuple[str, str]

    def pairs(self) -> list[Pair]:
        """Cases that ask the same in both runs; a question that was changed or is new is compared with nothing."""
        earlier, later = _cases(self.before), _cases(self.after)
        return [Pair(*key[:2], earlier[key], later[key]) for key in later if key in earlier]

    def shares(self) -> list[Change]:
        """Of each suite: how many of its runs passed."""
        return [_share(suite, list(pairs)) for suite, pairs in groupby(self.pairs(), key=lambda pair: pair.suite)]

    @property
    def timed_alike(self) -> bool:
        """Latency depends on the machine: it is compared only where both were asked of the same address."""
        return self.before.about.url == self.after.about.url

    def means(self) -> Iterator[Change]:
        """Score, cost and latency, each as a mean over cases, of those where both runs know it."""
        compared = [("score", "score"), ("cost", "cost_usd")]
        for name, column in compared + ([("latency", "latency_ms")] if self.timed_alike else []):
            both = [(mean(known(pair.before, column)), mean(known(pair.after, column))) for pair in self.pairs()]
            whole = [(was, now) for was, now in both if was is not None and now is not None]
            if whole:
                # Rounded, as the same cost summed in another order is the same cost.
                gap = mean_interval([round(now - was, 9) for was, now in whole])
                yield Change(name, fmean(was for was, _ in whole), fmean(now for _, now in whole), gap)

    @property
    def drops(self) -> list[Change]:
        return [one for one in self.shares() if one.sure and one.gap.high < 0]


def _cases(run: Run) -> dict[tuple[str, str, str], list[Row]]:
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in run.rows:
        found.setdefault((row.suite, row.case, row.question), []).append(row)
    return found


def _share(suite: str, pairs: list[Pair]) -> Change:
    before = _count([row for pair in pairs for row in pair.before])
    after = _count([row for pair in pairs for row in pair.after])
    shares, gap = (before[0] / before[1], after[0] / after[1]), difference(before, after)
    return Change(f"{PASSED}{suite}", *shares, gap, runs=(before[1], after[1]))


def _count(rows: list[Row]) -> tuple[int, int]:
    return sum(row.passed for row in rows), len(rows)
