"""Slow: the generated services pass their own checks, as their teams will run them.

The default service installs its own environment, as anybody's does. The other corners borrow it: the lock
holds no project's name, so one environment serves every answer, with the service's own source on the path.
"""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.baking import TEMPLATE, bake, clone, delete_example, hook, questions
from tests.shell import free_ports, outer_environment, run

pytestmark = pytest.mark.slow

PASSED = re.compile(r"\d+ passed")
FORTY_LETTERS = "Abcdefghijklmnopqrstuvwxyzabcdefghijklmn"
CORNERS: dict[str, dict[str, Any]] = {
    "one letter, GitLab, MIT, no Kubernetes": {
        "project_name": "X",
        "ci": "gitlab",
        "license": "MIT",
        "kubernetes": False,
    },
    "forty letters, Azure, proprietary": {
        "project_name": FORTY_LETTERS,
        "ci": "azure",
        "license": "Proprietary",
    },
    "awkward name and texts": {
        "project_name": "9 Lives & Co.",
        "description": 'She said: "don\'t # {guess}" \\ R&D <3',
        "owner": "Ærø Команда & 日本語",
        "kubernetes": False,
    },
}


def test_a_fresh_project_is_asked_what_only_its_organisation_can_settle(default: Path) -> None:
    printed = run(
        default, sys.executable, "local/venv.py", "python", "-m", "assurance.readiness", "--all", "--json"
    )
    checks = json.loads(printed[printed.index("{") :])["checks"]
    still_open = {one["name"] for one in checks if one["state"] == "OPEN"}
    by_commands = {one["name"] for one in checks if one["evidence"] in ("proof", "evaluation", "drill")}
    assert still_open - by_commands == {one["name"] for one in checks if one["settled_by"] == "organisation"}


def checked_and_tested(service: Path, borrowed: dict[str, str]) -> str:
    """What pytest says last, of the quick tests; a command that fails has ended the test before."""
    run(service, "make", "check", "run=", environment=borrowed)
    quick = ("pytest", "-m", "not slow", "-n", "4", "--dist", "worksteal")
    said = run(service, "python", "-m", *quick, environment=borrowed)
    return said.splitlines()[-1]


def test_default_service_passes_its_own_checks_tests_evaluation_and_drills(default: Path) -> None:
    said = run(default, "make", "check", "test", "eval", "drill")
    assert PASSED.search(said)


@pytest.mark.parametrize("answers", CORNERS.values(), ids=CORNERS)
def test_corner_passes_its_own_checks_and_quick_tests(
    tmp_path: Path, borrowed: dict[str, str], answers: dict[str, Any]
) -> None:
    assert PASSED.search(checked_and_tested(bake(tmp_path, **answers), borrowed))


def test_example_can_be_deleted(tmp_path: Path, borrowed: dict[str, str]) -> None:
    """A team takes the folder `handbook/` away, and its lines in services.py; nothing else knows it."""
    service = bake(tmp_path)
    delete_example(service)
    assert PASSED.search(checked_and_tested(service, borrowed))


def test_no_test_fails_by_the_calendar(tmp_path: Path, later: dict[str, str]) -> None:
    """A team's pipeline must not go red on a day on which nobody changed anything."""
    service = bake(tmp_path)
    # Node's provider and OpenSSL's certificates keep the true time.
    of_another_clock = "not certified_provider and not company_network"
    quick = ("pytest", "-m", "not slow", "-k", of_another_clock, "-n", "4", "--dist", "worksteal")
    assert PASSED.search(run(service, "python", "-m", *quick, environment=later).splitlines()[-1])


def test_every_importable_name_is_refused_as_name_of_a_package(
    default: Path, borrowed: dict[str, str]
) -> None:
    """Under another name than its distribution's: `yaml` of pyyaml, `attr` of attrs."""
    # What the interpreter itself brings differs from one Linux to the next, and no service imports it.
    program = (
        "import importlib.metadata as m; found = m.packages_distributions().items();"
        "print(*[name for name, of in found if not {'pip', 'setuptools'} >= {*of}])"
    )
    names = run(default, "python", "-c", program, environment=borrowed).split()
    legal = {name for name in names if re.fullmatch("[a-z][a-z0-9_]*", name)}
    missing = legal - hook("pre_gen_project").TAKEN - {"acme_assistant"}
    assert not missing, f"add to TAKEN in hooks/pre_gen_project.py: {sorted(missing)}"


def test_demo_plays_in_a_fresh_clone(tmp_path: Path) -> None:
    shutil.copytree(clone(), tmp_path / "clone")
    names = ("PORT", "LOCAL_IDP_PORT", "LOCAL_MODEL_PORT", "LOCAL_TRACE_PORT")
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    said = run(
        tmp_path / "clone", "make", "demo", environment=outer_environment() | ports | {"DEMO_ONCE": "1"}
    )
    assert re.findall(r"^(?:\x1b\[\d+m)?(\d)\. ", said, re.MULTILINE) == ["1", "2", "3", "4"]


def test_a_clone_makes_a_service_of_its_own_without_further_tools(tmp_path: Path) -> None:
    """Enter answers each of its questions."""
    command = ("make", "new", f"into={tmp_path}")
    subprocess.run(
        command, cwd=TEMPLATE, env=outer_environment(), input="\n" * len(questions()), text=True, check=True
    )
    assert (tmp_path / "acme-assistant" / "README.md").exists()
