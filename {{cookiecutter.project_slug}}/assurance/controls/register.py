"""controls.yaml, read and compared with the absences."""

from pathlib import Path

from pydantic import Field, model_validator

from {{ cookiecutter.package_name }}.configfile import Faults, Section, read

from assurance.controls.absences import ABSENCES
from assurance.questions import Question
from assurance.stamp import PROJECT

REGISTER = PROJECT / "controls.yaml"


class Control(Section):
    """`code`, `test` and `runbook` are paths in the project; `adr` is a record's number."""

    question: Question
    attack: str
    adr: str
    code: str
    test: str
    alert: str | None = None
    no_alert: str | None = Field(default=None, description="why nobody is told at once")
    runbook: str | None = None
    owner: str | None = Field(default=None, description="if another one than the file's")
    asvs: list[str] = []
    llm: list[str] = []
    nist: list[str]

    @model_validator(mode="after")
    def _tells_who_hears_of_it(self) -> "Control":
        if (self.alert is None) == (self.no_alert is None):
            raise ValueError("name an alert, or say under no_alert why there is none")
        if self.alert and not self.runbook:
            raise ValueError("an alert needs its runbook")
        return self


class Register(Section):
    owner: str
    still_works: str = Field(description="a test of ordinary use, which passes without any one control")
    controls: dict[str, Control]


def read_register(path: Path = REGISTER) -> Register:
    """Raises ConfigurationError with every fault."""
    faults = Faults()
    file = read(path, Register, faults)
    for name in sorted(ABSENCES.keys() ^ file.content.controls.keys()) if file else ():
        where, other = ("controls.yaml", "absence") if name not in ABSENCES else ("assurance/controls", "control")
        faults.add(where, f"'{name}' has no {other} of this name, so that it cannot be proven")
    faults.raise_if_any()
    assert file is not None
    return file.content
