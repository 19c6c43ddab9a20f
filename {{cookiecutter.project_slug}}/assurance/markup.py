"""HTML pages, each a single file without scripts or network access. Text put into an element is always escaped."""

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree.ElementTree import Element, tostring

Child = Element | str | None | Iterable["Child"]
STYLE = Path(__file__).with_name("page.css")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # what XML and UTF-8 have no place for


def text(value: object) -> str:
    return _UNFIT.sub("\ufffd", str(value))


def element(tag: str, *children: Child, **attributes: object) -> Element:
    """`class_` and `stroke_width` become `class` and `stroke-width`."""
    made = Element(tag, {name.strip("_").replace("_", "-"): text(value) for name, value in attributes.items()})
    for child in _flat(children):
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + text(child)
        else:
            made.text = (made.text or "") + text(child)
    return made


def _flat(children: Iterable[Child]) -> Iterable[Element | str]:
    for child in children:
        if isinstance(child, str | Element):
            yield child
        elif child is not None:
            yield from _flat(child)


def html(root: Element) -> str:
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def page(title: str, style: Path, *main: Child) -> str:
    """`style` is added to the one that all pages share."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", title),
        element("style", STYLE.read_text(encoding="utf-8"), style.read_text(encoding="utf-8")),
    )
    return html(element("html", head, element("body", element("main", *main)), lang="en"))


def figures(*tiles: tuple[str, str]) -> Element:
    """Each a large figure, and what it is."""
    return element(
        "div",
        [element("div", element("strong", big), element("span", small)) for big, small in tiles],
        class_="figures",
    )
