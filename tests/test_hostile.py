"""Bad answers are refused with one clear line and leave nothing behind; awkward but good ones work.

A bad answer here is one that an honest person may type, and one that a portal passes on from somebody else.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.baking import Answers, command, files, hook, options, questions, unparsable

GOOD: Answers = {
    **questions(),
    **{name: values[0] for name, values in options().items()},
    "project_slug": "acme-assistant",
    "package_name": "acme_assistant",
}

NAMES = {
    "empty": "",
    "blank": " ",
    "one dot": ".",
    "two dots": "..",
    "upwards": "../../deep/er/x",
    "absolute": "/etc/groundwork",
    "folder in folder": "a/b",
    "Windows path": "a\\b",
    "Windows drive": "c:x",
    "Windows device": "nul",
    "option of a command": "-rf",
    "capital": "Assistant",
    "first a digit": "9lives",
    "space": "my service",
    "newline": "my\nservice",
    "NUL": "my\0service",
    "41 letters": "a" * 41,
    "300 letters": "a" * 300,
    "umlaut": "größe",
    "look-alike letter": "\u0430cme",
    "full-width letter": "\uff41cme",
    "right-to-left mark": "acme\u202e",
    "shell": "a;touch pwned",
    "substitution": "$(touch pwned)",
    "back-tick": "`touch pwned`",
    "quote": "a'b",
    "double quote": 'a"b',
    "colon": "a: b",
    "comment": "a#b",
    "percent": "%PATH%",
    "wildcard": "*",
    "keyword": "class",
    "soft word": "none-",
    "dependency": "fastapi",
    "dependency under another name": "yaml",
    "dependency of a dependency": "anyio",
    "standard library": "asyncio",
    "folder of the service": "tests",
    "folder of the source": "src",
    "interpreter": "python",
}

TEXTS = {
    "empty": "",
    "blank": "   ",
    "newline": "one\ntwo",
    "carriage return": "one\rtwo",
    "tab": "one\ttwo",
    "NUL": "one\0two",
    "terminal escape": "one\x1b[2Jtwo",
    "C1 control": "one\x85two",
    "line separator": "one\u2028two",
    "right-to-left override": "one\u202etwo",
    "zero width": "one\u200btwo",
    "byte order mark": "\ufeffone",
    "lone surrogate": "one\udc80two",
    "outside the basic plane": "one \U0001f600",
    "Jinja expression": "{{ 7 * 7 }}",
    "Jinja statement": "{% for x in y %}",
    "Jinja comment": "{# hidden",
    "too long": "x" * 1000,
}

# What would run if an answer stood between quotes in a hook.
CODE = [
    "'); import os; os.system('touch pwned') #",
    '"); import os; os.system("touch pwned") #',
    "'''); __import__('os').system('touch pwned') #",
    '"""); __import__("os").system("touch pwned") #',
    "\\'); __import__('os').system('touch pwned') #",
    "\\u0022); __import__('os').system('touch pwned') #",
    "$(touch pwned)",
    "`touch pwned`",
    "; touch pwned #",
    "| touch pwned",
    "${IFS}touch pwned",
    "!!python/object/apply:os.system ['touch pwned']",
    "${{ github.token }}",
]


def refusals(**answers: Any) -> list[str]:
    found: list[str] = hook("pre_gen_project").problems(GOOD | answers)
    return found


def test_good_answers_are_taken() -> None:
    assert refusals() == []


@pytest.mark.parametrize("question", ["project_slug", "package_name"])
@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_bad_name_is_refused_with_one_line(question: str, name: str) -> None:
    (line,) = refusals(**{question: name})
    assert line.startswith(question)
    assert line.isprintable()
    assert line.isascii()
    assert "for example" in line


@pytest.mark.parametrize("question", ["project_name", "description", "owner"])
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_bad_text_is_refused_with_one_line(question: str, text: str) -> None:
    (line,) = refusals(**{question: text})
    assert line.startswith(question)
    assert line.isprintable()
    assert line.isascii()
    assert "write" in line or "leave" in line


@pytest.mark.parametrize("question", ["license", "ci", "kubernetes"])
@pytest.mark.parametrize("answer", ["", "none of these", "'); x", 1, None, ["github"], "True"])
def test_value_that_is_no_choice_is_refused(question: str, answer: object) -> None:
    (line,) = refusals(**{question: answer})
    assert line.startswith(question)


def test_all_bad_answers_are_reported_at_once() -> None:
    lines = refusals(project_slug="Bad", package_name="class", owner="", ci="jenkins")
    assert sorted(line.split()[0] for line in lines) == ["ci", "owner", "package_name", "project_slug"]


REFUSED_BY_COMMAND = {
    "text": ("owner=", "owner '' is empty"),
    "name": ("project_slug=My_App", "project_slug 'My_App' must start with a small letter"),
    "taken name": ("project_name=Redis", "project_slug 'redis' is already the name"),
    "line break": ("description=one\ntwo", "description 'one\\ntwo' has the character U+000A"),
    "path upwards": ("project_slug=../../deep/er/x", "project_slug names a path; answer one folder name"),
    "absolute path": ("project_slug=/tmp/groundwork/x", "project_slug names a path; answer one folder name"),
    "choice": ("ci=jenkins", "jenkins provided for choice variable ci, but the choices are"),
    "boolean": ("kubernetes=maybe", "maybe provided for variable kubernetes could not be converted"),
}


@pytest.mark.parametrize(("answer", "message"), REFUSED_BY_COMMAND.values(), ids=REFUSED_BY_COMMAND)
def test_refusal_by_the_command_leaves_nothing_behind(tmp_path: Path, answer: str, message: str) -> None:
    ended = command(tmp_path / "home", tmp_path / "some" / "where", "--no-input", answer)
    assert ended.returncode == 1
    assert message in ended.stdout + ended.stderr
    assert not Path("/tmp/groundwork").exists()
    left = {path for path in tmp_path.rglob("*") if tmp_path / "home" not in [path, *path.parents]}
    assert left == {tmp_path / "some", tmp_path / "some" / "where"}


def test_refusal_leaves_an_existing_project_as_it_was(tmp_path: Path) -> None:
    work = tmp_path / "acme-assistant" / "src" / "acme_assistant" / "ours.py"
    work.parent.mkdir(parents=True)
    work.write_text("ours = 1\n")
    ended = command(tmp_path / "home", tmp_path, "--no-input", "--overwrite-if-exists", "owner=")
    assert ended.returncode == 1
    assert files(tmp_path / "acme-assistant") == [work]
    assert work.read_text() == "ours = 1\n"


def typed(**answers: str) -> str:
    """One line for each question, empty for its default."""
    return "".join(f"{answers.get(name, '')}\n" for name in questions())


def test_jinja_that_a_person_types_is_not_carried_out(tmp_path: Path) -> None:
    ended = command(tmp_path / "home", tmp_path / "w", typed=typed(owner="{{ 6 * 7 }}"))
    assert ended.returncode == 1
    assert "owner '{{ 6 * 7 }}' has a brace followed by a brace" in ended.stderr


@pytest.mark.parametrize("code", CODE)
def test_no_answer_is_run_as_code(tmp_path: Path, code: str) -> None:
    answers = typed(project_name=code, description=code, owner=code)
    ended = command(tmp_path / "home", tmp_path / "w", typed=answers)
    assert ended.returncode == (1 if "{{" in code else 0), ended.stderr
    assert not list(tmp_path.rglob("pwned"))
    assert unparsable(tmp_path / "w") == []


def test_defaults_in_the_settings_of_a_user_are_checked_too(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps({"default_context": {"owner": "one\ntwo"}}))
    ended = command(tmp_path / "home", tmp_path / "w", "--no-input", "--config-file", str(settings))
    assert ended.returncode == 1
    assert "owner 'one\\ntwo'" in ended.stderr
