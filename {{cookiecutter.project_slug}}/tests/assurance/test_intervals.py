"""Against what the papers print, and against the promise of 95 %."""

from math import comb

import pytest

from assurance.evals.intervals import difference, mean_interval, percentile, wilson


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_figures_of_newcombe_s_first_paper(
    successes: int, count: int, low: float, high: float
) -> None:
    assert wilson(successes, count) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("before", "after", "low", "high"),
    [((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090), ((0, 10), (10, 10), 0.6075, 1.0)],
)
def test_the_difference_gives_those_of_his_second(
    before: tuple[int, int], after: tuple[int, int], low: float, high: float
) -> None:
    assert difference(before, after) == pytest.approx((low, high), abs=5e-5)


def test_wilson_holds_the_true_share_in_about_nineteen_cases_of_twenty() -> None:
    def covered(share: float, count: int) -> float:
        outcomes = [(one, *wilson(one, count)) for one in range(count + 1)]
        chances = {one: comb(count, one) * share**one * (1 - share) ** (count - one) for one, _, _ in outcomes}
        return sum(chances[one] for one, low, high in outcomes if low <= share <= high)

    promised = [covered(share / 100, 20) for share in range(5, 100, 5)]
    assert 0.94 < sum(promised) / len(promised) < 0.97


def test_the_interval_of_a_mean_is_the_same_each_time_and_narrower_with_more_values() -> None:
    few, many = [1.0, 2.0, 3.0, 10.0], [1.0, 2.0, 3.0, 10.0] * 25
    assert mean_interval(few) == mean_interval(few)
    low, high = mean_interval(few)
    assert low < 4 < high
    low_of_many, high_of_many = mean_interval(many)
    assert low < low_of_many < 4 < high_of_many < high
    assert mean_interval([0.5] * 8) == (0.5, 0.5)


def test_percentiles_are_values_that_were_measured() -> None:
    assert [percentile(list(range(1, 21)), share) for share in (0.5, 0.95, 1)] == [10, 19, 20]
    assert percentile([7], 0.5) == 7
