"""House rules that no linter knows: sizes, docstrings, and who may touch the OpenTelemetry SDK."""

import ast
from collections.abc import Iterator
from pathlib import Path

import {{ cookiecutter.package_name }}
from {{ cookiecutter.package_name }}.telemetry import names

SOURCE = Path({{ cookiecutter.package_name }}.__file__).parent
LONGEST_FILE = 250
LONGEST_FUNCTION = 45


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(SOURCE.rglob("*.py")):
        yield str(path.relative_to(SOURCE)), ast.parse(path.read_text(encoding="utf-8"))


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.lineno} {node.name}", node


def test_files_are_short_enough_to_be_read_at_once() -> None:
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCE.rglob("*.py")}
    assert {path: lines for path, lines in counts.items() if lines > LONGEST_FILE} == {}


def test_functions_are_short() -> None:
    assert [name for name, node in functions() if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION] == []


def test_docstrings_hold_no_argument_lists() -> None:
    headings = ("Args:", "Arguments:", "Returns:", "Raises:", "Parameters\n")
    told = [(name, ast.get_docstring(node) or "") for name, node in functions()]
    assert [name for name, text in told if any(heading in text for heading in headings)] == []


def test_every_folder_states_its_question_first() -> None:
    for package in sorted(SOURCE.glob("*/__init__.py")):
        docstring = ast.get_docstring(ast.parse(package.read_text(encoding="utf-8"))) or ""
        assert "?" in docstring.splitlines()[0], package


def test_only_telemetry_touches_the_sdk() -> None:
    for name, tree in trees():
        imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if any(module.startswith(("opentelemetry.sdk", "opentelemetry.exporter")) for module in imported):
            assert name.startswith("telemetry"), name


def test_imports_inside_the_package_are_relative() -> None:
    for name, tree in trees():
        absolute = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
        assert not any((module or "").startswith(SOURCE.name) for module in absolute), name


def test_every_telemetry_name_is_used() -> None:
    declared = {name for name in vars(names) if name.isupper()}
    used = {node.attr for _, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert declared - used - {"SCOPE"} == set()
