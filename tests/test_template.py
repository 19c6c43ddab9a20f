"""Rules on the template's source, so that what it generates stays readable and neutral."""

import ast
import fnmatch
import re
import sys
from collections.abc import Iterator

from tests.baking import (
    SERVICE,
    TEMPLATE,
    copied_patterns,
    declared,
    files,
    hook,
    options,
    questions,
    text_of,
    tracked,
)

FREE_TEXTS = {"project_name", "description", "owner"}
JINJA = re.compile(r"\{\{(.*?)\}\}|\{%(.*?)%\}", re.DOTALL)


def rendered_files() -> Iterator[tuple[str, str]]:
    """Name and unrendered text of each file of the service that Jinja renders."""
    for path in files(SERVICE):
        name = path.relative_to(SERVICE).as_posix()
        if not any(fnmatch.fnmatch(name, pattern) for pattern in copied_patterns()):
            yield name, text_of(path)


def test_package_source_has_no_jinja() -> None:
    for path in files(SERVICE / "src"):
        text = text_of(path)
        assert "cookiecutter" not in text, path
        if path.suffix != ".py":  # Python may hold two braces in a string or a nested dict
            assert "{%" not in text, path


def test_package_imports_itself_relatively() -> None:
    """Its name is an answer, so the source cannot hold it; absolute imports are of locked packages."""
    known = (sys.stdlib_module_names | hook("pre_gen_project").TAKEN) - {"assurance", "local", "tests"}
    for path in files(SERVICE / "src"):
        if path.suffix == ".py":
            assert imported(ast.parse(text_of(path))) <= known, path


def imported(module: ast.Module) -> set[str]:
    """The first part of each absolute import."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def test_python_outside_the_package_renders_only_names() -> None:
    """So that ruff, mypy and editors read it: no condition, no loop, no text that could break a literal."""
    for name, text in rendered_files():
        if name.endswith(".py"):
            inside = {"".join(match).strip() for match in JINJA.findall(text)}
            assert inside <= {"cookiecutter.package_name", "cookiecutter.project_slug", "raw", "endraw"}, name


def test_free_texts_are_escaped_for_the_language_of_their_file() -> None:
    """`tojson` writes a literal of TOML, YAML, JSON and Python alike; a shell or make has no such filter."""
    for name, text in rendered_files():
        for expression, _ in JINJA.findall(text):
            if not any(f"cookiecutter.{free}" in expression for free in FREE_TEXTS):
                continue
            if name.endswith((".toml", ".yaml", ".yml", ".json")):
                assert re.search(r"\| ?tojson", expression), f"{name}: {expression}"
            else:
                assert name.endswith(".md") or name == "LICENSE", f"{name}: {expression}"


def test_each_path_of_an_option_exists() -> None:
    answers = {name: values[0] for name, values in options().items()}
    for path in hook("post_gen_project").kept(answers):
        assert (SERVICE / path).exists(), f"{path}: remove its line from hooks/post_gen_project.py"


def test_each_copied_pattern_matches_a_file() -> None:
    names = [path.relative_to(SERVICE).as_posix() for path in files(SERVICE)]
    for pattern in copied_patterns():
        assert fnmatch.filter(names, pattern), f"{pattern}: remove it from _copy_without_render"


def test_hook_knows_the_choices_of_each_option() -> None:
    choices = {name: tuple(values) for name, values in options().items() if values[0] is not True}
    assert choices == hook("pre_gen_project").CHOICES


def test_hook_has_a_rule_for_each_question() -> None:
    answers = dict.fromkeys(questions(), "")
    refused = {line.split()[0] for line in hook("pre_gen_project").problems(answers)}
    assert refused == set(questions())


def test_each_question_has_a_sentence_and_each_choice_too() -> None:
    prompts = declared()["__prompts__"]
    assert set(prompts) == set(questions())
    for name, values in options().items():
        if not isinstance(values[0], bool):
            assert set(prompts[name]) == {"__prompt__", *values}


def test_top_folders_are_refused_as_names_of_a_service() -> None:
    folders = {path.name for path in SERVICE.iterdir() if path.is_dir() and not path.name.startswith(".")}
    assert folders <= hook("pre_gen_project").TAKEN


def test_no_registry_and_no_machine_is_named() -> None:
    """A company's mirror serves the same files; nobody's home folder is in them."""
    named = re.compile(
        r"pypi\.(?:org|python)|python[h]osted|files\.python|npm[j]s|debian\.org|/(?:root|Users)/\w"
    )
    for path in tracked():
        if path.suffix != ".lock":
            found = named.search(text_of(path))
            assert not found, f"{path.relative_to(TEMPLATE)} names {found and found.group()}"


def test_lines_end_alike_everywhere() -> None:
    assert not [path for path in tracked() if b"\r\n" in path.read_bytes()]
