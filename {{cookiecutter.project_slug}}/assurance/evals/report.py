"""What came of a run: a row for each case, a verdict for each suite, a table for people, JSON for programs."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pydantic_evals.reporting import EvaluationReport, ReportCase, ReportCaseFailure

from assurance.evals.question import Question, Reply
from assurance.evals.suite import Metadata, Suite

Ran = ReportCase[Question, Reply, Metadata]
Broke = ReportCaseFailure[Question, Reply, Metadata]


@dataclass(frozen=True)
class Row:
    """`score` is the share of a case's evaluators that were content; it passed when all were."""

    suite: str
    case: str
    required: bool
    passed: bool
    score: float
    faults: list[str]
    question: str
    answer: str | None = None
    deployment: str | None = None
    data_class: str | None = None
    cost_usd: float | None = None
    latency_ms: int | None = None


@dataclass(frozen=True)
class Verdict:
    suite: str
    threshold: float
    rows: list[Row] = field(repr=False)

    @property
    def share(self) -> float:
        return sum(row.passed for row in self.rows) / len(self.rows)

    @property
    def passed(self) -> bool:
        return self.share >= self.threshold and all(row.passed for row in self.rows if row.required)


def verdict(suite: Suite, report: EvaluationReport[Question, Reply, Metadata]) -> Verdict:
    ran = {case.name: _row(suite, case) for case in report.cases}
    broke = {case.name: _broken_row(suite, case) for case in report.failures}
    rows = ran | broke
    return Verdict(suite.name, suite.threshold, [rows[str(case.name)] for case in suite.cases.cases])


def _row(suite: Suite, case: Ran) -> Row:
    faults = [f"{one.name}: {one.reason}" for one in case.assertions.values() if not one.value]
    faults += [f"{one.name} broke: {one.error_message}" for one in case.evaluator_failures]
    receipt = case.output.receipt
    return Row(
        suite=suite.name,
        case=case.name,
        required=_is_required(case),
        passed=not faults,
        score=1 - len(faults) / (len(case.assertions) + len(case.evaluator_failures)),
        faults=faults,
        question=case.inputs.ask,
        answer=case.output.text,
        deployment=receipt.get("deployment"),
        data_class=receipt.get("data_class"),
        cost_usd=receipt.get("cost_usd"),
        latency_ms=receipt.get("latency_ms"),
    )


def _broken_row(suite: Suite, case: Broke) -> Row:
    return Row(suite.name, case.name, _is_required(case), False, 0.0, [case.error_message], case.inputs.ask)


def _is_required(case: Ran | Broke) -> bool:
    return case.metadata is not None and case.metadata.required


def table(verdicts: Sequence[Verdict]) -> str:
    rows = [row for one in verdicts for row in one.rows]
    width = max(len(_name(row)) for row in rows)
    away = max(len("deployment"), *(len(row.deployment or "-") for row in rows))
    lines = [f"{'case':{width}}  passed  score  {'deployment':{away}}       cost  latency"]
    for row in rows:
        cost = "-" if row.cost_usd is None else f"${row.cost_usd:.6f}"
        latency = "-" if row.latency_ms is None else f"{row.latency_ms} ms"
        said = "yes" if row.passed else "NO"
        lines.append(
            f"{_name(row):{width}}  {said:6}  {row.score:5.2f}  {row.deployment or '-':{away}}  {cost:>9}  {latency:>7}"
        )
    return "\n".join(lines)


def _name(row: Row) -> str:
    return f"{row.suite}/{row.case}"


def conclusion(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Which cases fell and why, then a line for each suite."""
    for one in verdicts:
        for row in one.rows:
            for fault in row.faults:
                yield f"FELL{' (required)' if row.required else ''} {_name(row)}: {fault}"
    for one in verdicts:
        count = sum(row.passed for row in one.rows)
        said = "passed" if one.passed else "NOT passed"
        required = [_name(row) for row in one.rows if row.required and not row.passed]
        because = f", and {', '.join(required)} must pass" if required else ""
        yield f"{one.suite}: {said}; {count} of {len(one.rows)} cases, {one.threshold:.0%} wanted{because}."


def write(path: Path, url: str, verdicts: Sequence[Verdict]) -> None:
    content = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "url": url,
        "passed": all(one.passed for one in verdicts),
        "suites": [asdict(one) | {"share": one.share, "passed": one.passed} for one in verdicts],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
