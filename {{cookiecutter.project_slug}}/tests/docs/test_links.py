"""What the pages point to is there: pages, make targets, commands, configuration."""

import re

import click

from {{ cookiecutter.package_name }}.cli import main

from tests.docs.pages import PROJECT, code, pages, prose, text

# At the begin of a line, or behind what may stand before a command.
_BEFORE = r"(?:^|venv\.py |(?:--|&&|\|\||[;|(]) ?)"
_MAKE = re.compile(rf"{_BEFORE}make ([a-z][a-z-]*)")
_MODULE = r"(?:\S+ )?python3? -m {{ cookiecutter.package_name }}"
_COMMAND = re.compile(rf"{_BEFORE}(?:{{ cookiecutter.project_slug }}|{_MODULE}) ([a-z]+)(?: ([a-z][a-z-]*))?")
_CONFIG = re.compile(r"(?<![\w./-])config/[\w./-]*\w")


def test_relative_links_resolve() -> None:
    targets = [(page, target) for page in pages() for target in re.findall(r"\]\(([^)\s]+)\)", prose(page))]
    paths = [(page, target.partition("#")[0]) for page, target in targets if not re.match(r"[a-z]+:|#", target)]
    assert [(page.name, path) for page, path in paths if not (page.parent / path).exists()] == []


def test_make_targets_exist() -> None:
    makefile = text(PROJECT / "Makefile")
    known = {name for line in re.findall(r"^([a-z][a-z -]*):", makefile, re.MULTILINE) for name in line.split()}
    named = [(page.name, name) for page in pages() for part in code(page) for name in _MAKE.findall(part)]
    assert [(page, name) for page, name in named if name not in known] == []


def test_commands_exist() -> None:
    named = [(page.name, *words) for page in pages() for part in code(page) for words in _COMMAND.findall(part)]
    assert [(page, name, below) for page, name, below in named if not exists(name, below)] == []


def test_paths_of_the_configuration_exist() -> None:
    named = [(page.name, path) for page in pages() for path in _CONFIG.findall(text(page))]
    assert [(page, path) for page, path in named if not (PROJECT / path).exists()] == []


def exists(name: str, below: str) -> bool:
    command = main.commands.get(name)
    if isinstance(command, click.Group):
        return not below or below in command.commands
    return command is not None
