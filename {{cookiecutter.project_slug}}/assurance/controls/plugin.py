"""A plugin of pytest: takes one control away before anything is opened, and writes down what each test made of it.

Tests are named by an option of its own: pytest runs nothing at all where a name on its command line is none.
"""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from assurance.controls.absences import ABSENCES
from assurance.controls.exchanges import Exchanges

# These mean that the test failed; any other exception means that it broke.
FAILED = (AssertionError, pytest.fail.Exception)


class Witness:
    def __init__(self, told: Path) -> None:
        self._told = told
        self._reports: list[dict[str, Any]] = []
        self._exchanges = Exchanges()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        raised = call.excinfo
        self._reports.append(
            {
                "test": item.nodeid,
                "phase": report.when,
                "outcome": report.outcome,
                "broke": raised is not None and not raised.errisinstance(FAILED),
                "reason": raised.exconly() if raised else "",
                "exchanges": self._exchanges.taken() if report.when == "call" else [],
            }
        )
        return report

    def pytest_sessionfinish(self) -> None:
        self._told.write_text(json.dumps(self._reports), encoding="utf-8")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if named := config.getoption("--named"):
        items[:] = [item for item in items if item.nodeid in named]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--named", action="append", help="a test to run; may be given again")
    parser.addoption("--absent", help="a control to do without", choices=ABSENCES)
    parser.addoption("--told", type=Path, help="a file for what the tests did")


def pytest_configure(config: pytest.Config) -> None:
    if absent := config.getoption("--absent"):
        ABSENCES[absent].apply()
    if told := config.getoption("--told"):
        config.pluginmanager.register(Witness(told))
