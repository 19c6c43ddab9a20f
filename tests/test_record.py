"""What a project records of its making, and what an update refuses to begin with."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.baking import SERVICE, TEMPLATE, declared, questions, text_of
from tests.golden import expected, other_answers
from tests.releases import AWKWARD, NEWER, OLDER, Releases, commit, edit, git, update

REFUSALS: dict[str, tuple[tuple[str, str], str]] = {
    "a version without a tag": ((OLDER[1:], "0.0.1"), "has no v0.0.1: get its tags by `git fetch --tags`"),
    "code": (("9 Lives", "{{ 9 }}"), "'project_name' is no answer of a person; take it out"),
    "an option of cookiecutter": (('"owner"', '"--directory"'), "'--directory' is no answer of a person"),
    "a setting of cookiecutter": (('"owner"', '"_extensions"'), "'_extensions' is no answer of a person"),
    "a name that is taken": (("project_9_lives_co", "redis"), "package_name 'redis' is already the name"),
    "a path": (("project-9-lives-co", "../../elsewhere"), "answer one folder name"),
    "no JSON": (('"version"', "version"), "should say with which version and answers"),
}


def test_a_project_records_its_version_and_all_answers(bake: Callable[..., Path]) -> None:
    record = json.loads(text_of(bake(**AWKWARD) / "template.json"))
    assert record["version"] == declared()["_version"]
    assert list(record["answers"]) == list(questions())
    derived = {"project_slug": "project-9-lives-co", "package_name": "project_9_lives_co"}
    assert record["answers"] == {**derived, "license": "Apache-2.0", **AWKWARD}


def test_the_changelog_begins_with_this_version() -> None:
    newest = re.findall("^## (.+)$", text_of(TEMPLATE / "CHANGELOG.md"), re.MULTILINE)[0]
    assert newest.lower() == declared()["_version"]
    assert re.fullmatch(r"Unreleased|\d+\.\d+\.\d+(-\S+)?", newest)


def refused(released: Releases, project: Path, *given: str) -> str:
    """The message, after which everything is as it was."""
    before = git(project, "rev-parse", "HEAD"), git(project, "status", "--porcelain")
    ended = update(released, project, *given)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert (git(project, "rev-parse", "HEAD"), git(project, "status", "--porcelain")) == before
    return ended.stderr


@pytest.mark.parametrize(("change", "message"), REFUSALS.values(), ids=REFUSALS)
def test_a_record_that_is_no_good_is_refused(
    released: Releases, project: Path, change: tuple[str, str], message: str
) -> None:
    record = project / "template.json"
    record.write_text(text_of(record).replace(*change), encoding="utf-8")
    commit(project)
    assert message in refused(released, project)


def test_a_project_without_a_record_is_refused(released: Releases, project: Path) -> None:
    (project / "template.json").unlink()
    commit(project)
    assert "FileNotFoundError" in refused(released, project)


def test_uncommitted_work_is_not_touched(released: Releases, project: Path) -> None:
    (project / "new.txt").touch()
    assert "commit or stash them first.\n?? new.txt" in refused(released, project)


def test_a_version_that_the_clone_does_not_have_is_refused(released: Releases, project: Path) -> None:
    assert "has no v7.0.0: get its tags" in refused(released, project, "--to", "v7.0.0")


def test_a_record_without_a_release_is_updated_from_a_named_commit(released: Releases, project: Path) -> None:
    edit(project / "template.json", OLDER[1:], "unreleased")
    commit(project)
    assert "has no vunreleased" in refused(released, project)
    assert update(released, project, "--from", OLDER).returncode == 0
    assert json.loads(text_of(project / "template.json"))["version"] == NEWER[1:]


def whose() -> dict[str, str]:
    """The rows of the file map: the beginning of a path, and whose it is."""
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", text_of(SERVICE / "docs/update.md"), re.MULTILINE)
    return {path.rstrip("…"): owner for paths, owner in rows for path in re.findall("`([^`]+)`", paths)}


def every_path() -> set[str]:
    found: set[str] = set()
    for answers in ({}, *other_answers()):
        found |= expected(answers)
    return {path.replace("acme_assistant", "{{ cookiecutter.package_name }}") for path in found}


def test_the_file_map_says_of_each_path_whose_it_is() -> None:
    rows, paths = whose(), every_path()
    owned = {path: max((row for row in rows if path.startswith(row)), key=len, default="") for path in paths}
    assert [path for path, row in owned.items() if not row] == []
    assert rows.keys() - set(owned.values()) == set()
    assert {re.split("[ :,;]", owner)[0] for owner in rows.values()} == {"the", "both", "yours", "written"}
