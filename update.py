"""`make update project=../lease-reader`: brings a generated project to a newer version of this template.

What the template generated then and what it generates now become two commits of no branch, and git applies
the difference to the project as its team left it. docs/adr/0006 says why it is so.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).resolve().parent
RECORD = "template.json"
LOCKS = ("requirements.lock", "requirements-dev.lock")
BOTH = "both changed the same lines; edit it, then `git add` it"
HOW = {"UD": "the template deleted it and you changed it; `git rm` it, or keep it by `git add`"}
NEXT = """Nothing is committed yet. What to type next, in the project:
  git diff HEAD          what the new version does to it
  make check test prove  whether everything is in order, each control included
  git commit             the message is prepared
  git reset --hard       takes all of it back instead"""


class RefusedError(Exception):
    """Why nothing was done, and what to do about it."""


def git(folder: Path, *arguments: str, **environment: str) -> str:
    ended = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if ended.returncode:
        raise RefusedError(f"git {arguments[0]} in {folder}: {ended.stderr.strip()}")
    return ended.stdout.removesuffix("\n")


class Project:
    """A repository, or a folder of one; `inside` says which, and is empty or ends in a slash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.version, self.answers = recorded(folder / RECORD)
        self.root = Path(git(folder, "rev-parse", "--show-toplevel"))
        self.inside = git(folder, "rev-parse", "--show-prefix")
        if changes := self.git("status", "--porcelain"):
            raise RefusedError(f"{self.root} has changes: commit or stash them first.\n{changes}")

    def git(self, *arguments: str) -> str:
        return git(self.root, *arguments)

    def folders(self) -> set[str]:
        return set(self.git("ls-tree", "-rdz", "--name-only", "HEAD").split("\0"))

    def conflicts(self) -> dict[str, str]:
        """Path and git's two letters: what was done here, and what in the template."""
        entries = self.git("status", "--porcelain", "--no-renames", "-z").split("\0")
        return {entry[3:]: entry[:2] for entry in entries if re.match("U|.U|AA|DD", entry)}

    def commit(self, root: Path, title: str, *parents: str) -> str:
        """The folder as a commit of no branch; the team's hooks and its signature have no part in it."""
        folder, index = self.git("rev-parse", "--absolute-git-dir"), str(root.with_name("index"))
        place = {"GIT_DIR": folder, "GIT_WORK_TREE": str(root), "GIT_INDEX_FILE": index}
        git(root, "add", "--all", "--force", ".", **place)
        return self.git("commit-tree", "-m", title, *parents, git(root, "write-tree", **place))


def recorded(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version, answers = str(record["version"]), {**record["answers"]}
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as fault:
        raise RefusedError(
            f"{path} should say with which version and answers the project was generated, and can't be read "
            f"({type(fault).__name__}): take it from version control, or write it like a new project's."
        ) from None
    for name, answer in answers.items():
        # What cookiecutter would carry out here: an option, a setting of its own, a template.
        if not re.fullmatch("[a-z][a-z0-9_]*", name) or re.search("[{][%#{]", str(answer)):
            raise RefusedError(f"{path}: {name!a} is no answer of a person; take it out.")
    return version, answers


def known(name: str) -> str:
    """The name of a commit of this clone; the newest release of its checkout, if none is given."""
    try:
        name = name or git(TEMPLATE, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
        git(TEMPLATE, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except RefusedError:
        raise RefusedError(
            f"This clone of the template has no {name or 'release'}: get its tags by `git fetch --tags`, or "
            "name a tag or commit: from=… generated the project, to=… is what it shall become."
        ) from None
    return name


def generate(name: str, project: Project, work: Path) -> Path:
    """A folder with what this version of the template generates, at the project's place in its repository.

    A question that it does not ask is left out, a new one takes its default; what the hooks say is not shown.
    """
    template, into, settings = work / "template", work / "into", work / "settings.yaml"
    index = {"GIT_INDEX_FILE": str(work / "index-of-the-template")}
    work.mkdir()
    git(TEMPLATE, "read-tree", name, **index)
    git(TEMPLATE, "checkout-index", "--all", f"--prefix={template.as_posix()}/", **index)
    settings.write_text(json.dumps({"cookiecutters_dir": str(work), "replay_dir": str(work / "replay")}))
    options = ["--no-input", "--config-file", str(settings), "--output-dir", str(into)]
    given = [f"{question}={answer}" for question, answer in project.answers.items()]
    command = [sys.executable, "-m", "cookiecutter", *options, "--", str(template), *given]
    ended = subprocess.run(command, capture_output=True, check=False)
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip()
        raise RefusedError(f"{name} of the template refuses what {RECORD} answers:\n{said}")
    (service,) = into.iterdir()
    shutil.copytree(service, work / "root" / project.inside)
    return work / "root"


def keep_away(roots: list[Path], there: set[str]) -> list[str]:
    """Folders that the team has deleted as a whole: what the new version adds to them stays out too."""
    made = {path.relative_to(roots[0]).as_posix() for path in roots[0].rglob("*") if path.is_dir()}
    whole = [path for path in sorted(made - there) if Path(path).parent.as_posix() not in made - there]
    for path in whole:
        for root in roots:
            shutil.rmtree(root / path, ignore_errors=True)
    return whole


def take_whole(roots: list[Path], project: Project) -> list[str]:
    """The locks that both sides changed: git is told that the team did not, as for the record."""
    shutil.copy(project.folder / RECORD, roots[0] / project.inside)
    taken = []
    for lock in LOCKS:
        ours, old, new = (folder / lock for folder in (project.folder, *(r / project.inside for r in roots)))
        if ours.exists() and len({path.read_bytes() for path in (ours, old, new)}) == 3:
            shutil.copy(ours, old)
            taken.append(lock)
    return taken


def merge(project: Project, new: str) -> list[str]:
    """What the team has deleted and the template changed; it stays deleted."""
    try:
        project.git("cherry-pick", "--no-commit", new)
    except RefusedError:
        if not project.conflicts():
            raise
    deleted = [path for path, letters in project.conflicts().items() if letters == "DU"]
    for path in deleted:
        project.git("rm", "--quiet", "--", path)
    return deleted


def news(since: str, to: str) -> str:
    """What the newer changelog says above the older version's heading."""
    newer = git(TEMPLATE, "show", f"{to}:CHANGELOG.md").partition("\n## ")[2]
    return "## " + newer.partition(f"\n## {since.removeprefix('v')}\n")[0].strip()


def update(project: Project, since: str, to: str) -> int:
    """The status: 1 if something waits for a person."""
    if since == to:
        print(f"{project.folder} is at {to} of the template already.")
        return 0
    with tempfile.TemporaryDirectory() as work:
        roots = [generate(name, project, Path(work, str(n))) for n, name in enumerate((since, to))]
        deleted, taken = keep_away(roots, project.folders()), take_whole(roots, project)
        old = project.commit(roots[0], f"What {since} of the template generated")
        new = project.commit(roots[1], f"Take {to} of the template", "-p", old)
    deleted += merge(project, new)
    waiting = [f"\n  {path}: {HOW.get(letters, BOTH)}" for path, letters in project.conflicts().items()]
    print(f"From {since} to {to} of the template:\n\n{news(since, to)}\n")
    if deleted:
        print(f"Your team deleted, and it stays deleted: {', '.join(deleted)}")
    if taken:
        print("Both changed the locks, and the template's were taken: `make lock` adds your packages again.")
    if waiting:
        print("For you to settle:" + "".join(waiting))
    print(NEXT)
    return 1 if waiting else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="make update", description=__doc__)
    parser.add_argument("project", type=Path)
    parser.add_argument("--from", dest="since", default="", metavar="TAG")
    parser.add_argument("--to", default="", metavar="TAG")
    given = parser.parse_args()
    try:
        project = Project(given.project)
        return update(project, known(given.since or f"v{project.version}"), known(given.to))
    except RefusedError as fault:
        print(fault, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
