from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import baking

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
