"""The locks serve every answer and every mirror, and they agree."""

import re
from pathlib import Path

import pytest

from tests.baking import SERVICE, TEMPLATE, hook, text_of


def pins(lock: Path) -> list[tuple[str, str]]:
    """Name and the rest of the requirement, up to the hashes; a name is there twice if platforms differ."""
    return re.findall(r"^([A-Za-z0-9._-]+)==([^\\\n]+)", text_of(lock), re.MULTILINE)


LOCKS = [SERVICE / "requirements.lock", SERVICE / "requirements-dev.lock", TEMPLATE / "requirements-dev.lock"]


@pytest.mark.parametrize("lock", LOCKS, ids=["image", "development", "template"])
def test_lock_holds_only_versions_and_hashes(lock: Path) -> None:
    """No index, no address, no name of a project: any mirror serves it, for every answer."""
    requirement = re.compile(r"[a-z0-9._-]+==[^/@]+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in text_of(lock).splitlines() if not requirement.fullmatch(line)] == []


def test_image_and_development_lock_agree() -> None:
    image, development, template = (set(pins(lock)) for lock in LOCKS)
    assert image <= development
    ours = {"ruff", "mypy", "pytest", "pyyaml"}
    assert {pin for pin in template if pin[0] in ours} <= development


def test_locked_names_are_refused_as_names_of_a_service() -> None:
    locked = {name.lower().replace("-", "_") for name, _ in pins(SERVICE / "requirements-dev.lock")}
    missing = locked - hook("pre_gen_project").TAKEN
    assert not missing, f"add to TAKEN in hooks/pre_gen_project.py: {sorted(missing)}"
