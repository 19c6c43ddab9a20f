"""The report for people."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element

from {{ cookiecutter.package_name }}.wording import counted

from assurance.evals import charts
from assurance.evals.cases_page import cases
from assurance.evals.comparison import PASSED, Change, Comparison
from assurance.evals.intervals import Interval, percentile
from assurance.evals.outcome import Run, Verdict, mean
from assurance.evals.table import UNTIMED, judgement, milliseconds, shown, sides, usd
from assurance.markup import Child, element, figures
from assurance.markup import page as page_of

STYLE = Path(__file__).with_name("page.css")


def page(run: Run, comparison: Comparison | None) -> str:
    word = _word(run, comparison)
    return page_of(
        f"Evaluation: {word}",
        STYLE,
        element("h1", "Evaluation: ", element("span", word, class_="" if word == "passed" else "bad")),
        element("p", _lead(run), class_="lead"),
        _figures(run),
        _suites(run, comparison),
        _compared(comparison) if comparison else None,
        _latencies(run, comparison),
        cases(run, comparison),
        _about(run),
    )


def _word(run: Run, comparison: Comparison | None) -> str:
    if not run.passed:
        return "not passed"
    return "clearly worse than before" if comparison and comparison.drops else "passed"


def _lead(run: Run) -> str:
    by = ", ".join(run.deployments) or "no deployment"
    return f"{', '.join(run.models)}, answered by {by}, on {run.about.at[:10]} at {run.about.at[11:16]} UTC"


def _figures(run: Run) -> Element:
    passed, rows = sum(row.passed for row in run.rows), len(run.rows)
    costs, times = run.known("cost_usd"), run.known("latency_ms")
    tiles = [(f"{passed} of {rows}", "answers passed"), (usd(mean(costs)), "an answer, on average")]
    if times:
        tiles += [(milliseconds(percentile(times, 0.5)), "half are quicker (p50)")]
        tiles += [(milliseconds(percentile(times, 0.95)), "19 of 20 are (p95)")]
    tiles += [(usd(sum(costs) if costs else None), "all answers together"), (usd(run.judge_usd), "the judge")]
    return figures(*tiles)


def _suites(run: Run, comparison: Comparison | None) -> Child:
    before = {change.name.removeprefix(PASSED): change.before for change in comparison.shares()} if comparison else {}
    ring = f"; ring: {comparison.names[0]}" if comparison else ""
    return [
        element("h2", "How many pass"),
        element("p", f"Thin line: 95 % interval; dashed: wanted{ring}.", class_="note"),
        [_suite(one, before.get(one.suite)) for one in run.verdicts],
        _scale("0 %", "100 %"),
    ]


def _suite(verdict: Verdict, before: float | None) -> Element:
    low, high = verdict.interval
    figures = f"{verdict.count} of {len(verdict.rows)} ({low:.0%} to {high:.0%})"
    fallen = {row.case for row in verdict.rows if row.required and not row.passed}
    must = [element("br"), element("span", f"must pass: {', '.join(sorted(fallen))}", class_="bad")] if fallen else None
    bar = charts.share(
        verdict.share,
        verdict.interval,
        verdict.threshold,
        before,
        good=verdict.passed,
        label=f"{verdict.suite}: {figures}",
    )
    return element("div", element("span", verdict.suite), bar, element("span", figures, must), class_="row")


def _scale(first: str, *others: str) -> Element:
    labels = element("div", [element("span", one) for one in (first, *others)], class_="scale")
    return element("div", element("span"), labels, element("span"), class_="row")


def _compared(comparison: Comparison) -> Child:
    before, after = comparison.names
    changes = [*comparison.shares(), *comparison.means()]
    return [
        element("h2", f"{after[0].upper()}{after[1:]} against {before}"),
        element(
            "p",
            f"Over {counted(len(comparison.pairs()), 'case')} that both were asked, each difference with its 95 % "
            "interval. Shares and scores as they are, cost and latency relative to before. A line that crosses the "
            "middle may be chance.",
            class_="note",
        ),
        [_change(one) for one in changes],
        _scale("-100 %", "as before", "+100 %"),
        None if comparison.timed_alike else element("p", UNTIMED, class_="note"),
    ]


def _change(change: Change) -> Element:
    unit = change.before if change.name in ("cost", "latency") and change.before else 1.0
    relative = Interval(change.gap.low / unit, change.gap.high / unit)
    grew_is_bad = change.name in ("cost", "latency")
    bad = change.sure and (change.gap.low > 0) == grew_is_bad
    label = f"{change.name}: {shown(change)}"
    drawing = charts.gap((change.after - change.before) / unit, relative, bad=bad, label=label)
    told = element("span", " → ".join(sides(change)), element("small", judgement(change)), class_="bad" if bad else "")
    return element("div", element("span", change.name), drawing, told, class_="row")


def _latencies(run: Run, comparison: Comparison | None) -> Child:
    named = [(comparison.names[1] if comparison else "this run", run.known("latency_ms"))]
    if comparison and comparison.timed_alike:
        named.append((comparison.names[0], comparison.before.known("latency_ms")))
    known = [(name, values) for name, values in named if values]
    if not known:
        return None
    most = max(max(values) for _, values in known) or 1.0
    return [
        element("h2", "How long they take"),
        element("p", "A dot for each answer; lines: p50 and p95.", class_="note"),
        [_latency(name, values, most) for name, values in known],
        _scale("0", milliseconds(most)),
    ]


def _latency(name: str, values: list[float], most: float) -> Element:
    marks = [percentile(values, 0.5), percentile(values, 0.95)]
    figures = f"{milliseconds(marks[0])}, {milliseconds(marks[1])}"
    drawing = charts.spread(values, marks, most, f"{name}: p50 and p95 {figures}")
    return element("div", element("span", name), drawing, element("span", figures), class_="row")


def _about(run: Run) -> Child:
    facts = dict(_facts(run))
    return [
        element("h2", "What was measured"),
        element("p", "Code and prompts are those of the folder where this ran.", class_="note"),
        element("dl", [[element("dt", name), element("dd", value)] for name, value in facts.items()]),
    ]


def _facts(run: Run) -> Iterator[tuple[str, Child]]:
    about = run.about
    yield "asked at", about.url
    yield "on", about.at
    yield "models", ", ".join(run.models)
    yield "deployments", ", ".join(run.deployments) or "none"
    yield "each case", "once" if about.repeats == 1 else f"{about.repeats} times"
    yield "judge", about.judge
    yield "code", element("code", about.code[:16])
    for name, prompt in about.prompts.items():
        yield f"prompt {name}", element("code", prompt)
