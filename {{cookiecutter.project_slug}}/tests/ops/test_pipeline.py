"""Whichever CI system was chosen: its file is well formed and runs the same make targets as the others would."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.ops.schema import faults

PROJECT = Path(__file__).parents[2]
TARGETS = ["make check", "make test", "make eval", "make prove"]
# What tests start, and the package of the image's Debian that brings it.
PACKAGES = {
    "chromium": "chromium",
    "postgres": "postgresql",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "redis-server": "redis-server",
}
SCHEMAS = {
    ".github/workflows/check.yml": "github-workflows",
    ".gitlab-ci.yml": "gitlab-ci",
    "azure-pipelines.yml": "azure-pipelines",
}
PIPELINES = [name for name in SCHEMAS if (PROJECT / name).exists()]


def text(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def commands(content: Any) -> list[str]:
    """Every text below a key that holds commands, in the file's order."""
    found: list[str] = []
    if isinstance(content, dict):
        for key, value in content.items():
            given = value if isinstance(value, list) else [value]
            if key in {"run", "script", "before_script"}:
                found += [str(one) for one in given]
            else:
                found += commands(value)
    elif isinstance(content, list):
        for value in content:
            found += commands(value)
    return found


def test_there_is_a_pipeline() -> None:
    assert PIPELINES


@pytest.mark.parametrize("name", PIPELINES)
def test_the_pipeline_is_what_its_system_reads(name: str) -> None:
    assert faults(PROJECT / name, SCHEMAS[name]) == ""


@pytest.mark.parametrize("name", PIPELINES)
def test_the_pipeline_runs_the_make_targets_and_stops_at_the_first_fault(name: str) -> None:
    assert [one for one in commands(yaml.safe_load(text(name))) if "apt-get" not in one] == TARGETS
    assert not re.search(r"continue-?on-?error|allow_failure|\|\|", text(name), re.IGNORECASE)


@pytest.mark.parametrize("name", PIPELINES)
def test_the_pipeline_installs_the_programs_that_tests_start(name: str) -> None:
    sources = [path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("*.py")]
    started = {program for source in sources for program in re.findall(r'\bprogram\("([\w-]+)"', source)}
    assert started <= set(PACKAGES), "say here which package brings it, and let the pipelines install that"
    (installing,) = [one for one in commands(yaml.safe_load(text(name))) if "apt-get install" in one]
    assert {word for word in installing.split()[2:] if not word.startswith("-")} == {"make", *PACKAGES.values()}


@pytest.mark.parametrize("name", PIPELINES)
def test_the_pipeline_runs_on_the_image_that_production_starts_from(name: str) -> None:
    (image,) = re.findall(r"\bpython:[\w.:@-]+", text(name))
    assert f"FROM {image}\n" in text("Dockerfile")


def test_the_targets_are_in_the_makefile() -> None:
    assert {f"make {target}" for target in re.findall("^([a-z]+):", text("Makefile"), re.MULTILINE)} >= set(TARGETS)


def test_actions_are_pinned_by_commit_and_the_token_may_only_read() -> None:
    if ".github/workflows/check.yml" not in PIPELINES:
        pytest.skip("the pipeline runs elsewhere")
    for path in (PROJECT / ".github" / "workflows").glob("*.yml"):
        workflow = path.read_text(encoding="utf-8")
        used = re.findall(r"uses: (.*)", workflow)
        assert used
        assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", action) for action in used)
        assert yaml.safe_load(workflow)["permissions"] == {"contents": "read"}
        assert "pull_request_target" not in workflow
