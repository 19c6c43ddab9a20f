"""Generates services from this working tree, and knows every combination of answers."""

import ast
import atexit
import functools
import importlib.util
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from cookiecutter.main import cookiecutter  # type: ignore[import-untyped] # it ships no types

TEMPLATE = Path(__file__).parents[1]
SERVICE = TEMPLATE / "{{cookiecutter.project_slug}}"

Answers = dict[str, Any]


def declared() -> Answers:
    content: Answers = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    return content


def questions() -> Answers:
    """What is asked, each with its default; a list or a boolean makes it an option."""
    return {name: default for name, default in declared().items() if not name.startswith("_")}


def copied_patterns() -> list[str]:
    """Paths that are copied as they are, because they have braces of their own or no answer in them."""
    return [str(pattern) for pattern in declared()["_copy_without_render"]]


def options() -> dict[str, list[Any]]:
    """The values of each option, its default first."""
    found = {}
    for name, default in questions().items():
        if isinstance(default, bool):
            found[name] = [default, not default]
        elif isinstance(default, list):
            found[name] = default
    return found


def combinations() -> list[Answers]:
    names, values = options().keys(), options().values()
    return [dict(zip(names, chosen, strict=True)) for chosen in itertools.product(*values)]


@functools.cache
def clone() -> Path:
    """A copy of the template as a clone would have it: without caches, and without what .gitignore hides."""
    if not (TEMPLATE / ".git").exists():
        return TEMPLATE
    copy = Path(tempfile.mkdtemp(prefix="groundwork-"))
    atexit.register(shutil.rmtree, copy)
    for path in tracked():
        target = copy / path.relative_to(TEMPLATE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return copy


def bake(into: Path, *, template: Path | None = None, overwrite: bool = False, **answers: Any) -> Path:
    """The folder of a new service. The user's own cookiecutter settings have no say in it."""
    into.mkdir(parents=True, exist_ok=True)
    settings = into / ".cookiecutter.yaml"
    settings.write_text(json.dumps({"cookiecutters_dir": str(into), "replay_dir": str(into / ".replay")}))
    folder = cookiecutter(
        str(template or clone()),
        no_input=True,
        extra_context=answers,
        output_dir=into,
        config_file=str(settings),
        overwrite_if_exists=overwrite,
    )
    return Path(folder)


def bake_again(into: Path) -> None:
    """The default service in place of the one that is there; the environment that it installed is kept."""
    for path in into.glob("acme-assistant/*"):
        if path.name == ".venv":
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    bake(into, overwrite=True)


def delete_example(service: Path) -> None:
    """As a team does that has no use for it: folder, tests, cases, and the lines in services.py."""
    (package,) = (service / "src").iterdir()
    for folder in (package / "handbook", service / "tests" / "handbook"):
        shutil.rmtree(folder)
    for cases in (service / "assurance" / "evals" / "cases").glob("handbook*.yaml"):
        cases.unlink()
    wiring = package / "services.py"
    lines = wiring.read_text(encoding="utf-8").splitlines(keepends=True)
    others = [line for line in lines if "handbook" not in line.lower()]
    assert 1 <= len(lines) - len(others) <= 5, "services.py should name the example in a few lines only"
    wiring.write_text("".join(others), encoding="utf-8")


def command(home: Path, into: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """The command as a person gives it in the folder `into`, who types one answer a line."""
    home.mkdir(exist_ok=True)
    into.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(clone()), *arguments],
        cwd=into,
        env={**os.environ, "HOME": str(home), "USERPROFILE": str(home), "COLUMNS": "200"},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def hook(name: str) -> ModuleType:
    """A hook's functions, without rendering or running it."""
    spec = importlib.util.spec_from_file_location(name, TEMPLATE / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(folder: Path) -> list[Path]:
    """Every file below the folder that git would keep, sorted."""
    passing = {".git", ".venv", "__pycache__", "build", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    return sorted(
        p for p in folder.rglob("*") if p.is_file() and not passing & {*p.relative_to(folder).parts}
    )


def text_of(path: Path) -> str:
    """For looking at any file; only what is no text loses something."""
    return path.read_bytes().decode("utf-8", errors="replace")


def tracked() -> list[Path]:
    """The files that a clone has, and those that are about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=TEMPLATE,
        capture_output=True,
        check=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := TEMPLATE / name).is_file()]


PARSERS: dict[str, Callable[[str], object]] = {
    ".yaml": lambda text: list(yaml.safe_load_all(text)),
    ".yml": lambda text: list(yaml.safe_load_all(text)),
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".py": ast.parse,
}


def unparsable(service: Path) -> list[str]:
    """The files that are not in their language, and what its parser says."""
    faults = []
    for path in files(service):
        try:
            PARSERS.get(path.suffix, str)(text_of(path))
        except (yaml.YAMLError, ValueError, SyntaxError) as fault:
            faults.append(f"{path}: {fault}")
    return faults


if __name__ == "__main__":
    bake_again(Path(sys.argv[1]))
