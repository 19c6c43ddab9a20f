"""docs/governance/attacks.md and asvs.md: complete, and every test that they name is there."""

from pathlib import Path

import pytest

from tests.docs.collected import cases, named_tests
from tests.docs.pages import DOCS, rows, text

ATTACKS, ASVS = DOCS / "governance" / "attacks.md", DOCS / "governance" / "asvs.md"
PAGES = (ATTACKS, ASVS)
# The lines of levels 1 and 2 in version 5.0.0.
LINES = {
    "7.1": 3,
    "7.2": 4,
    "7.3": 2,
    "7.4": 5,
    "7.5": 2,
    "7.6": 2,
    "8.1": 2,
    "8.2": 3,
    "8.3": 1,
    "8.4": 1,
    "9.1": 3,
    "9.2": 4,
    "10.1": 2,
    "10.2": 2,
    "10.3": 4,
    "10.4": 11,
    "10.5": 5,
    "10.6": 2,
    "10.7": 3,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_test_that_the_page_names_is_there(page: Path) -> None:
    assert [name for name in named_tests(text(page)) if not cases(PAGES, name)] == []


def test_every_kind_of_attack_has_a_row_with_a_test() -> None:
    found = {row[0]: row[-1] for row in rows(ATTACKS)}
    groups = [f"J-{letter}" for letter in "CAHPST"]
    wanted = [*groups, *(f"L{number:02}" for number in range(1, 45)), *(f"Z{number:02}" for number in range(1, 16))]
    assert list(found) == wanted
    assert [kind for kind, tests in found.items() if not named_tests(tests)] == []


def test_the_numbers_of_tokens_are_those_of_the_tests() -> None:
    for kind, *_, number, tests in rows(ATTACKS):
        if kind.startswith("J-"):
            assert int(number) == sum(cases(PAGES, name) for name in named_tests(tests)), kind


def test_every_line_of_the_chapters_has_a_row_with_a_test_or_a_reason() -> None:
    found = {row[0]: row[1:] for row in rows(ASVS)}
    assert list(found) == [f"{part}.{number}" for part, most in LINES.items() for number in range(1, most + 1)]
    for line, (level, asked, answer) in found.items():
        assert level in ("1", "2"), line
        assert asked, line
        assert named_tests(answer) or answer.startswith(("Not ours: ", "Documented: ", "Does not apply: ")), line
