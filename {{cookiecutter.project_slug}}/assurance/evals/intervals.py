"""How sure are we? Intervals that hold the true value in 19 cases of 20.

Shares are shares of runs. Repeats of a case are not new samples of all possible questions, so an interval covers these
cases and the model's randomness, but says nothing about questions that are not in the suite.
"""

import math
import random
from collections.abc import Sequence
from statistics import fmean
from typing import NamedTuple

Z = 1.959964  # 97.5 % of a normal distribution lie below
RESAMPLES = 2_000


class Interval(NamedTuple):
    low: float
    high: float


def wilson(successes: int, count: int) -> Interval:
    """Of a share (Wilson 1927): it stays between 0 and 1, and holds for few runs too."""
    share, square = successes / count, Z**2
    middle = (share + square / (2 * count)) / (1 + square / count)
    half = Z * math.sqrt(share * (1 - share) / count + square / (4 * count**2)) / (1 + square / count)
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def difference(before: tuple[int, int], after: tuple[int, int]) -> Interval:
    """Of two shares, each as (successes, count), after less before: Newcombe's method 10 (1998), from Wilson's."""
    (was, low_was, high_was), (now, low_now, high_now) = [
        (successes / count, *wilson(successes, count)) for successes, count in (before, after)
    ]
    gap = now - was
    return Interval(
        gap - math.sqrt((now - low_now) ** 2 + (high_was - was) ** 2),
        gap + math.sqrt((high_now - now) ** 2 + (was - low_was) ** 2),
    )


def mean_interval(values: Sequence[float]) -> Interval:
    """Of a mean, by percentiles of resampled means (Efron's bootstrap); the same values give the same interval."""
    draw = random.Random(0)
    means = sorted(fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return Interval(means[round(0.025 * RESAMPLES)], means[round(0.975 * RESAMPLES) - 1])


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
