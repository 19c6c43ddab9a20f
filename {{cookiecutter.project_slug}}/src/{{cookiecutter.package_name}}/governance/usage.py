"""What was used, from the ledger: calls, tokens and money."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Engine, case, func, select

from .tables import entries_table as entries

DIMENSIONS = {
    "day": entries.c.day,
    "tenant": entries.c.tenant,
    "user": entries.c.subject,
    "route": entries.c.route,
    "deployment": entries.c.deployment,
}
MOST_ROWS = 10_000
LONGEST_BAR = 30  # characters
COUNTED = ("calls", "input_tokens", "output_tokens", "cost_micro_usd")


@dataclass(frozen=True)
class Question:
    """`by`: names of DIMENSIONS. Days are UTC, `since` and `until` are both counted. None is no restriction."""

    by: tuple[str, ...] = ("day",)
    since: date | None = None
    until: date | None = None
    tenant: str | None = None
    user: str | None = None


def used(engine: Engine, question: Question) -> list[dict[str, Any]]:
    """A call without an end counts as its reservation; cost is None where a call's price is not known."""
    unknown = func.sum(case((entries.c.spent_micro_usd.is_(None) & (entries.c.reserved_micro_usd == 0), 1), else_=0))
    cost = func.sum(func.coalesce(entries.c.spent_micro_usd, entries.c.reserved_micro_usd))
    groups = [DIMENSIONS[name].label(name) for name in question.by]
    statement = select(
        *groups,
        func.count().label("calls"),
        func.coalesce(func.sum(entries.c.input_tokens), 0).label("input_tokens"),
        func.coalesce(func.sum(entries.c.output_tokens), 0).label("output_tokens"),
        cost.label("cost_micro_usd"),
        unknown.label("unknown"),
    ).where(*_conditions(question))
    grouped = statement.group_by(*groups).order_by(*groups).limit(MOST_ROWS)
    with engine.connect() as connection:
        return [_row(row) for row in connection.execute(grouped).mappings() if row["calls"]]


def _conditions(question: Question) -> list[Any]:
    found = {
        entries.c.tenant: question.tenant,
        entries.c.subject: question.user,
    }
    equal = [column == value for column, value in found.items() if value is not None]
    since = [entries.c.day >= question.since.isoformat()] if question.since else []
    until = [entries.c.day <= question.until.isoformat()] if question.until else []
    return [*equal, *since, *until]


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    numbers = {name: int(row[name]) for name in COUNTED}  # PostgreSQL's sums are decimals
    groups = {name: row[name] for name in row if name not in (*COUNTED, "unknown")}
    return {**groups, **numbers, "cost_micro_usd": None if row["unknown"] else numbers["cost_micro_usd"]}


def as_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """RFC 4180. A text that a spreadsheet could take for a formula gets an apostrophe in front."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _harmless(row[name]) for name in columns})
    return file.getvalue()


def as_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """With a bar for the cost, as long as its share of the greatest."""
    most = max((row["cost_micro_usd"] or 0 for row in rows), default=0) or 1
    bars = ["#" * math.ceil(LONGEST_BAR * (row["cost_micro_usd"] or 0) / most) for row in rows]
    lines = ([*(_plain(row[name]) for name in columns), bar] for row, bar in zip(rows, bars, strict=True))
    cells = [[*columns, ""], *lines]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns) + 1)]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in cells)


def columns_of(question: Question) -> list[str]:
    return [*question.by, *COUNTED]


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value


def _plain(value: Any) -> str:
    return "-" if value is None else "".join(one if one.isprintable() else "?" for one in str(value))
