import hashlib
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.configfile import Faults
from {{ cookiecutter.package_name }}.promptfile import Prompt, read, split_front_matter

GOOD = '---\nversion: "3"\nowner: the team\ninputs: [documents, name]\n---\n# Hello $name\n\n$documents costs $$5.\n'


def prompt(folder: Path, text: str) -> tuple[Prompt | None, list[str]]:
    faults = Faults()
    path = folder / "answer.md"
    path.write_text(text, encoding="utf-8")
    return read(path, faults), [one.removeprefix(f"{folder.name}/") for one in faults.found]


def test_a_prompt_is_filled_and_has_the_digest_of_its_file(tmp_path: Path) -> None:
    found, faults = prompt(tmp_path, GOOD)
    assert faults == []
    assert found is not None
    assert (found.name, found.version) == ("answer", "3")
    assert found.digest == hashlib.sha256(GOOD.encode()).hexdigest()
    assert found.fill(name="Ada", documents="$name ${x} {name}") == "# Hello Ada\n\n$name ${x} {name} costs $5."


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (
            "inputs: [documents, name]",
            "inputs: [documents]",
            "answer.md: uses the variables documents, name, but its inputs are documents",
        ),
        ("inputs: [documents, name]\n", "", "answer.md: uses the variables documents, name, but its inputs are none"),
        ("$name", "$", "answer.md: uses the variables"),
        ('version: "3"', "version: 3", "answer.md:2: version: Input should be a valid string"),
        ("owner: the team\n", "", "answer.md:2: owner: Field required"),
        ("owner: the team", "owner: a\nowner: b", "answer.md:4: 'owner' stands here a second time"),
        ("owner: the team", "\towner: a", "answer.md:3: not valid YAML"),
        ("owner: the team", "owner: the team\ncolour: red", "answer.md:4: colour: is not a known setting"),
        ("---\nversion", "version", "answer.md: is missing, or has no front matter"),
        ("---\n# Hello", "# Hello", "answer.md: is missing, or has no front matter"),
        ("---\nversion", "Hi\n---\nversion", "answer.md: is missing, or has no front matter"),
        (GOOD, "", "answer.md: is missing, or has no front matter"),
    ],
)
def test_each_fault_is_named(tmp_path: Path, old: str, new: str, fault: str) -> None:
    found, faults = prompt(tmp_path, GOOD.replace(old, new))
    assert found is None
    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_a_prompt_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    faults = Faults()
    assert read(tmp_path / "none.md", faults) is None
    assert "none.md" in faults.found[0]


def test_a_line_of_dashes_in_the_text_is_text() -> None:
    assert split_front_matter("---\na: 1\n---\nb\n---\nc\n") == ("\na: 1", "b\n---\nc")


@pytest.mark.parametrize("gives", [["documents"], ["documents", "name", "colour"]])
def test_what_only_the_file_or_only_the_code_knows_is_told_at_start(tmp_path: Path, gives: list[str]) -> None:
    faults = Faults()
    (tmp_path / "answer.md").write_text(GOOD, encoding="utf-8")
    assert read(tmp_path / "answer.md", faults, gives=gives) is None
    assert faults.found[0].endswith(f"answer.md: wants documents, name, but is given {', '.join(sorted(gives))}")
    assert read(tmp_path / "answer.md", Faults(), gives=["name", "documents"])
