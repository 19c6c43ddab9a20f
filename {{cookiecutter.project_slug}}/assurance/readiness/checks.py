"""checks.yaml, read and compared with the looks."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, RootModel

from {{ cookiecutter.package_name }}.configfile import Faults, Section, read

from assurance.questions import Question
from assurance.readiness.looks import LOOKS
from assurance.readiness.project import Look


class Check(Section):
    question: Question
    week: Annotated[int, Field(ge=1, le=4)]
    evidence: Literal["code", "configuration", "paper", "proof", "evaluation", "drill", "running service"]
    settled_by: Literal["project", "organisation"]
    help: str


class Checks(RootModel[dict[str, Check]]):
    pass


def read_checks(path: Path = Path(__file__).parent / "checks.yaml") -> dict[str, tuple[Check, Look]]:
    """By name. Raises ConfigurationError."""
    faults = Faults()
    file = read(path, Checks, faults)
    for name in sorted(LOOKS.keys() ^ file.content.root.keys()) if file else ():
        faults.add("readiness/checks.yaml", f"'{name}' is not both here and in assurance/readiness/looks")
    faults.raise_if_any()
    assert file is not None
    return {name: (check, LOOKS[name]) for name, check in file.content.root.items()}
