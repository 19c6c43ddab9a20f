"""What the checks look at: configuration, papers, evidence, the settings of this process, a running service."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import yaml

from {{ cookiecutter.package_name }} import __name__ as package
from {{ cookiecutter.package_name }}.configuration import Configuration
from {{ cookiecutter.package_name }}.services import read_configuration
from {{ cookiecutter.package_name }}.settings import Settings, read_settings

from assurance.stamp import PROJECT, stamp

OPEN = re.compile(
    r"^(?:[-*] )?\*\*Open\*\*: (?P<question>.+) \(owner: (?P<owner>[^,)]+), week (?P<week>[1-4])\)$", re.M
)
_SIGNED = r"\((?!NAME,)(?P<name>[^,()\s][^,()]*), (?P<date>\d{4}-\d\d-\d\d)\)"
ANSWERED = re.compile(r"^(?:[-*] )?\*\*Answered\*\*: .+(?:\n {2}.+)*?\s+" + _SIGNED + "$", re.M)
PLAN = "readiness.yaml"
T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    passed: bool
    said: str


@dataclass(frozen=True)
class Project:
    """`url` is a running service, if one was named; `told` a folder with what its own commands printed there."""

    root: Path = PROJECT
    url: str | None = None
    today: date = field(default_factory=date.today)
    told: Path | None = None

    def text(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def yaml(self, path: str) -> Any:
        return yaml.safe_load(self.text(path))

    @cached_property
    def settings(self) -> Settings:
        """Raises ConfigurationError."""
        return read_settings()

    @cached_property
    def configuration(self) -> Configuration:
        """Raises ConfigurationError."""
        return read_configuration(self.settings.model_copy(update={"config_dir": self.root / "config"}))

    def open_questions(self, page: str) -> list[str]:
        return [found["question"] for found in OPEN.finditer(self.text(page))]

    def answers(self, page: str) -> int:
        """A question that was deleted is not answered."""
        return sum(is_past(found["date"], self.today) for found in ANSWERED.finditer(self.text(page)))

    def evidence(self, name: str, command: str, *also: str) -> tuple[Mapping[str, Any] | None, Finding]:
        """`.local/NAME/latest.json` if it is about the project's current state, and the finding about it."""
        path = self.root / ".local" / name / "latest.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None, Finding(False, f"not run yet: {command}")
        about = content.get("about", {})
        if about.get("code") != stamp(*also, project=self.root):
            return None, Finding(False, f"what was found on {about.get('at')} is about another state: {command}")
        said = f"{'passed' if content.get('passed') else 'did not pass'} on {about.get('at')}"
        return content, Finding(content.get("passed") is True, said)

    def printed(self, told: Path, name: str, command: str, read: Callable[[Any], T]) -> T:
        """`read` applied to NAME.json. Raises FileNotFoundError, also if the file is not what COMMAND prints."""
        path = told / f"{name}.json"
        try:
            return read(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            raise FileNotFoundError(2, "not what was wanted", f"{path}, as '{command}' prints it,") from None

    def source(self, path: str) -> Path:
        return self.root / "src" / package / path


def is_past(day: str, today: date) -> bool:
    """False also for what is no day of any month."""
    try:
        return date.fromisoformat(day) <= today
    except ValueError:
        return False


Look = Callable[[Project], Finding]
