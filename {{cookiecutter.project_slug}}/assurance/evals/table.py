"""What a person reads at the terminal."""

from collections.abc import Iterator, Sequence

from {{ cookiecutter.package_name }}.wording import counted

from assurance.evals.comparison import Change, Comparison
from assurance.evals.outcome import Row, Run, Verdict, conclusion, known, mean

UNTIMED = "Latency is not compared: the two were asked at different addresses, perhaps on different machines."


def table(verdicts: Sequence[Verdict]) -> str:
    heading = ("case", "passed", "score", "deployment", "cost", "latency")
    lines = [heading, *(_cells(f"{one.suite}/{name}", rows) for one in verdicts for name, rows in one.cases())]
    widths = [max(len(line[place]) for line in lines) for place in range(len(heading))]
    return "\n".join(
        "  ".join(cell.ljust(width) if place < 4 else cell.rjust(width) for place, (cell, width) in enumerate(cells))
        for cells in (tuple(zip(line, widths, strict=True)) for line in lines)
    )


def _cells(name: str, rows: list[Row]) -> tuple[str, ...]:
    passed = sum(row.passed for row in rows)
    often = f" {passed}/{len(rows)}" if len(rows) > 1 else ""
    cost = mean(known(rows, "cost_usd"))
    latency = mean(known(rows, "latency_ms"))
    score = mean([row.score for row in rows]) or 0.0
    word = "yes" if passed == len(rows) else "NO"
    where = "+".join(sorted({row.deployment for row in rows if row.deployment})) or "-"
    return name, f"{word}{often}", f"{score:.2f}", where, usd(cost), milliseconds(latency)


def usd(value: float | None) -> str:
    return "-" if value is None else f"${value:.6f}"


def milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} ms"


def said_of(run: Run, comparison: Comparison | None) -> Iterator[str]:
    """The whole of it, line by line."""
    yield table(run.verdicts)
    yield ""
    yield from conclusion(run.verdicts)
    costs = run.known("cost_usd")
    cost, judge = usd(sum(costs) if costs else None), usd(run.judge_usd)
    yield f"{counted(len(run.rows), 'answer')} cost {cost}, their judge {judge}."
    if comparison:
        yield from compared(comparison)


def compared(comparison: Comparison) -> Iterator[str]:
    before, after = comparison.names
    yield f"{after} against {before}, over {counted(len(comparison.pairs()), 'case')} that both were asked:"
    for change in (*comparison.shares(), *comparison.means()):
        yield f"  {change.name}: {shown(change)}"
    if not comparison.timed_alike:
        yield f"  {UNTIMED}"


def shown(change: Change) -> str:
    return f"{' -> '.join(sides(change))}, {judgement(change)}"


def sides(change: Change) -> tuple[str, str]:
    """Before and after; a share with the number of runs, as few runs make its interval wide."""
    before, after = value(change, change.before), value(change, change.after)
    return (f"{before} of {change.runs[0]}", f"{after} of {change.runs[1]}") if change.runs else (before, after)


def judgement(change: Change) -> str:
    """The difference with its interval, and whether chance could explain it."""
    between = " to ".join(value(change, bound, signed=True) for bound in change.gap)
    if not change.sure:
        return f"may be chance ({between})"
    return f"{'more' if change.gap.low > 0 else 'less'} ({between})"


def value(change: Change, number: float, *, signed: bool = False) -> str:
    size = abs(number)
    told = {"cost": usd(size), "latency": milliseconds(size), "score": f"{size:.2f}"}.get(change.name, f"{size:.0%}")
    if not signed or not any(digit in told for digit in "123456789"):
        return told
    return f"+{told}" if number > 0 else f"-{told}"
