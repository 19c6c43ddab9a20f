"""The tables of docs/conformance.md: written from what a run found, and read to be compared with it."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version

from tests.conformance.cases import CASES, NONE
from tests.conformance.families import FAMILIES, Family
from tests.docs.pages import DOCS, text

PAGE = DOCS / "conformance.md"
BEGIN, END = "<!-- what a run found: python3 local/venv.py python -m tests.conformance -->", "<!-- end -->"
SECTIONS = {
    "What it can do": (
        "answer",
        "usage and cost",
        "tool call",
        "tool result",
        "JSON schema",
        "embeddings",
        "other fields",
    ),
    "What it refuses": ("refusal or filter", "too long", "bad key", "rate limit", "server error"),
    "What it does wrong": ("nonsense", "broken off", "error midway"),
}
Found = Mapping[tuple[str, str], str]  # family and case → cell


def written(found: Found) -> str:
    """The part between the marks."""
    return "\n".join([f"litellm {version('litellm')}.", "", *_tables(found), *_reasons(found)])


def in_force() -> str:
    """What stands between the marks now."""
    return text(PAGE).partition(BEGIN)[2].partition(END)[0].strip()


def write(found: Found) -> None:
    before, _, rest = text(PAGE).partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{written(found)}\n\n{END}{after}", encoding="utf-8", newline="\n")


def cells() -> Found:
    """As the page has them now."""
    names = {f"{family.title} ({family.adapter})": family.name for family in FAMILIES}
    found: dict[tuple[str, str], str] = {}
    heads: list[str] = []
    for line in in_force().splitlines():
        if line.startswith("| family"):
            heads = _split(line)[1:]
        elif line.startswith("| ") and not line.startswith("| ---"):
            family, *row = _split(line)
            found |= {(names[family], case): cell for case, cell in zip(heads, row, strict=True)}
    return found


def _split(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("| ").split(" | ")]


def _tables(found: Found) -> Iterator[str]:
    assert [case for cases in SECTIONS.values() for case in cases] == list(CASES)
    for title, cases in SECTIONS.items():
        yield from (
            f"### {title}",
            "",
            f"| family | {' | '.join(cases)} |",
            f"| {' | '.join(['---'] * (len(cases) + 1))} |",
        )
        for family in FAMILIES:
            row = [f"{family.title} ({family.adapter})", *(found[family.name, case] for case in cases)]
            yield f"| {' | '.join(row)} |"
        yield ""


def _reasons(found: Found) -> Iterator[str]:
    yield from ("### What there is none of", "")
    for family in FAMILIES:
        lacking = [case for case in CASES if NONE in found[family.name, case]]
        if lacking:
            yield f"- {family.title}: {'; '.join(f'{case}: {_reason(family, case)}' for case in lacking)}."


def _reason(family: Family, case: str) -> str:
    return family.none[case]
