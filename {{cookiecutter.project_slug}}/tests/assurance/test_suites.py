from pathlib import Path
from typing import Any

import pytest

from assurance.evals.suite import SuiteError, read_suites
from tests.assurance.written import case, written


def test_the_cases_of_this_project_can_be_read() -> None:
    assert "assistant" in {suite.name for suite in read_suites()}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (case(inputs={"model": "assistant", "ask": "?", "data_clas": "public"}), "data_clas"),
        (case(metadata={"requird": True}), "requird"),
        (case(evaluators=[]), "'only' has no evaluators"),
        (case(evaluators=[{"Say": ["it"]}]), "'Say'"),
        (case(evaluators=["Grounded"]), "needs `documents` among its inputs for Grounded"),
        (case(evaluators=[{"CallsTool": "lookup"}]), "needs `tools`"),
        (case(evaluators=["FitsSchema"]), "needs `json_schema`"),
    ],
)
def test_a_case_with_a_slip_is_refused_by_file_and_name(tmp_path: Path, content: dict[str, Any], says: str) -> None:
    with pytest.raises(SuiteError, match=r"some\.yaml") as refusal:
        read_suites(*written(tmp_path, content))
    assert says in str(refusal.value)


@pytest.mark.parametrize("thresholds", [{"some": 0.5}, {"default": 0}, {"default": 80}, {"default": "all"}])
def test_a_threshold_that_guards_nothing_is_refused(tmp_path: Path, thresholds: dict[str, Any]) -> None:
    with pytest.raises(SuiteError, match=r"thresholds\.yaml"):
        read_suites(*written(tmp_path, case(), thresholds))


def test_a_file_may_have_a_threshold_of_its_own(tmp_path: Path) -> None:
    (suite,) = read_suites(*written(tmp_path, case(), {"default": 1, "some": 0.25, "file of a deleted feature": 1}))
    assert suite.threshold == 0.25
