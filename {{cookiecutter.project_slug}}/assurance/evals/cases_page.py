"""The part of the report with every case: its question, its answer, what is new in it, and why it fell."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from xml.etree.ElementTree import Element

from assurance.evals.comparison import Comparison
from assurance.evals.outcome import Row, Run, Verdict, known, mean
from assurance.evals.table import milliseconds, usd
from assurance.markup import Child, element

ALIKE = 0.6  # of the words, for a difference that one can read word by word
_PIECES = re.compile(r"\s+|\w+|[^\w\s]")


def cases(run: Run, comparison: Comparison | None) -> Child:
    before = {(pair.suite, pair.case): pair.before for pair in comparison.pairs()} if comparison else {}
    name = comparison.names[0] if comparison else ""
    return [_suite(one, before, name) for one in run.verdicts]


def _suite(verdict: Verdict, before: dict[tuple[str, str], list[Row]], name: str) -> Child:
    skipped = f"Skipped, as they ask as local people: {', '.join(verdict.skipped)}."
    return [
        element("h2", f"Cases of {verdict.suite}"),
        [_case(case, rows, before.get((verdict.suite, case), []), name) for case, rows in verdict.cases()],
        element("p", skipped, class_="note") if verdict.skipped else None,
    ]


def _case(name: str, rows: list[Row], before: list[Row], against: str) -> Element:
    passed = sum(row.passed for row in rows)
    good = passed == len(rows)
    often = f" {passed}/{len(rows)}" if len(rows) > 1 else ""
    summary = element(
        "summary",
        element("span", f"{'passed' if good else 'fell'}{often}", class_="" if good else "bad"),
        element("span", name.replace("_", " "), " (must pass)" if rows[0].required else None),
        element("span", _measured(rows)),
    )
    open_ = {} if good else {"open": "open"}
    return element("details", summary, element("div", _told(rows, before, against), class_="case"), **open_)


def _measured(rows: list[Row]) -> str:
    cost = mean(known(rows, "cost_usd"))
    latency = mean(known(rows, "latency_ms"))
    where = "+".join(sorted({row.deployment for row in rows if row.deployment}))
    return " · ".join(part for part in (where, usd(cost), milliseconds(latency)) if part and part != "-")


def _told(rows: list[Row], before: list[Row], against: str) -> Iterator[Child]:
    """One answer is shown: the first that fell, or else the first."""
    shown = next((row for row in rows if not row.passed), rows[0])
    faults = list(dict.fromkeys(fault for row in rows for fault in row.faults))
    if faults:
        yield [element("h3", "Why it fell"), element("ul", [element("li", fault, class_="bad") for fault in faults])]
    yield [element("h3", "Question"), element("p", shown.question, class_="said")]
    was = before[0].answer if before else None
    if was is not None and shown.answer is not None and was != shown.answer:
        yield element("h3", f"Answer; struck out: {against}, underlined: new")
        yield element("p", difference(was, shown.answer), class_="said")
    else:
        yield element("h3", f"Answer, the same as {against}" if was is not None else "Answer")
        yield element("p", shown.answer if shown.answer is not None else "none", class_="said")
    if shown.audit_id:
        yield element("p", f"{shown.data_class} · audit {shown.audit_id}", class_="note")


def difference(before: str, after: str) -> Iterator[Child]:
    """Word by word, what is gone in <del> and what is new in <ins>; as a whole where little is left of it."""
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < ALIKE:
        yield [element("del", before), "\n", element("ins", after)]
        return
    for kind, old_from, old_to, new_from, new_to in matcher.get_opcodes():
        if kind == "equal":
            yield "".join(new[new_from:new_to])
            continue
        if gone := "".join(old[old_from:old_to]):
            yield element("del", gone)
        if come := "".join(new[new_from:new_to]):
            yield element("ins", come)
