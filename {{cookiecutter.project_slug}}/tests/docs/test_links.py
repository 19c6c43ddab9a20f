"""What the pages point to is there: pages, make targets, commands, configuration."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from {{ cookiecutter.package_name }}.cli import main

from tests.docs.pages import PROJECT, code, pages, prose, text

# At the begin of a line, or behind what may stand before a command.
_BEFORE = r"(?:^|venv\.py |(?:--|&&|\|\||[;|(]) ?)"
_MAKE = re.compile(rf"{_BEFORE}make ([a-z][a-z-]*)")
_COMMAND = re.compile(rf"{_BEFORE}{{ cookiecutter.project_slug }} ([a-z]+)(?: ([a-z]+))?")
_CONFIG = re.compile(r"(?<![\w./-])config/[\w./-]*\w")


def relative(page: Path) -> str:
    return page.relative_to(PROJECT).as_posix()


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_relative_links_resolve(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(page))
    paths = [target.partition("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [path for path in paths if not (page.parent / path).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_make_targets_exist(page: Path) -> None:
    targets = re.findall(r"^([a-z][a-z -]*):", text(PROJECT / "Makefile"), re.MULTILINE)
    known = {name for names in targets for name in names.split()}
    assert [name for part in code(page) for name in _MAKE.findall(part) if name not in known] == []


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_commands_exist(page: Path) -> None:
    assert [words for part in code(page) for words in _COMMAND.findall(part) if not exists(*words)] == []


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_paths_of_the_configuration_exist(page: Path) -> None:
    assert [path for path in _CONFIG.findall(text(page)) if not (PROJECT / path).exists()] == []


def exists(name: str, below: str) -> bool:
    command = main.commands.get(name)
    if isinstance(command, click.Group):
        return not below or below in command.commands
    return command is not None


def test_the_readme_names_every_command_group_that_a_newcomer_needs() -> None:
    asked = set(_named(PROJECT / "README.md"))
    assert {"ask", "token", "policy"} <= asked


def _named(page: Path) -> Iterator[str]:
    for part in code(page):
        for name, _ in _COMMAND.findall(part):
            yield name
