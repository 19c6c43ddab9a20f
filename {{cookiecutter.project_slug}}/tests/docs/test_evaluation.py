"""docs/evaluation.md names every evaluator and option, and its case is one."""

from pathlib import Path

import yaml

from {{ cookiecutter.package_name }}.feedback import Said

from assurance.evals.evaluators import EVALUATORS
from assurance.evals.question import Question
from assurance.evals.suite import read_suites
from tests.docs.pages import DOCS, blocks, names, rows, text

PAGE = DOCS / "evaluation.md"


def test_every_evaluator_has_its_row() -> None:
    found = [name for row in rows(PAGE) for name in names(row[0])]
    assert sorted(found) == sorted(kind.__name__ for kind in EVALUATORS)


def test_every_part_of_a_question_is_named() -> None:
    assert [name for name in Question.model_fields if f"`{name}`" not in text(PAGE)] == []


def test_the_case_that_is_shown_can_be_read(tmp_path: Path) -> None:
    (shown,) = [block for block in blocks(PAGE, "yaml") if block.startswith("name: expenses")]
    (tmp_path / "expenses.yaml").write_text(shown, encoding="utf-8")
    (suite,) = read_suites(tmp_path)
    assert [case.name for case in suite.cases.cases] == ["price_of_a_hotel"]
    assert all(yaml.safe_load(block) for block in blocks(PAGE, "yaml"))


def test_the_feedback_that_is_shown_is_one() -> None:
    (shown,) = blocks(PAGE, "json")
    said = Said.model_validate_json(shown.replace("chatcmpl-…", f"chatcmpl-{'a' * 32}"))
    assert (said.score, len(said.conversation or [])) == (0, 2)
