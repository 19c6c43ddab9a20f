"""A file of cases and the share of them that has to pass."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import Evaluator

from assurance.evals.evaluators import EVALUATORS, CallsTool, FitsSchema, Grounded, Judged
from assurance.evals.question import Question, Reply

HERE = Path(__file__).parent
THRESHOLDS = TypeAdapter(dict[str, float])
NEEDS = {Grounded: "documents", CallsTool: "tools", FitsSchema: "json_schema"}


class SuiteError(Exception):
    """What is wrong in a file of ours, in one line."""


class Metadata(BaseModel):
    """`metadata` of a case. A required one has to pass, whatever the share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: bool = False


Cases = Dataset[Question, Reply, Metadata]
OneCase = Case[Question, Reply, Metadata]


@dataclass(frozen=True)
class Suite:
    name: str
    cases: Cases
    threshold: float
    skipped: list[str] = field(default_factory=list)

    @property
    def people(self) -> set[str]:
        return {case.inputs.person for case in self.cases.cases if case.inputs.person}

    @property
    def judged(self) -> bool:
        evaluators = [one for case in self.cases.cases for one in case.evaluators]
        return any(isinstance(one, Judged) for one in [*evaluators, *self.cases.evaluators])

    def only(self, cases: Iterable[OneCase], skipped: Iterable[str] = ()) -> "Suite":
        kept = Cases(name=self.name, cases=list(cases), evaluators=self.cases.evaluators)
        return replace(self, cases=kept, skipped=[*self.skipped, *skipped])


def without_people(suites: Iterable[Suite]) -> list[Suite]:
    """Local people are known to no other identity provider: their cases are named as skipped."""
    return _not_empty(
        suite.only(
            (case for case in suite.cases.cases if not case.inputs.person),
            (str(case.name) for case in suite.cases.cases if case.inputs.person),
        )
        for suite in suites
    )


def asking(suites: Iterable[Suite], models: Collection[str], instead: str) -> list[Suite]:
    """The cases that ask one of these models, put to `instead`. SuiteError where there are none."""
    found = _not_empty(
        suite.only(_asking(case, instead) for case in suite.cases.cases if case.inputs.model in models)
        for suite in suites
    )
    if not found:
        raise SuiteError(f"No case asks {' or '.join(models)}: name a model of the cases' `inputs`.")
    return found


def _asking(case: OneCase, model: str) -> OneCase:
    inputs = case.inputs.model_copy(update={"model": model})
    return Case(name=case.name, inputs=inputs, metadata=case.metadata, evaluators=tuple(case.evaluators))


def _not_empty(suites: Iterable[Suite]) -> list[Suite]:
    return [suite for suite in suites if suite.cases.cases]


def read_suites(folder: Path = HERE / "cases", thresholds: Path = HERE / "thresholds.yaml") -> list[Suite]:
    """Every file of the folder is a suite. SuiteError when there is none, or one cannot be used."""
    shares = _thresholds(thresholds)
    found = [
        Suite(path.stem, _cases(path), shares.get(path.stem, shares["default"]))
        for path in sorted(folder.glob("*.yaml"))
    ]
    if not found:
        raise SuiteError(f"{folder} holds no file of cases (*.yaml); write one.")
    return found


def _cases(path: Path) -> Cases:
    try:
        cases = Cases.from_file(path, custom_evaluator_types=EVALUATORS)
    except (ValueError, ExceptionGroup, yaml.YAMLError) as fault:
        first = fault.exceptions[0] if isinstance(fault, ExceptionGroup) else fault
        raise SuiteError(f"{path}: {' '.join(str(first).split())[:400]}") from None
    for case in cases.cases:
        if reason := _fault(case, [*case.evaluators, *cases.evaluators]):
            raise SuiteError(f"{path}: the case '{case.name}' {reason}.")
    return cases


def _fault(case: OneCase, evaluators: list[Evaluator[Question, Reply, Metadata]]) -> str | None:
    if not evaluators:
        return "has no evaluators, so nothing could fail it"
    lacking = {
        type(one).__name__: needed
        for one in evaluators
        for kind, needed in NEEDS.items()
        if isinstance(one, kind) and not getattr(case.inputs, needed)
    }
    return next((f"needs `{needed}` among its inputs for {name}" for name, needed in lacking.items()), None)


def _thresholds(path: Path) -> dict[str, float]:
    try:
        shares = THRESHOLDS.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, ValidationError, yaml.YAMLError) as fault:
        raise SuiteError(f"{path}: {' '.join(str(fault).split())[:400]}") from None
    wrong = [name for name, share in shares.items() if not 0 < share <= 1]
    if wrong or "default" not in shares:
        where = ", ".join(wrong) or "default"
        raise SuiteError(f"{path}: wants a 'default', and shares above 0 and at most 1; look at {where}.")
    return shares
