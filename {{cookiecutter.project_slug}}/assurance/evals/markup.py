"""Elements of a page. What is put into one is text: it never becomes markup."""

import re
from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring

Child = Element | str | None | Iterable["Child"]
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
