"""The project's Markdown pages, and the parts of them that a test compares with the project."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

PROJECT = Path(__file__).parents[2]
DOCS = PROJECT / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def pages() -> list[Path]:
    """Those that people read; a prompt or a document of the example is none of them."""
    below = (page for top in ("docs", "ops", "assurance") for page in PROJECT.glob(f"{top}/**/*.md"))
    return sorted([*PROJECT.glob("*.md"), *below])


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    return [body for found, body in _BLOCK.findall(text(page)) if found == language]


def prose(page: Path) -> str:
    """The page without its code, where a bracket may mean a link."""
    return _SPAN.sub("", _BLOCK.sub("", text(page)))


def code(page: Path) -> Iterator[str]:
    """Each line of each block and each inline span, without comments."""
    for _, body in _BLOCK.findall(text(page)):
        yield from (re.sub(r"(^|\s)#.*", "", line).strip() for line in body.splitlines())
    yield from _SPAN.findall(_BLOCK.sub("", text(page)))


def rows(page: Path) -> Iterator[list[str]]:
    """The cells of every table, headings left out."""
    for before, line in pairwise(text(page).splitlines()):
        if line.startswith("|") and before.startswith("|") and not line.startswith("| ---"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def names(cell: str) -> list[str]:
    return _SPAN.findall(cell)
