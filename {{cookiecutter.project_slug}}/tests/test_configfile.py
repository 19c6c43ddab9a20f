from pathlib import Path

import pytest
from pydantic import Field

from {{ cookiecutter.package_name }}.configfile import (
    ConfigurationError,
    Faults,
    Section,
    parse,
    read,
    secret,
)


class Inner(Section):
    count: int = 0
    kind: str = "a"


class Example(Section):
    name: str
    parts: dict[str, Inner] = Field(default={}, max_length=9)
    things: list[int] = []


def faults_of(text: str) -> list[str]:
    faults = Faults()
    assert parse("config/x.yaml", text, Example, faults) is None
    return faults.found


def test_a_good_file_is_read_with_the_lines_of_all_it_holds(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: a\nparts:\n  one: {count: 1}\n  two:\n    kind: b\n", encoding="utf-8")
    faults = Faults()
    file = read(tmp_path / "x.yaml", Example, faults)
    assert file is not None
    assert (file.content.parts["one"].count, file.content.parts["two"].kind) == (1, "b")
    assert file.at("parts", "two", "kind") == f"{tmp_path.name}/x.yaml:5"
    assert file.at("parts", "two", "count") == f"{tmp_path.name}/x.yaml:4"  # the nearest thing that is there
    assert file.at("nowhere") == f"{tmp_path.name}/x.yaml:1"


def test_every_fault_is_told_at_once_with_its_line() -> None:
    text = "nam: a\nparts:\n  one: {count: many, kind: [b]}\n  two: {sort: c}\nthings: [1, x, 3, y]\n"
    assert [one.partition(": ")[0] + ":" + one.partition(": ")[2].partition(":")[0] for one in faults_of(text)] == [
        "config/x.yaml:1:name",
        "config/x.yaml:3:parts.one.count",
        "config/x.yaml:3:parts.one.kind",
        "config/x.yaml:4:parts.two.sort",
        "config/x.yaml:5:things.1",
        "config/x.yaml:5:things.3",
        "config/x.yaml:1:nam",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name: a\nname: b\n", "config/x.yaml:2: 'name' stands here a second time; first on line 1"),
        ('name: a\n"name": b\n', "config/x.yaml:2: 'name' stands here a second time; first on line 1"),
        (
            "name: a\nparts:\n  o: {count: 1, count: 2}\n",
            "config/x.yaml:3: 'count' stands here a second time; first on line 3",
        ),
        ("name: a\nnme: b\n", "config/x.yaml:2: nme: is not a known setting; did you mean 'name'?"),
        (
            "name: a\nparts: {one: {cuont: 1}}\n",
            "config/x.yaml:2: parts.one.cuont: is not a known setting; did you mean 'count'?",
        ),
        (
            "name: a\nparts: {things: {cuont: 1}}\n",  # an entry that is called like a setting
            "config/x.yaml:2: parts.things.cuont: is not a known setting; did you mean 'count'?",
        ),
        (
            "name: a\nparts: {one: {name: x}}\n",
            "config/x.yaml:2: parts.one.name: is not a known setting; there are count, kind",
        ),
        (
            "name: &a b\nparts: {one: {kind: *a}}\n",
            "config/x.yaml:2: not valid YAML: anchors are not allowed; write the value out",
        ),
        (
            "name: a\nparts:\n\tone: {}\n",
            "config/x.yaml:3: not valid YAML: found character '\\t' that cannot start any token",
        ),
        (
            "name: !!python/object/apply:os.system [echo]\n",
            "config/x.yaml:1: the tag tag:yaml.org,2002:python/object/apply:os.system",
        ),
        (
            "name: !!python/name:os.system x\n",
            "config/x.yaml:1: the tag tag:yaml.org,2002:python/name:os.system is not allowed",
        ),
        ("!mine {name: a}\n", "config/x.yaml:1: the tag !mine is not allowed here"),
        ("name: !!binary '!'\n", "config/x.yaml:1: the tag tag:yaml.org,2002:binary is not allowed here"),
        ("name: a\n? [b, c]\n: d\n", "config/x.yaml:2: a key must be one word"),
        ("name: a\n<<: {kind: b}\n", "config/x.yaml:2: <<: is not a known setting"),
        ("name: 2026-13-45\n", "config/x.yaml:1: '2026-13-45' is no timestamp; put a text into quotes"),
        ("name: !!int abc\n", "config/x.yaml:1: 'abc' is no int"),
        (f"name: {'9' * 5000}\n", "config/x.yaml:1: '9999999999999999999999999999999999999999' is no int"),
        ("name: no\n", "config/x.yaml:1: name: Input should be a valid string"),
        ("name: 'a\n", "config/x.yaml:2: not valid YAML: found unexpected end of stream"),
        ("name: a\n---\nname: b\n", "config/x.yaml:2: not valid YAML: but found another document"),
        ("name: a\x00b\n", "config/x.yaml:1: not valid YAML: a character that YAML does not allow"),
        ("", "config/x.yaml:1: name: Field required"),
        ("# nothing\n", "config/x.yaml:1: name: Field required"),
        ("- a\n", "config/x.yaml:1: the file: Input should be"),
        ("just text", "config/x.yaml:1: the file: Input should be"),
        ("[" * 5000, "config/x.yaml: is nested too deeply"),
    ],
)
def test_each_fault_has_its_line_and_says_what_it_is(text: str, fault: str) -> None:
    (found,) = faults_of(text)
    assert found.startswith(fault)


def test_a_byte_order_mark_is_no_fault() -> None:
    faults = Faults()
    file = parse("x", "\ufeffname: a\n", Example, faults)
    assert file is not None
    assert file.content.name == "a"


@pytest.mark.parametrize("kind", ["missing", "folder", "utf-16"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "utf-16":
        path.write_text("name: é", encoding="utf-16")
    faults = Faults()
    assert read(path, Example, faults) is None
    assert faults.found[0].startswith(f"{tmp_path.name}/x.yaml: cannot be read (")
    with pytest.raises(ConfigurationError):
        faults.raise_if_any()


def test_a_secret_comes_from_its_variable_or_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert secret("A_SECRET") is None
    monkeypatch.setenv("A_SECRET", "")
    assert secret("A_SECRET") is None
    monkeypatch.setenv("A_SECRET", "by variable")
    assert secret("A_SECRET") == "by variable"
    (tmp_path / "secret").write_text("  by file\n", encoding="utf-8")
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "secret"))
    assert secret("A_SECRET") == "by file"
    monkeypatch.setenv("A_SECRET_FILE", str(tmp_path / "nowhere"))
    with pytest.raises(ConfigurationError, match=r"A_SECRET_FILE: cannot be read \(FileNotFoundError\)"):
        secret("A_SECRET")
