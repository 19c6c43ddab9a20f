"""Proofs are made in one place each: read from the syntax tree, as a type checker cannot say who may call what."""

import ast
from pathlib import Path

import pytest

import {{ cookiecutter.package_name }}

SOURCE = Path({{ cookiecutter.package_name }}.__file__).parent


def makers(proof: str) -> set[str]:
    """The files that call `proof`, by whatever name or module they know it, or change a copy of one."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {proof} | {
            alias.asname
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
            if alias.name == proof and alias.asname
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (_called(node.func) in names or _changes(node, proof)):
                found.add(path.relative_to(SOURCE).as_posix())
    return found


def _changes(call: ast.Call, proof: str) -> bool:
    """`replace(permit, …)` makes one too."""
    return _called(call.func) == "replace" and any(proof.lower() in ast.unparse(one).lower() for one in call.args)


def _called(function: ast.expr) -> str | None:
    match function:
        case ast.Name():
            return function.id
        case ast.Attribute():
            return function.attr
        case _:
            return None


MAKERS = [
    ("Permit", "governance/policy.py"),
    ("Principal", "identity/access.py"),
    ("Delegation", "identity/access.py"),
]


@pytest.mark.parametrize(("proof", "maker"), MAKERS)
def test_a_proof_is_made_in_one_file_only(proof: str, maker: str) -> None:
    assert makers(proof) == {maker}
