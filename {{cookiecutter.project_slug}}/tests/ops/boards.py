"""The dashboards of ops/dashboards/, and what their panels ask Prometheus for."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[2]
BOARDS: dict[str, Any] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((PROJECT / "ops" / "dashboards").glob("*.json"))
}
LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)")


@dataclass(frozen=True)
class Query:
    board: str
    panel: str
    expression: str

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}"


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, board in BOARDS.items():
        for panel in board["panels"]:
            yield name, panel


def variables(board: dict[str, Any], kind: str = "") -> list[dict[str, Any]]:
    return [one for one in board["templating"]["list"] if kind in one["type"]]


def queries() -> Iterator[Query]:
    """As Grafana would send them, with everything chosen."""
    for board, panel in panels():
        for target in panel["targets"]:
            yield Query(board, panel["title"], chosen(target["expr"]))
    for name, board in BOARDS.items():
        for one in variables(board, "query"):
            asked = LABEL_VALUES.fullmatch(one["query"]["query"])
            assert asked, one["query"]
            yield Query(name, one["label"], chosen(f"count by ({asked[2]}) ({asked[1]})"))


def chosen(expression: str) -> str:
    return re.sub(r"\$\w+", ".*", re.sub(r"\$__(rate_interval|range)", "5m", expression))
