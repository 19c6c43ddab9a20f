"""When is a run worse than another one, and what is a baseline?"""

from dataclasses import replace
from pathlib import Path

import pytest

from assurance.evals.baseline import FOLDER, accept, baseline_of, path_of
from assurance.evals.comparison import Comparison
from assurance.evals.outcome import Row, Run, read_run
from assurance.evals.page import page
from assurance.evals.suite import SuiteError
from assurance.evals.table import said_of, shown
from tests.assurance.written import ROW, run_of


def rows(passed: int, of: int, *, deployment: str = "first") -> list[Row]:
    return [
        replace(ROW, case=f"case {number}", passed=number < passed, deployment=deployment, latency_ms=100 + number)
        for number in range(of)
    ]


def compared(before: Run, after: Run) -> Comparison:
    return Comparison(before, after, ("before", "after"))


@pytest.mark.parametrize(("passed", "is_drop"), [(10, False), (9, False), (7, False), (6, True), (0, True)])
def test_a_drop_counts_only_where_chance_is_a_poor_explanation(passed: int, is_drop: bool) -> None:
    comparison = compared(run_of(*rows(10, 10)), run_of(*rows(passed, 10), threshold=0.1))
    assert [one.name for one in comparison.drops] == (["passed, some"] if is_drop else [])


def test_repeats_tell_a_smaller_drop_from_chance() -> None:
    before, after = (sorted(rows(passed, 10) * 5, key=lambda row: row.case) for passed in (10, 9))
    assert compared(run_of(*before), run_of(*after)).drops
    assert not compared(run_of(*rows(10, 10)), run_of(*rows(7, 10))).drops


def test_better_is_no_drop() -> None:
    comparison = compared(run_of(*rows(0, 10)), run_of(*rows(10, 10)))
    assert [(one.sure, one.gap.low > 0) for one in comparison.shares()] == [(True, True)]
    assert comparison.drops == []


def test_a_question_that_was_changed_is_compared_with_nothing() -> None:
    asked = replace(ROW, question="Is it still?")
    assert compared(run_of(ROW), run_of(asked)).pairs() == []
    assert [*compared(run_of(ROW), run_of(asked)).shares()] == []


def test_cost_and_latency_are_compared_case_by_case_where_both_are_known() -> None:
    costs = [(0.001, 0.002), (0.1, 0.101), (None, 1.0)]
    before, after = (
        run_of(*(replace(ROW, case=str(place), cost_usd=pair[side]) for place, pair in enumerate(costs)))
        for side in (0, 1)
    )
    (score, cost) = compared(before, after).means()
    assert (score.sure, cost.sure) == (False, True)
    assert cost.gap == pytest.approx((0.001, 0.001))
    assert cost.before == pytest.approx(0.0505)


def test_latency_of_another_address_is_not_compared() -> None:
    run = run_of(replace(ROW, latency_ms=100))
    elsewhere = replace(run, about=replace(run.about, url="http://127.0.0.1:2"))
    assert [one.name for one in compared(run, run).means()] == ["score", "latency"]
    assert [one.name for one in compared(elsewhere, run).means()] == ["score"]
    assert "Latency is not compared" in "\n".join(said_of(run, compared(elsewhere, run)))
    assert "Latency is not compared" in page(run, compared(elsewhere, run))


def test_a_share_says_of_how_many_runs_it_is() -> None:
    (share,) = compared(run_of(*rows(10, 10) * 3), run_of(*rows(10, 10))).shares()
    assert shown(share).startswith("100% of 30 -> 100% of 10, may be chance (")


def test_the_same_cost_summed_in_another_order_is_no_difference() -> None:
    before = [replace(ROW, cost_usd=0.1)] * 3
    (_, cost) = compared(run_of(*before), run_of(replace(ROW, cost_usd=0.1))).means()
    assert sum([0.1] * 3) / 3 != 0.1
    assert (cost.gap, shown(cost)) == ((0, 0), "$0.100000 -> $0.100000, may be chance ($0.000000 to $0.000000)")


def test_a_baseline_is_kept_by_the_deployment_that_answered_and_only_when_accepted(tmp_path: Path) -> None:
    run = run_of(*rows(10, 10, deployment="../gpt eu"))
    assert baseline_of(run, tmp_path) is None
    assert list(tmp_path.iterdir()) == []
    assert accept(run, tmp_path) == tmp_path / "..-gpt-eu.json"
    assert baseline_of(run, tmp_path) == run
    assert baseline_of(run_of(*rows(10, 10, deployment="second")), tmp_path) is None


def test_a_run_that_did_not_pass_is_no_baseline(tmp_path: Path) -> None:
    for bad in (run_of(*rows(4, 10)), run_of(replace(ROW, deployment=None))):
        with pytest.raises(SuiteError, match="did not pass"):
            accept(bad, tmp_path)


def test_the_baselines_of_this_project_can_be_read() -> None:
    for path in FOLDER.glob("*.json"):
        assert path_of(read_run(path)) == path


def test_a_file_that_is_no_baseline_is_named(tmp_path: Path) -> None:
    path_of(run_of(ROW), tmp_path).write_text("{}", encoding="utf-8")
    with pytest.raises(SuiteError, match=r"first\.json is no baseline"):
        baseline_of(run_of(ROW), tmp_path)
