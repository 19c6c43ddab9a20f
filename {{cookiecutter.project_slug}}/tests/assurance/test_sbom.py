"""The list of the image's packages: by its schema, as the lock says, and of use when one of them turns out bad."""

import json
import re
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import default_environment

from assurance.sbom import IMAGE, components, main, sbom
from tests.docs.pages import DOCS, PROJECT, blocks

LOCK = (PROJECT / "requirements.lock").read_text(encoding="utf-8")
DEVELOPMENT = (PROJECT / "requirements-dev.lock").read_text(encoding="utf-8")
VALIDATOR = JsonStrictValidator(SchemaVersion.V1_6)


def packages(lock: str) -> dict[str, set[str]]:
    """Each line of a lock up to its hashes, with them."""
    pins = re.split(r"\n(?=\S)", lock)
    return {one.partition(" \\\n")[0]: set(re.findall("sha256:([0-9a-f]{64})", one)) for one in pins}


@pytest.fixture(scope="module")
def listed() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sbom(PROJECT))["components"]
    return found


def test_the_list_is_what_scanners_read() -> None:
    made = sbom(PROJECT)
    assert VALIDATOR.validate_str(made) is None
    assert VALIDATOR.validate_str(made.replace('"SHA-256"', '"SHA-255"')) is not None


def test_every_package_of_the_lock_is_listed_with_version_address_and_all_hashes(listed: list[dict[str, Any]]) -> None:
    found = {one["purl"]: {each["content"] for each in one["hashes"]} for one in listed}
    assert {one["purl"] for one in listed} == {f"pkg:pypi/{one['name']}@{one['version']}" for one in listed}
    wanted = {"pkg:pypi/" + pin.replace("==", "@"): hashes for pin, hashes in packages(LOCK).items() if ";" not in pin}
    assert len(wanted) > 50
    assert all(found[purl] == hashes for purl, hashes in wanted.items())


def test_a_package_for_other_systems_is_not_listed_and_one_for_the_image_is(listed: list[dict[str, Any]]) -> None:
    """Only those lines of the lock may be missing that a marker keeps out of the image."""
    names = {one["name"] for one in listed}
    assert {"uvloop", "psycopg-binary"} <= names
    missing = {pin for pin in packages(LOCK) if pin.partition("==")[0] not in names}
    assert all(re.search(r"; .*(win32|emscripten|python_full_version <)", pin) for pin in missing)


def test_what_is_listed_for_this_machine_is_what_pip_installed_on_it() -> None:
    here = {name: str(value) for name, value in default_environment().items()}
    named = {(one.name, one.version) for one in components(LOCK, here)}
    ours = {pin.partition("==")[0] for pin in packages(LOCK)}
    installed = {(re.sub("[-_.]+", "-", one.name).lower(), one.version) for one in distributions()}
    assert named == {(name, version) for name, version in installed if name in ours}


def test_nothing_that_only_development_wants_is_listed(listed: list[dict[str, Any]]) -> None:
    only = {pin.partition("==")[0] for pin in packages(DEVELOPMENT).keys() - packages(LOCK).keys()}
    assert {"pytest", "ruff", "cyclonedx-python-lib"} <= only
    assert only.isdisjoint({one["name"] for one in listed})


def test_the_list_is_made_for_the_image_s_python() -> None:
    (python,) = set(re.findall(r"^FROM python:(\d+\.\d+)-", (PROJECT / "Dockerfile").read_text(), re.MULTILINE))
    assert IMAGE["python_version"] == python
    assert IMAGE["python_full_version"].startswith(f"{python}.")


def test_licences_are_listed(listed: list[dict[str, Any]]) -> None:
    """As far as the package is installed here in the image's version, which a few are not."""
    assert sum("licenses" in one for one in listed) > 0.9 * len(listed)


def test_whether_a_package_is_in_an_image_is_answered_as_the_runbook_says(tmp_path: Path) -> None:
    for name in ("pyproject.toml", "requirements.lock"):
        (tmp_path / name).write_bytes((PROJECT / name).read_bytes())
    assert main([str(tmp_path)]) == 0
    runbook = "".join(blocks(DOCS / "runbooks" / "dependency-compromised.md", "sh"))
    (command,) = [line for line in runbook.splitlines() if "sbom.cdx.json" in line]
    version = next(pin for pin in packages(LOCK) if pin.startswith("litellm==")).partition("==")[2]

    def answered(name: str) -> str:
        words = ["sh", "-c", command.replace("NAME", name)]
        return subprocess.run(words, cwd=tmp_path / ".local", capture_output=True, text=True, check=False).stdout

    assert answered("litellm") == f'"pkg:pypi/litellm@{version}"\n'
    assert answered("ruff") == ""
