"""Answers that look like trouble but are good: they are taken, and every file still parses."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.baking import TEMPLATE, command, files, unparsable
from tests.test_hostile import CODE, refusals

AWKWARD = [
    "He said \"no\" and 'yes'",
    "R&D <b>bold</b>",
    "a: b # c",
    "- [x] *y* &z !t %u @v",
    "back\\slash \\n \\u0022 \\",
    "$HOME ${HOME} %PATH%",
    "{ one brace } [ and ] these",
    "null",
    "yes",
    "0123",
    "1e3",
    "~",
    "=cmd()",
    "Ærøskøbing Ünïcøde",
    "Команда",
    "日本語チーム",
    "فريق",
]


@pytest.mark.parametrize("name", ["a", "a1", "a-b-c", "a" * 40, "match", "project-9-lives-co"])
def test_good_slug_is_taken(name: str) -> None:
    assert refusals(project_slug=name, package_name=name.replace("-", "_")) == []


@pytest.mark.parametrize("text", [*AWKWARD, *(code for code in CODE if "{{" not in code)])
def test_awkward_text_is_taken(text: str) -> None:
    assert refusals(project_name=text[:60], description=text, owner=text) == []


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_text_gives_files_that_parse(bake: Callable[..., Path], text: str) -> None:
    service = bake(project_name=f"A {text[:50]}", project_slug="a", description=text, owner=text)
    assert unparsable(service) == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("9 Lives & Co.", "project-9-lives-co"),
        ("A", "a"),
        ("Abcdefghijklmnopqrstuvwxyzabcdefghijklmn", "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"),
        ("Größe über alles", "grosse-uber-alles"),
        ("The longest name of any service that we have", "the-longest-name-of-any-service-that-we"),
        ("日本語", "ri-ben-yu"),
        ("!!!", "project"),
    ],
)
def test_awkward_name_gives_a_legal_folder_and_package(
    bake: Callable[..., Path], name: str, slug: str
) -> None:
    service = bake(project_name=name)
    assert service.name == slug
    assert (service / "src" / slug.replace("-", "_")).is_dir()
    assert [p.name for p in (service / "src").iterdir()] == [slug.replace("-", "_")]
    assert unparsable(service) == []


def test_text_reaches_the_files_unchanged(bake: Callable[..., Path]) -> None:
    said = 'He said "no" to R&D\'s <café> \\ 日本語'
    project = tomllib.loads((bake(description=said) / "pyproject.toml").read_text())["project"]
    assert project["description"] == said


def test_same_answers_give_the_same_bytes(bake: Callable[..., Path], default_service: Path) -> None:
    again = bake()
    assert [p.read_bytes() for p in files(again)] == [p.read_bytes() for p in files(default_service)]


def test_last_lines_say_what_to_do_next(tmp_path: Path) -> None:
    ended = command(tmp_path / "home", tmp_path / "with space", "--no-input")
    assert ended.returncode == 0
    said = ended.stdout.strip()
    assert len(said.splitlines()) <= 10
    assert f"cd '{tmp_path / 'with space' / 'acme-assistant'}'" in said
    for words in ("make serve", "make check", "config/models.yaml", "acme_assistant/handbook/"):
        assert words in said
    assert re.search(r"acme-assistant ask .+ --user ada", said)


def test_name_in_another_script_passes_an_ascii_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    ended = command(tmp_path / "home", tmp_path / "größe", "--no-input", "project_name=日本語")
    assert ended.returncode == 0, ended.stderr
    assert "??? is ready" in ended.stdout


@pytest.mark.parametrize("name", ["pre_gen_project", "post_gen_project"])
def test_hook_reads_answers_as_json_and_starts_nothing(name: str) -> None:
    source = (TEMPLATE / "hooks" / f"{name}.py").read_text()
    assert re.findall(r"\{\{.*?\}\}", source) == ["{{cookiecutter | tojson | tojson}}"]
    imported = set(re.findall(r"^(?:import|from) (\w+)", source, re.MULTILINE))
    assert imported <= {"io", "json", "keyword", "pathlib", "re", "shlex", "shutil", "sys", "typing"}
