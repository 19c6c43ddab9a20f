"""Every combination of options gives a complete service, with exactly the files of the golden lists."""

import fnmatch
import re
from pathlib import Path

import pytest

from tests.baking import Answers, bake, combinations, copied_patterns, files, questions, text_of, unparsable
from tests.golden import expected, paths

# Their own braces are right: GitHub's expressions, Grafana's legends, Prometheus' alert texts.
WITH_BRACES = [*copied_patterns(), "ops/*.yaml", "*.py"]
UNRENDERED = re.compile(rf"cookiecutter\.({'|'.join(questions())})|\{{%-? *(if|for|raw|include)")


def title(answers: Answers) -> str:
    return "-".join(str(value) for value in answers.values())


@pytest.fixture(scope="module", params=combinations(), ids=title)
def answers(request: pytest.FixtureRequest) -> Answers:
    chosen: Answers = request.param
    return chosen


@pytest.fixture(scope="module")
def service(answers: Answers, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bake(tmp_path_factory.mktemp(title(answers)), **answers)


def test_paths_are_those_of_the_golden_lists(service: Path, answers: Answers) -> None:
    assert paths(service) == expected(answers), (
        "if the change is meant, run `make golden` and review its diff"
    )


def test_nothing_is_left_unrendered(service: Path) -> None:
    for path in files(service):
        text = text_of(path)
        name = path.relative_to(service).as_posix()
        assert not UNRENDERED.search(text), name
        if not any(fnmatch.fnmatch(name, pattern) for pattern in WITH_BRACES):
            assert "{{" not in text, name


def test_every_file_parses(service: Path) -> None:
    assert unparsable(service) == []


def test_the_licence_is_the_chosen_one(service: Path, answers: Answers) -> None:
    text = (service / "LICENSE").read_text()
    first_words = {"Apache-2.0": "Apache License", "MIT": "MIT License", "Proprietary": "Copyright (c)"}
    assert text.strip().startswith(first_words[answers["license"]])
    if answers["license"] != "Apache-2.0":
        assert questions()["owner"] in text
