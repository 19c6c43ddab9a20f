"""Each family does what its row in docs/conformance.md says, and nothing that it does breaks a caller."""

from collections.abc import AsyncIterator

import pytest

from tests.conformance.bench import Bench, bench
from tests.conformance.cases import CASES
from tests.conformance.families import FAMILIES, Family
from tests.conformance.page import BEGIN, cells, in_force, written
from tests.conformance.talk import cell
from tests.service import Surroundings

AGAIN = f"docs/conformance.md is not what was found; write it again: {BEGIN.partition(': ')[2].removesuffix(' -->')}"
DOCUMENTED = cells()


@pytest.fixture(scope="module")
async def opened(served_once: Surroundings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    await served_once.reset()
    async with bench(tmp_path_factory.mktemp("conformance"), served_once) as opened:
        yield opened


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
async def test_a_family_does_what_the_table_says(opened: Bench, family: Family, case: str) -> None:
    found = await cell(opened, family, CASES[case])
    assert DOCUMENTED.get((family.name, case)) == found, AGAIN


def test_the_page_has_every_family_and_the_version_that_was_run() -> None:
    assert written(DOCUMENTED) == in_force(), AGAIN
