"""A file of cases and the share of them that has to pass."""

from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_evals import Dataset

from assurance.evals.evaluators import EVALUATORS
from assurance.evals.question import Question, Reply

HERE = Path(__file__).parent
THRESHOLDS = TypeAdapter(dict[str, float])


class SuiteError(Exception):
    """What is wrong in a file of ours, in one line."""


class Metadata(BaseModel):
    """`metadata` of a case. A required one has to pass, whatever the share."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    required: bool = False


Cases = Dataset[Question, Reply, Metadata]


@dataclass(frozen=True)
class Suite:
    name: str
    cases: Cases
    threshold: float


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
        if not (case.evaluators or cases.evaluators):
            raise SuiteError(f"{path}: the case '{case.name}' has no evaluators, so nothing could fail it.")
    return cases


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
