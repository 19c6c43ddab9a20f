"""Decision records: numbered without a gap, complete, short, and in the index."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, text

FOLDER = DOCS / "adr"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
HEADINGS = ["Context", "Decision", "What we gave up", "Revisit when"]


def test_the_template_s_and_the_team_s_numbers_have_no_gap() -> None:
    for pattern, form in (("T[0-9]*", "T{:03}"), ("[0-9]*", "{:04}")):
        found = sorted(path.name.partition("-")[0] for path in FOLDER.glob(f"{pattern}.md"))
        assert found == [form.format(number) for number in range(1, len(found) + 1)]


def test_the_index_has_every_record_once_under_its_title() -> None:
    listed = re.findall(r"^- (\w+) \[(.+)\]\((.+)\)$", text(FOLDER / "README.md"), re.MULTILINE)
    written = [(*text(path).partition("\n")[0].removeprefix("# ").split(" ", 1), path.name) for path in RECORDS]
    assert sorted(listed) == sorted(written)


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_whole_and_short(record: Path) -> None:
    content = text(record)
    assert content.startswith(f"# {record.name.partition('-')[0]} ")
    assert re.search(r"^- Status: (proposed|accepted|replaced by T?\d+)$", content, re.MULTILINE)
    assert re.search(r"^- Date: \d{4}-\d\d-\d\d$", content, re.MULTILINE)
    assert re.findall(r"^## (.+)$", content, re.MULTILINE) == HEADINGS
    assert len(content.splitlines()) <= 50
