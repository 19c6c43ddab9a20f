"""Charts as inline SVG. Places are percentages, so that they fit any width; figures stand beside them as text."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

from assurance.evals.intervals import Interval
from assurance.markup import Child, element

HEIGHT = 22


def share(value: float, sure: Interval, goal: float, before: float | None, *, good: bool, label: str) -> Element:
    """A bar with its interval; a dashed line is what was wanted, a ring what it was before."""
    ring = (
        element("circle", cx=_at(before), cy=11, r=4, class_="before", stroke_width=1.5) if before is not None else None
    )
    return _drawing(
        label,
        element("rect", x=0, y=4, width="100%", height=14, class_="track"),
        element("rect", x=0, y=4, width=_at(value), height=14, class_="fill" if good else "worse"),
        _line(sure.low, sure.high, 11, "mark", 1.5),
        _tick(goal, "goal", 2),
        ring,
    )


def spread(values: Sequence[float], marks: Sequence[float], most: float, label: str) -> Element:
    """A dot for each value, from 0 to `most`, and ticks where the marks are."""
    return _drawing(
        label,
        element("line", x1=0, x2="100%", y1=11, y2=11, class_="mid", stroke_width=0.5),
        [element("circle", cx=_at(value / most), cy=11, r=4.5, class_="dot") for value in values],
        [_tick(value / most, "mark", 1.5) for value in marks],
    )


def gap(middle: float, sure: Interval, *, bad: bool, label: str) -> Element:
    """A difference with its interval, from -1 to 1 around the middle; what goes further is cut there."""
    low, at, high = (min(1.0, max(0.0, (number + 1) / 2)) for number in (sure.low, middle, sure.high))
    stroke = "alarm" if bad else "mark"
    return _drawing(
        label,
        element("rect", x=0, y=4, width="100%", height=14, class_="track"),
        _tick(0.5, "mid", 1),
        _line(low, high, 11, stroke, 2),
        element("circle", cx=_at(at), cy=11, r=4.5, class_="worse" if bad else "fill"),
    )


def _drawing(label: str, *parts: Child) -> Element:
    return element("svg", element("title", label), *parts, width="100%", height=HEIGHT, role="img")


def _at(place: float) -> str:
    return f"{place:.2%}"


def _tick(place: float, kind: str, width: float) -> Element:
    return element("line", x1=_at(place), x2=_at(place), y1=1, y2=HEIGHT - 1, class_=kind, stroke_width=width)


def _line(low: float, high: float, y: int, kind: str, width: float) -> Element:
    return element("line", x1=_at(low), x2=_at(high), y1=y, y2=y, class_=kind, stroke_width=width)
