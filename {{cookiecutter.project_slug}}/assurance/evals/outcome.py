"""What came of a run: a row for each time that a case was asked, and a verdict for each suite."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from statistics import fmean

from pydantic import TypeAdapter
from pydantic_evals.reporting import EvaluationReport, ReportCase, ReportCaseFailure

from {{ cookiecutter.package_name }}.wording import counted

from assurance.evals.evaluators import said
from assurance.evals.intervals import Interval, wilson
from assurance.evals.question import Question, Reply
from assurance.evals.suite import Metadata, Suite

Ran = ReportCase[Question, Reply, Metadata]
Broke = ReportCaseFailure[Question, Reply, Metadata]


@dataclass(frozen=True)
class Row:
    """`score` is the share of a case's evaluators that were content; it passed when all were."""

    suite: str
    case: str
    model: str
    required: bool
    passed: bool
    score: float
    faults: list[str]
    question: str
    checks: dict[str, bool] = field(default_factory=dict)
    answer: str | None = None
    audit_id: str | None = None
    deployment: str | None = None
    data_class: str | None = None
    cost_usd: float | None = None
    judge_usd: float | None = 0.0
    latency_ms: int | None = None


@dataclass(frozen=True)
class Verdict:
    suite: str
    threshold: float
    rows: list[Row]
    skipped: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(row.passed for row in self.rows)

    @property
    def share(self) -> float:
        return self.count / len(self.rows)

    @property
    def interval(self) -> Interval:
        return wilson(self.count, len(self.rows))

    @property
    def passed(self) -> bool:
        return self.share >= self.threshold and all(row.passed for row in self.rows if row.required)

    def cases(self) -> Iterator[tuple[str, list[Row]]]:
        """A case with every time it was asked."""
        for name, rows in groupby(self.rows, key=lambda row: row.case):
            yield name, list(rows)


@dataclass(frozen=True)
class About:
    """Of which code, asked where and when. `prompts`: of each prompt file here, version and digest."""

    at: str
    url: str
    repeats: int
    judge: str
    code: str
    prompts: dict[str, str]


@dataclass(frozen=True)
class Run:
    about: About
    verdicts: list[Verdict]

    @property
    def passed(self) -> bool:
        return all(one.passed for one in self.verdicts)

    @property
    def rows(self) -> list[Row]:
        return [row for one in self.verdicts for row in one.rows]

    @property
    def deployments(self) -> list[str]:
        """The one that gave most answers first."""
        found = [row.deployment for row in self.rows if row.deployment]
        return sorted(set(found), key=lambda name: (-found.count(name), name))

    @property
    def models(self) -> list[str]:
        return sorted({row.model for row in self.rows})

    def known(self, column: str) -> list[float]:
        return known(self.rows, column)

    @property
    def judge_usd(self) -> float | None:
        return total([row.judge_usd for row in self.rows])


STORED = TypeAdapter(Run)


def read_run(path: Path) -> Run:
    """Raises OSError, or pydantic's ValidationError."""
    return STORED.validate_json(path.read_bytes())


def verdict(suite: Suite, report: EvaluationReport[Question, Reply, Metadata]) -> Verdict:
    rows: dict[str, list[Row]] = {str(case.name): [] for case in suite.cases.cases}
    for case in report.cases:
        rows[case.source_case_name or case.name].append(_row(suite, case))
    for broken in report.failures:
        rows[broken.source_case_name or broken.name].append(_broken_row(suite, broken))
    return Verdict(suite.name, suite.threshold, [row for several in rows.values() for row in several], suite.skipped)


def _row(suite: Suite, case: Ran) -> Row:
    faults = [f"{one.name}: {one.reason}" for one in case.assertions.values() if not one.value]
    faults += [f"{one.name} broke: {one.error_message}" for one in case.evaluator_failures]
    receipt = case.output.receipt
    return Row(
        suite=suite.name,
        case=case.source_case_name or case.name,
        model=case.inputs.model,
        required=_is_required(case),
        passed=not faults,
        score=1 - len(faults) / (len(case.assertions) + len(case.evaluator_failures)),
        faults=faults,
        question=case.inputs.ask,
        checks=_checks(case),
        answer=said(case.output),
        audit_id=receipt.get("audit_id"),
        deployment=receipt.get("deployment"),
        data_class=receipt.get("data_class"),
        cost_usd=receipt.get("cost_usd"),
        judge_usd=total([one.cost_usd for one in case.output.judged]),
        latency_ms=receipt.get("latency_ms"),
    )


def total(costs: Sequence[float | None]) -> float | None:
    """None, not too little, where one of them is not known."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


def _checks(case: Ran) -> dict[str, bool]:
    """By the evaluator's kind; one that a case has twice is content when both are."""
    found: dict[str, bool] = {}
    for one in case.assertions.values():
        found[one.source.name] = one.value and found.get(one.source.name, True)
    return found | {one.source.name: False for one in case.evaluator_failures}


def _broken_row(suite: Suite, case: Broke) -> Row:
    name, required = case.source_case_name or case.name, _is_required(case)
    faults = [case.error_message]
    return Row(suite.name, name, case.inputs.model, required, False, 0.0, faults, case.inputs.ask)


def _is_required(case: Ran | Broke) -> bool:
    return case.metadata is not None and case.metadata.required


def faults(verdicts: Iterable[Verdict]) -> Iterator[str]:
    """Which cases fell and why: what is said of several runs of a case is said once."""
    for one in verdicts:
        for name, rows in one.cases():
            fallen = sum(not row.passed for row in rows)
            often = f" ({fallen} of {len(rows)} times)" if len(rows) > 1 else ""
            must = " (required)" if rows[0].required else ""
            for fault in dict.fromkeys(fault for row in rows for fault in row.faults):
                yield f"FELL{must} {one.suite}/{name}{often}: {fault}"


def conclusion(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Which cases fell, then a line for each suite."""
    yield from faults(verdicts)
    for one in verdicts:
        word = "passed" if one.passed else "NOT passed"
        fallen = dict.fromkeys(f"{one.suite}/{row.case}" for row in one.rows if row.required and not row.passed)
        because = f", and {', '.join(fallen)} must pass" if fallen else ""
        skipped = f"; {len(one.skipped)} skipped, as they ask as local people" if one.skipped else ""
        low, high = one.interval
        yield (
            f"{one.suite}: {word}; {one.count} of {counted(len(one.rows), 'case')} ({low:.0%} to {high:.0%}), "
            f"{one.threshold:.0%} wanted{because}{skipped}."
        )


def known(rows: Iterable[Row], column: str) -> list[float]:
    """Such as `cost_usd` or `latency_ms`, where it is known: a refusal has neither."""
    return [value for row in rows if (value := getattr(row, column)) is not None]


def mean(values: Sequence[float]) -> float | None:
    return fmean(values) if values else None
