"""A file of cases as a team writes it, and the thresholds beside it."""

from pathlib import Path
from typing import Any

import yaml

from assurance.evals.outcome import About, Row, Run, Verdict

ABOUT = About("2026-01-31T09:15:00+00:00", "http://127.0.0.1:1", 1, "none", "c" * 64, {"handbook/answer": "1 (abc)"})
ROW = Row("some", "only", "assistant", False, True, 1.0, [], "Is it?", {"Says": True}, "It is.", "a" * 32, "first")


def run_of(*rows: Row, threshold: float = 0.5) -> Run:
    suites = dict.fromkeys(row.suite for row in rows)
    verdicts = [Verdict(name, threshold, [row for row in rows if row.suite == name]) for name in suites]
    return Run(ABOUT, verdicts)


def case(ask: str = "Is it?", **changes: Any) -> dict[str, Any]:
    usual = {"name": "only", "inputs": {"model": "assistant", "ask": ask}, "evaluators": [{"Says": ["it"]}]}
    return {"name": "some", "cases": [{**usual, **changes}]}


def written(folder: Path, content: dict[str, Any], thresholds: dict[str, Any] | None = None) -> tuple[Path, Path]:
    cases = folder / "cases"
    cases.mkdir(parents=True, exist_ok=True)
    (cases / "some.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shares = folder / "thresholds.yaml"
    shares.write_text(yaml.safe_dump(thresholds or {"default": 1}), encoding="utf-8")
    return cases, shares
