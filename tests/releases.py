"""Two releases of the template, this one and an older one that is made up, and a project of the older one."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from tests.baking import SERVICE, Answers, bake, clone, declared, text_of
from tests.shell import outer_environment

OLDER, NEWER = "v0.9.0", "v9.9.9"
AWKWARD: Answers = {
    "project_name": "9 Lives & Co.",
    "description": 'She said: "don\'t # {guess}" \\ R&D <3',
    "owner": "Ærø Команда & 日本語",
    "ci": "gitlab",
    "kubernetes": False,
}
PACKAGE = "src/{{cookiecutter.package_name}}"


class Releases(NamedTuple):
    template: Path
    project: Path


def surroundings() -> dict[str, str]:
    """A shell in which nobody's own settings of git have a say."""
    return outer_environment() | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}


def git(folder: Path, *arguments: str) -> str:
    environment = surroundings()
    command = ["git", *arguments]
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def repository(folder: Path) -> None:
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "Team")
    git(folder, "config", "user.email", "team@example.com")


def commit(folder: Path, *tags: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A commit")
    for tag in tags:
        git(folder, "tag", tag)


def edit(path: Path, old: str, new: str) -> None:
    text = text_of(path)
    assert text.count(old) == 1, f"{path}: {old}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def first_line(path: Path, line: str) -> None:
    edit(path, text_of(path).splitlines()[0] + "\n", line + "\n")


def releases(into: Path) -> Releases:
    """A clone of the template with the newer one checked out, and a project that nobody has edited yet."""
    template, older = into / "template", into / "older"
    shutil.copytree(clone(), older)
    make_older(older, older / SERVICE.name)
    shutil.copytree(older, template)
    repository(template)
    commit(template, OLDER)
    git(template, "rm", "-r", "--quiet", ".")
    shutil.copytree(clone(), template, dirs_exist_ok=True)
    call(template, NEWER)
    commit(template, NEWER)
    project = bake(into, template=older, **AWKWARD)
    repository(project)
    commit(project)
    return Releases(template, project)


def call(template: Path, release: str) -> None:
    """As a release is made; between two of them the version is `unreleased`."""
    version = declared()["_version"]
    edit(template / "cookiecutter.json", f'"_version": "{version}"', f'"_version": "{release[1:]}"')
    heading = re.compile(r"^## .*$", re.MULTILINE)
    changelog = template / "CHANGELOG.md"
    changelog.write_text(heading.sub(f"## {release[1:]}", text_of(changelog), count=1), encoding="utf-8")


def make_older(template: Path, service: Path) -> None:
    call(template, OLDER)
    (template / "CHANGELOG.md").write_text(f"# Changelog\n\n## {OLDER[1:]}\n\nThe older one.\n")
    first_line(service / PACKAGE / "deadline.py", '"""As the older release said it."""')
    first_line(service / "docs/fallback.md", "# What falls back, as the older release said it")
    edit(
        service / PACKAGE / "handbook/handbook.py",
        "from collections.abc import",
        "# older\nfrom collections.abc import",
    )
    (service / PACKAGE / "handbook/documents/office-hours.md").unlink()
    (service / "tests/gateway/test_sse.py").unlink()
    (service / "docs/slos.md").rename(service / "docs/objectives.md")
    (service / "local/removed_since.py").write_text("FIRST = 1\nSECOND = 2\n")
    for lock in ("requirements.lock", "requirements-dev.lock"):
        path = service / lock
        path.write_text(re.sub(r"^aiohttp==\S+", "aiohttp==3.13.0", text_of(path), flags=re.MULTILINE))
    forget_a_control(service)


def forget_a_control(service: Path) -> None:
    register = service / "controls.yaml"
    before, control, after = text_of(register).partition("  whole-answer:\n")
    register.write_text(before + after.partition("\n\n")[2], encoding="utf-8")
    assert control
    absences = service / "assurance/controls/absences/gateway.py"
    kept = [line for line in text_of(absences).splitlines(True) if '"whole-answer"' not in line]
    absences.write_text("".join(kept), encoding="utf-8")
    edit(service / "docs/governance/threat-model.md", " `whole-answer`", "")


def update(released: Releases, project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, released.template / "update.py", project, *options],
        env=surroundings(),
        capture_output=True,
        text=True,
        check=False,
    )


def waiting(project: Path) -> list[str]:
    """What git's status shows beside changes that are ready to be committed."""
    lines = git(project, "status", "--porcelain", "--no-renames").splitlines()
    return [line for line in lines if line[1] != " "]
