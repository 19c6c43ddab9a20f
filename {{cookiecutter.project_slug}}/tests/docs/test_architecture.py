"""The layers that docs/architecture.md draws are those that the import contract keeps."""

import re
import tomllib

from tests.docs.pages import DOCS, PROJECT, blocks, text


def modules(line: str) -> list[str]:
    return re.findall(r"\w+", line)


def test_the_drawn_layers_are_those_of_the_contract_in_their_order() -> None:
    contracts = tomllib.loads(text(PROJECT / "pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    place = {module: number for number, layer in enumerate(layers) for module in modules(layer)}
    (drawing,) = blocks(DOCS / "architecture.md", "text")
    drawn = [modules(re.split(r"\s{2,}", line)[0]) for line in drawing.splitlines()]
    places = [[place[module] for module in row] for row in drawn]
    assert all(len(set(row)) == 1 for row in places)
    assert [row[0] for row in places] == sorted({row[0] for row in places})
