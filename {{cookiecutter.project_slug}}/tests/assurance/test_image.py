"""What `make image` asks inside an image, asked of this machine: it is content with what works, and names the rest."""

import io
import json
import re
import sys
from importlib.metadata import distributions
from pathlib import Path

from {{ cookiecutter.package_name }} import __name__ as package

from assurance.image import changeable, misses, starts
from tests.programs import free_port


def listed() -> list[dict[str, str]]:
    """All that is installed here, in the names of the index."""
    return [{"name": re.sub("[-_.]+", "-", one.name).lower(), "version": one.version} for one in distributions()]


def missed(components: list[dict[str, str]]) -> list[str]:
    return list(misses(io.StringIO(json.dumps({"components": components}))))


def test_a_service_that_starts_and_ends_when_told_to_is_found_in_order() -> None:
    assert list(starts([sys.executable, "-m", package, "serve"], free_port())) == []


def test_a_service_that_does_not_start_is_noticed() -> None:
    assert list(starts([sys.executable, "-c", "raise SystemExit(3)"], free_port())) == [
        "/livez did not answer",
        "it ended with status 3 when it was told to stop",
    ]


def test_code_that_the_user_may_change_is_found_whatever_it_is_mounted_as(tmp_path: Path) -> None:
    file = tmp_path / "package" / "module.py"
    file.parent.mkdir()
    file.touch()
    owner, stranger, group = file.stat().st_uid, file.stat().st_uid + 1, file.stat().st_gid
    for path, mode in ((tmp_path, 0o755), (file.parent, 0o755), (file, 0o644)):
        path.chmod(mode)
    assert list(changeable([tmp_path], stranger, {group})) == []
    assert list(changeable([tmp_path], owner, {group})) == [tmp_path]
    file.chmod(0o664)
    assert list(changeable([tmp_path], stranger, {group})) == [file]
    assert list(changeable([tmp_path], stranger, {group + 1})) == []
    file.chmod(0o646)
    assert list(changeable([tmp_path], stranger, {group + 1})) == [file]


def test_an_image_that_holds_what_is_listed_is_found_in_order() -> None:
    assert missed(listed()) == []


def test_a_package_that_is_installed_and_not_listed_is_noticed_and_so_is_the_reverse() -> None:
    without = [one for one in listed() if one["name"] != "ruff"]
    (said,) = missed(without)
    assert said.startswith("ruff ")
    assert said.endswith(" is installed and not listed")
    assert missed([*listed(), {"name": "leftover", "version": "1.0"}]) == ["leftover 1.0 is listed only"]
