"""Decision records: numbered in order, complete, short, in the index, and looked at again when they said so."""

import re
import warnings
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.docs.pages import DOCS, text

FOLDER = DOCS / "adr"
RECORDS = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
DECIDED = ["Context", "Decision", "What we gave up", "Revisit when"]
OPEN = ["Question", "Options"]


def field(content: str, name: str) -> str | None:
    found = re.search(rf"^- {name}: (.+)$", content, re.MULTILINE)
    return found and found[1]


def overdue(records: list[Path], today: date) -> list[str]:
    dates = {path.name: field(text(path), "Revisit") for path in records}
    return [name for name, revisit in dates.items() if revisit and date.fromisoformat(revisit) < today]


def test_no_number_is_given_twice_and_the_team_s_have_no_gap() -> None:
    numbers = [path.name.partition("-")[0] for path in RECORDS]
    assert len(set(numbers)) == len(numbers)
    assert all(re.fullmatch(r"T\d{3}|\d{4}", number) for number in numbers)
    ours = [number for number in numbers if not number.startswith("T")]
    assert ours == [f"{number:04}" for number in range(1, len(ours) + 1)]


def test_the_index_has_every_record_once_under_its_title_in_order() -> None:
    listed = re.findall(r"^- (\w+) \[(.+)\]\((.+)\)$", text(FOLDER / "README.md"), re.MULTILINE)
    written = [(*text(path).partition("\n")[0].removeprefix("# ").split(" ", 1), path.name) for path in RECORDS]
    assert sorted(listed) == sorted(written)
    for ours in (True, False):
        numbers = [number for number, *_ in listed if number.startswith("T") is not ours]
        assert numbers == sorted(numbers)


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_is_whole_and_short(record: Path) -> None:
    content = text(record)
    assert content.startswith(f"# {record.name.partition('-')[0]} ")
    status = field(content, "Status") or ""
    assert re.fullmatch(r"open|proposed|accepted|replaced by T?\d+", status)
    assert date.fromisoformat(field(content, "Date") or "")
    assert re.findall(r"^## (.+)$", content, re.MULTILINE) == (OPEN if status == "open" else DECIDED)
    assert len(content.splitlines()) <= 50
    if status == "open":
        assert not record.name.startswith("T")
        assert field(content, "Owner")
        assert re.fullmatch(r"week [1-4]", field(content, "Due") or "")
    for name in overdue([record], datetime.now(UTC).date()):  # which shall break nobody's build
        warnings.warn(f"docs/adr/{name} wanted to be looked at again by now: keep, change or replace it", stacklevel=1)


def test_a_date_passes_the_day_after(tmp_path: Path) -> None:
    record = tmp_path / "T999-x.md"
    record.write_text("- Revisit: 2027-05-23\n", encoding="utf-8")
    assert overdue([record], date(2027, 5, 23)) == []
    assert overdue([record], date(2027, 5, 24)) == ["T999-x.md"]
