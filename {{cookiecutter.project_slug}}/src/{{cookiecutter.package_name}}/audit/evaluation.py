"""Records an evaluation on the trail: what was evaluated, when, and the result. No question and no answer."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ValidationError

from .event import Json, Kind
from .recorder import Recorder


class Row(BaseModel):
    """One answer. `model`: the route or feature that was asked."""

    model: str
    passed: bool
    deployment: str | None = None
    data_class: str | None = None
    cost_usd: float | None = None


class Suite(BaseModel):
    suite: str
    threshold: float
    rows: list[Row]


class About(BaseModel):
    """`code`: the digest of what was judged. `prompts`: of each prompt file, version and digest."""

    at: str
    url: str
    code: str
    judge: str
    prompts: dict[str, str]


class Report(BaseModel):
    """latest.json, as `python -m assurance.evals` writes it; what is not named here stays there."""

    passed: bool
    about: About
    verdicts: list[Suite]

    @property
    def rows(self) -> Sequence[Row]:
        return [row for suite in self.verdicts for row in suite.rows]

    def cost(self) -> int | None:
        """Micro-dollars; None where the cost of an answer is not known."""
        costs = [row.cost_usd for row in self.rows if row.deployment]
        known = [cost for cost in costs if cost is not None]
        return round(sum(known) * 1_000_000) if len(known) == len(costs) else None


def record_evaluation(recorder: Recorder, file: Path) -> Report:
    """Raises OSError, or ValueError for what is no report."""
    content = file.read_bytes()
    try:
        report = Report.model_validate_json(content)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, fault["loc"])) or "the file"
        raise ValueError(f"{file} is no report of an evaluation: {where}: {fault['msg']}") from None
    details = {"report": hashlib.sha256(content).hexdigest(), **_details(report)}
    with recorder.transaction() as connection:
        recorder.record(connection, Kind.EVALUATED, details)
    return report


def _details(report: Report) -> dict[str, Json]:
    return {
        **report.about.model_dump(exclude={"at"}),
        "judged_at": report.about.at,
        "passed": report.passed,
        "suites": [_suite(one) for one in report.verdicts],
        "models": sorted({row.model for row in report.rows}),
        "deployments": sorted({row.deployment for row in report.rows if row.deployment}),
        "data_classes": sorted({row.data_class for row in report.rows if row.data_class}),
        "cost_micro_usd": report.cost(),
    }


def _suite(one: Suite) -> dict[str, Json]:
    good = sum(row.passed for row in one.rows)
    return {
        "suite": one.suite,
        "answers": len(one.rows),
        "passed": good,
        "threshold_permille": round(one.threshold * 1_000),
    }
