import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests import baking
from tests.releases import Releases, releases
from tests.shell import outer_environment, run

collect_ignore = ["poc"]  # its tests run in the service that test_port.py generates


@pytest.fixture
def bake(tmp_path: Path) -> Callable[..., Path]:
    """`bake(license="MIT", …)` makes a service in a folder of its own and returns the folder."""

    def bake_here(**answers: Any) -> Path:
        return baking.bake(tmp_path / "generated", **answers)

    return bake_here


@pytest.fixture(scope="session")
def default_service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The service that every question's default gives. Tests may only read it."""
    return baking.bake(tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="session")
def default(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, for slow tests, which install its environment and run it."""
    return baking.bake(tmp_path_factory.mktemp("default"))


@pytest.fixture(scope="session")
def borrowed(default: Path) -> dict[str, str]:
    """The default service's installed environment, for another service's `make … run=`."""
    run(default, "make", "check")
    outer = outer_environment()
    programs = default / ".venv" / ("Scripts" if os.name == "nt" else "bin")
    return outer | {
        "PATH": f"{programs}{os.pathsep}{outer['PATH']}",
        "VIRTUAL_ENV": str(default / ".venv"),
        "PYTHONPATH": os.pathsep.join(["src", "."]),
    }


@pytest.fixture
def later(borrowed: dict[str, str]) -> dict[str, str]:
    """The same, in which Python's clock shows a day of the year after next."""
    path = os.pathsep.join([str(Path(__file__).parent / "later"), borrowed["PYTHONPATH"]])
    clock_from = str(Path(time_machine.__file__).parent.parent)
    return borrowed | {"PYTHONPATH": path, "CLOCK_FROM": clock_from, "DAYS_LATER": "400"}


@pytest.fixture(scope="session")
def released(tmp_path_factory: pytest.TempPathFactory) -> Releases:
    return releases(tmp_path_factory.mktemp("releases"))


@pytest.fixture
def project(released: Releases, tmp_path: Path) -> Path:
    """Of the older release, for a test to edit."""
    return Path(shutil.copytree(released.project, tmp_path / "project"))
