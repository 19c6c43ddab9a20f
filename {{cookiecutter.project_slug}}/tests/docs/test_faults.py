"""docs/governance/faults.md: every fault of the catalogue's groups M and D is there, with tests that there are."""

import ast

from tests.docs.pages import DOCS, PROJECT, names, rows

PAGE = DOCS / "governance" / "faults.md"
EXPECTED = [*(f"M{number:02}" for number in range(1, 10)), *(f"D{number:02}" for number in range(1, 16))]


def test_every_fault_has_its_row() -> None:
    assert [fault.split()[0] for fault, *_ in rows(PAGE)] == EXPECTED


def test_every_test_that_shows_a_fault_is_there() -> None:
    for fault, _, shown_by in rows(PAGE):
        shown = names(shown_by)
        assert shown, fault
        for one in shown:
            file, _, name = one.partition("::")
            tree = ast.parse((PROJECT / file).read_text(encoding="utf-8"))
            defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
            assert name in defined, one
