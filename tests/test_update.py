"""An older, edited project takes the new version, by real git."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from tests.baking import TEMPLATE, bake, delete_example, files, text_of
from tests.releases import (
    AWKWARD,
    NEWER,
    OLDER,
    Releases,
    commit,
    edit,
    first_line,
    git,
    repository,
    surroundings,
    update,
    waiting,
)
from tests.shell import run

PACKAGE = "src/project_9_lives_co"
LOCKS = ("requirements.lock", "requirements-dev.lock")
OUR_DECISION = """# 0009 We keep it

- Status: accepted
- Date: 2026-11-27
- Revisit: 2036-11-27

## Context

## Decision

## What we gave up

## Revisit when
"""


def edit_as_a_team(project: Path) -> None:
    delete_example(project)
    edit(project / "config/policy.yaml", "usd_per_day: 5", "usd_per_day: 8")
    edit(project / "pyproject.toml", '    "aiohttp>=3.13",\n', '    "aiohttp>=3.13",\n    "acme-tools>=2",\n')
    edit(
        project / "docs/adr/README.md",
        "0008-rollout.md)\n",
        "0008-rollout.md)\n- 0009 [We keep it](0009-we-keep-it.md)\n",
    )
    edit(project / "docs/objectives.md", "# Objectives", "# Our objectives")
    (project / "docs/adr/0009-we-keep-it.md").write_text(OUR_DECISION)
    (project / "tests/test_ours.py").write_text("def test_ours() -> None:\n    assert 1 + 1 == 2\n")
    with (project / PACKAGE / "deadline.py").open("a") as file:
        file.write("\n\nOURS = 1\n")
    for lock in LOCKS:
        text = text_of(project / lock)
        (project / lock).write_text(f"acme-tools==2.0 \\\n    --hash=sha256:{'0' * 64}\n{text}")
    commit(project)


@pytest.fixture(scope="module")
def taken(released: Releases, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The edited project after its update, and what was printed."""
    project = Path(shutil.copytree(released.project, tmp_path_factory.mktemp("taken") / "project"))
    edit_as_a_team(project)
    ended = update(released, project)
    assert ended.returncode == 0, ended.stderr
    return project, ended.stdout


def test_the_team_s_edits_are_there(taken: tuple[Path, str]) -> None:
    project, _ = taken
    assert "usd_per_day: 8" in text_of(project / "config/policy.yaml")
    assert '"acme-tools>=2"' in text_of(project / "pyproject.toml")
    assert text_of(project / "docs/adr/0009-we-keep-it.md") == OUR_DECISION
    assert "0009-we-keep-it.md" in text_of(project / "docs/adr/README.md")
    assert "def test_ours" in text_of(project / "tests/test_ours.py")
    assert text_of(project / PACKAGE / "deadline.py").endswith("\nOURS = 1\n")


def test_all_else_is_as_the_new_release_generates_it(
    taken: tuple[Path, str], released: Releases, tmp_path: Path
) -> None:
    """Changed, added, removed and renamed files, the control, the locks and the record among them."""
    project, _ = taken
    fresh = bake(tmp_path, template=released.template, **AWKWARD)
    delete_example(fresh)
    ours = {
        "config/policy.yaml",
        "pyproject.toml",
        "docs/adr/README.md",
        "docs/slos.md",
        f"{PACKAGE}/deadline.py",
    }
    expected = {path.relative_to(fresh).as_posix(): path.read_bytes() for path in files(fresh)}
    found = {path.relative_to(project).as_posix(): path.read_bytes() for path in files(project)}
    assert found.keys() - expected.keys() == {"docs/adr/0009-we-keep-it.md", "tests/test_ours.py"}
    assert expected.keys() - found.keys() == set()
    assert {path for path in expected if found[path] != expected[path]} == ours


def test_a_renamed_file_keeps_the_edit(taken: tuple[Path, str]) -> None:
    project, _ = taken
    assert not (project / "docs/objectives.md").exists()
    assert text_of(project / "docs/slos.md").startswith("# Our objectives\n")


def test_the_whole_update_waits_to_be_committed_in_one_piece(taken: tuple[Path, str]) -> None:
    project, _ = taken
    assert waiting(project) == []
    assert len(git(project, "log", "--oneline").splitlines()) == 2
    assert text_of(project / ".git/MERGE_MSG").startswith(f"Take {NEWER} of the template\n")
    assert git(project, "diff", "--check", "HEAD") == ""


def test_what_is_printed_says_what_was_done_and_what_to_type(taken: tuple[Path, str]) -> None:
    _, printed = taken
    newest = text_of(TEMPLATE / "CHANGELOG.md").partition("\n## ")[2].partition("\n## ")[0].partition("\n")[2]
    assert printed.startswith(
        f"From {OLDER} to {NEWER} of the template:\n\n## {NEWER[1:]}\n{newest.rstrip()}\n"
    )
    assert "The older one." not in printed
    assert f"stays deleted: {PACKAGE}/handbook, tests/handbook\n" in printed
    for command in ("make lock", "git diff HEAD", "make check test prove", "git commit", "git reset --hard"):
        assert command in printed
    for question in AWKWARD.values():
        assert str(question) not in printed  # the hooks say nothing on the way


def test_the_next_update_finds_nothing_to_do(
    released: Releases, taken: tuple[Path, str], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(taken[0], tmp_path / "project"))
    git(project, "commit", "--quiet", "--all", "--message", "Squashed by whoever reviewed it")
    ended = update(released, project)
    assert ended.returncode == 0
    assert f"is at {NEWER} of the template already" in ended.stdout
    assert git(project, "status", "--porcelain") == ""


@pytest.fixture(scope="module")
def contested(released: Releases, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project after an update in which both sides changed three files, and what was printed."""
    project = Path(shutil.copytree(released.project, tmp_path_factory.mktemp("contested") / "project"))
    first_line(project / PACKAGE / "deadline.py", '"""As the team says it."""')
    edit(project / "local/removed_since.py", "SECOND = 2", "SECOND = 3")
    (project / "docs/fallback.md").unlink()
    commit(project)
    ended = update(released, project)
    assert ended.returncode == 1, ended.stderr
    return project, ended.stdout


def test_nothing_waits_for_a_person_but_what_both_changed(contested: tuple[Path, str]) -> None:
    project, _ = contested
    assert waiting(project) == ["UD local/removed_since.py", f"UU {PACKAGE}/deadline.py"]
    assert (project / "tests/gateway/test_sse.py").exists()


def test_lines_that_both_changed_stand_between_git_s_marks(contested: tuple[Path, str]) -> None:
    project, printed = contested
    assert f"{PACKAGE}/deadline.py: both changed the same lines; edit it, then `git add` it" in printed
    text = text_of(project / PACKAGE / "deadline.py")
    assert re.match(r'<<<<<<< HEAD\n"""As the team says it."""\n=======\n""".+"""\n>>>>>>> ', text)
    assert f"(Take {NEWER} of the template)" in text.splitlines()[4]


def test_a_removed_file_that_the_team_changed_is_asked_for(contested: tuple[Path, str]) -> None:
    project, printed = contested
    assert "local/removed_since.py: the template deleted it and you changed it; `git rm` it" in printed
    assert text_of(project / "local/removed_since.py").endswith("SECOND = 3\n")


def test_a_deleted_file_stays_deleted_though_the_template_changed_it(contested: tuple[Path, str]) -> None:
    project, printed = contested
    assert not (project / "docs/fallback.md").exists()
    assert "stays deleted: docs/fallback.md" in printed


def test_all_of_it_can_be_taken_back(contested: tuple[Path, str], tmp_path: Path) -> None:
    project = Path(shutil.copytree(contested[0], tmp_path / "project"))
    git(project, "reset", "--hard", "--quiet")
    assert git(project, "status", "--porcelain") == ""
    assert text_of(project / PACKAGE / "deadline.py").startswith('"""As the team says it."""')
    assert not (project / "tests/gateway/test_sse.py").exists()


def test_a_project_in_a_folder_of_a_larger_repository_is_updated_there(
    released: Releases, tmp_path: Path
) -> None:
    inside = tmp_path / "many" / "services" / "nine lives"
    shutil.copytree(released.project, inside, ignore=shutil.ignore_patterns(".git"))
    (tmp_path / "many" / "README.md").write_text("Many services.\n")
    repository(tmp_path / "many")
    edit_as_a_team(inside)
    ended = update(released, inside)
    assert ended.returncode == 0, ended.stderr
    changed = git(tmp_path / "many", "diff", "--name-only", "HEAD").splitlines()
    assert {path.startswith("services/nine lives/") for path in changed} == {True}
    assert not (inside / PACKAGE / "handbook").exists()
    assert text_of(inside / PACKAGE / "deadline.py").endswith("\nOURS = 1\n")


def test_make_in_the_project_does_the_same_and_a_new_question_takes_its_default(
    released: Releases, project: Path
) -> None:
    record = json.loads(text_of(project / "template.json"))
    del record["answers"]["license"]  # as if it had never been asked
    (project / "template.json").write_text(json.dumps(record))
    commit(project)
    environment = surroundings()
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    options = (f"template={released.template}", f"to={NEWER}", "run=")
    said = run(project, "make", "update", *options, environment=environment)
    assert f"From {OLDER} to {NEWER}" in said
    assert waiting(project) == []
    assert json.loads(text_of(project / "template.json"))["answers"]["license"] == "Apache-2.0"


@pytest.mark.slow
def test_the_updated_project_passes_its_checks_and_proves_its_new_control(
    taken: tuple[Path, str], borrowed: dict[str, str], tmp_path: Path
) -> None:
    project = Path(shutil.copytree(taken[0], tmp_path / "project"))
    run(project, "make", "check", "run=", environment=borrowed)
    tests = ("test_ours", "docs/test_adr", "docs/test_links", "assurance/test_controls", "gateway/test_sse")
    command = ("python", "-m", "pytest", *(f"tests/{name}.py" for name in tests))
    assert " passed" in run(project, *command, environment=borrowed)
    assert "whole-answer" in run(project, "make", "prove", "only=whole-answer", "run=", environment=borrowed)
