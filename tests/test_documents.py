"""The documents say what is there: options, links, decision records."""

import re
from pathlib import Path

from tests.baking import TEMPLATE, hook, options, questions, text_of


def test_options_are_documented_and_no_others() -> None:
    text = text_of(TEMPLATE / "docs/options.md")
    assert re.findall(r"^## `(\w+)`", text, re.MULTILINE) == list(questions())
    for name, values in options().items():
        section = text.split(f"## `{name}`")[1].split("\n## ")[0]
        words = ["yes", "no"] if isinstance(values[0], bool) else values
        assert [word for word in words if f"`{word}`" not in section] == [], name


def test_options_page_names_what_each_option_decides_on() -> None:
    text = text_of(TEMPLATE / "docs/options.md")
    answers = {name: values[0] for name, values in options().items()}
    missing = [path for path in hook("post_gen_project").kept(answers) if f"`{path}" not in text]
    assert not missing


def test_links_of_the_documents_resolve() -> None:
    for page in [*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/**/*.md")]:
        for target in relative_links(text_of(page)):
            assert (page.parent / target).exists(), f"{page.relative_to(TEMPLATE)}: {target}"


def test_links_of_the_generated_documents_resolve(default_service: Path) -> None:
    for page in default_service.rglob("*.md"):
        for target in relative_links(text_of(page)):
            assert (page.parent / target).exists(), f"{page.relative_to(default_service)}: {target}"


def relative_links(markdown: str) -> list[str]:
    without_code = re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", without_code)
    return [target.split("#")[0] for target in targets if not re.match(r"[a-z]+:|#", target)]


def test_decision_records_are_numbered_without_a_gap_and_indexed() -> None:
    folder = TEMPLATE / "docs/adr"
    names = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    index = text_of(folder / "README.md")
    assert re.findall(r"\]\(([^)]+)\)", index) == names
    assert all(len(text_of(folder / name).splitlines()) <= 50 for name in names)
