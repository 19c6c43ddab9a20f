"""A file of cases as a team writes it, and the thresholds beside it."""

from pathlib import Path
from typing import Any

import yaml


def case(ask: str = "Is it?", **changes: Any) -> dict[str, Any]:
    usual = {"name": "only", "inputs": {"model": "assistant", "ask": ask}, "evaluators": [{"Says": ["it"]}]}
    return {"name": "some", "cases": [{**usual, **changes}]}


def written(folder: Path, content: dict[str, Any], thresholds: dict[str, Any] | None = None) -> tuple[Path, Path]:
    cases = folder / "cases"
    cases.mkdir()
    (cases / "some.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shares = folder / "thresholds.yaml"
    shares.write_text(yaml.safe_dump(thresholds or {"default": 1}), encoding="utf-8")
    return cases, shares
