"""docs/port-your-poc.md, walked from end to end; commands, changes and figures are the page's own."""

import re
import shutil
from pathlib import Path

import pytest

from tests.baking import SERVICE, TEMPLATE, bake, files, text_of
from tests.walk import Walk

PAGE = text_of(TEMPLATE / "docs/port-your-poc.md")
BEFORE, AFTER = TEMPLATE / "tests/poc/before", TEMPLATE / "tests/poc/after"
FEATURE = "src/acme_assistant/purchasing"
EXAMPLE = (
    "src/{{cookiecutter.package_name}}/handbook",
    "tests/handbook",
    "assurance/evals/cases/handbook.yaml",
)
PARTS = {
    "documents, with title and class": (f"{FEATURE}/documents/",),
    "data of the tool": (f"{FEATURE}/orders.json",),
    "prompt": (f"{FEATURE}/prompts/",),
    "tool": (f"{FEATURE}/orders.py",),
    "feature": (f"{FEATURE}/purchasing.py", f"{FEATURE}/__init__.py"),
    "tests": ("tests/",),
    "cases of the evaluation": ("assurance/",),
}
INVOICES = ("When are invoices paid?", "Invoices are paid within 30 days, on Thursdays. [Payment terms]")
ORDER = ("What is the status of order 4711?", "shipped")
TARGETS = ("Which discount do we want from suppliers of laptops?", "18 percent")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


LET_IT_ASK, MAKE_ROOM, CHECK, ASK = blocks("sh")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading this is."""
    table = PAGE.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


def changes() -> list[tuple[str, str, str]]:
    """File, line and the line that takes its place."""
    (block,) = blocks("diff")
    found, file = [], ""
    for line in block.splitlines():
        if line.startswith("--- "):
            file = line[4:]
        elif line.startswith("-"):
            removed = line[1:]
        else:
            found.append((file, removed, line[1:]))
    return found


def cost() -> list[list[str]]:
    """Of each part: its lines, and those that stand neither in the script's folder nor in the example."""
    parts = [SERVICE / part for part in EXAMPLE]
    example = [path for part in parts for path in ([part] if part.is_file() else files(part))]
    known = {line for path in [*files(BEFORE), *example] for line in text_of(path).splitlines()}
    counts = []
    for starts in PARTS.values():
        paths = [p for p in files(AFTER) if p.relative_to(AFTER).as_posix().startswith(starts)]
        lines = [line for path in paths for line in text_of(path).splitlines()]
        counts.append((len(lines), len([line for line in lines if line not in known])))
    counts.append((len(changes()), len(changes())))
    counts.append((sum(lines for lines, _ in counts), sum(new for _, new in counts)))
    names = [*PARTS, "`services.py`, `pyproject.toml`", "together"]
    return [[name, str(lines), str(new)] for name, (lines, new) in zip(names, counts, strict=True)]


def test_the_page_is_short_and_says_what_the_move_costs() -> None:
    assert len(PAGE.splitlines()) <= 90
    assert rows("part after the move") == cost()
    length = len(text_of(BEFORE / "purchasing_bot.py").splitlines())
    assert f"The script has {length} lines" in PAGE
    assert f"`{INVOICES[1]}` is said" in PAGE


def test_every_file_after_the_move_is_counted() -> None:
    counted = tuple(start for starts in PARTS.values() for start in starts)
    assert [p for p in files(AFTER) if not p.relative_to(AFTER).as_posix().startswith(counted)] == []


def test_the_parts_that_the_page_names_are_those_of_the_script() -> None:
    script = text_of(BEFORE / "purchasing_bot.py")
    for part, _ in rows("part of the script"):
        for name in re.findall(r"`([^`]+)`", part):
            assert list(BEFORE.glob(name)) or name in script or name == "OPENAI_BASE_URL", name


def test_documents_and_data_moved_as_they_are() -> None:
    for text in (BEFORE / "texts").iterdir():
        moved = text_of(AFTER / FEATURE / "documents" / f"{text.stem}.md")
        assert moved.split("\n---\n", 1)[1] == text_of(text)
    assert text_of(AFTER / FEATURE / "orders.json") == text_of(BEFORE / "orders.json")


@pytest.mark.slow
def test_a_proof_of_concept_is_moved_as_the_page_says(tmp_path: Path) -> None:
    walk = Walk(bake(tmp_path))
    shutil.copytree(BEFORE, walk.service, dirs_exist_ok=True)
    with walk.serving():
        ask_the_script(walk)
        let_the_script_ask_the_service(walk)
    for part in ("texts", "orders.json", "purchasing_bot.py"):
        shutil.move(walk.service / part, tmp_path)
    move(walk)
    walk.shell(CHECK)
    assert "status_of_an_own_order" in text_of(walk.service / ".local/evals/latest.json")
    with walk.serving():
        ask_the_service(walk)


def ask_the_script(walk: Walk) -> None:
    """Before: everybody is told everything."""
    model = f"http://127.0.0.1:{walk.ports['LOCAL_MODEL_PORT']}/v1"
    for question, fact in (INVOICES, ORDER, TARGETS):
        assert fact in walk.script(
            question, OPENAI_BASE_URL=model, OPENAI_API_KEY="none", MODEL="local-large"
        )
    assert walk.records("started") == []


def let_the_script_ask_the_service(walk: Walk) -> None:
    assert INVOICES[1] in walk.shell(LET_IT_ASK)
    (started,) = walk.records("started")
    assert started["subject"] == "ada"


def move(walk: Walk) -> None:
    service = walk.service
    walk.shell(MAKE_ROOM)
    for file, old, new in changes():
        text = text_of(service / file)
        assert text.splitlines().count(old) == 1, f"{file}: {old}"
        (service / file).write_text(text.replace(f"{old}\n", f"{new}\n"), encoding="utf-8")
    shutil.copytree(AFTER, service, dirs_exist_ok=True)
    for folder in (FEATURE, "tests/purchasing"):
        there = {path.relative_to(service) for path in files(service / folder)}
        moved = {path.relative_to(AFTER) for path in files(AFTER / folder)}
        assert there - moved <= {Path(FEATURE, "documents.py")}, "the page leaves parts of the example behind"


def ask_the_service(walk: Walk) -> None:
    """After: the same facts, with a receipt, for those who may have them."""
    said = walk.shell(ASK)
    assert INVOICES[1] in said
    assert ORDER[1] in said
    assert said.count("receipt: local-large (local) · internal") == 2
    assert [(one["tool"], one["subject"]) for one in walk.records("ran")] == [("order_status", "ada")]
    assert "no such order" in str(walk.ask(ORDER[0], "grace"))
    assert TARGETS[1] not in str(walk.ask(TARGETS[0], "ada"))
    told = walk.ask(TARGETS[0], "grace")
    assert TARGETS[1] in str(told)
    assert told["receipt"]["data_class"] == "confidential"
    refused = walk.ask(INVOICES[0], "ada", **{"X-Data-Class": "confidential"})
    assert refused["error"]["code"] == "data_class_refused"
