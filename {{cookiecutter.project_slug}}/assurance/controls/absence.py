import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PACKAGE = "{{ cookiecutter.package_name }}"


class AbsenceError(Exception):
    """The attribute to replace does not exist, so nothing was switched off."""


@dataclass(frozen=True)
class Absence:
    """One attribute to replace: `module` is below the package, `attribute` may lead through a class.

    `without` makes the replacement from the original. It takes the control away and leaves the rest working.
    """

    module: str
    attribute: str
    without: Callable[[Any], Any]

    def apply(self) -> None:
        """Raises AbsenceError."""
        owner, name = self.place()
        setattr(owner, name, self.without(vars(owner)[name]))

    def place(self) -> tuple[Any, str]:
        """The module or class, and the name in it. Raises AbsenceError."""
        owner: Any = importlib.import_module(f"{PACKAGE}.{self.module}")
        *way, name = self.attribute.split(".")
        for part in way:
            owner = vars(owner).get(part)
        if owner is None or name not in vars(owner):
            raise AbsenceError(f"{self.module} has no {self.attribute} any more: say in assurance/controls what has")
        return owner, name


def instead(replacement: Any) -> Callable[[Any], Any]:
    """For a replacement that needs nothing of the original."""
    return lambda _: replacement
