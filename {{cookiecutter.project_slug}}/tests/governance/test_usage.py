import csv
import io
from datetime import date

import pytest
from sqlalchemy import Engine, insert

from {{ cookiecutter.package_name }}.governance import (
    DIMENSIONS,
    Question,
    as_csv,
    as_table,
    columns_of,
    used,
)
from {{ cookiecutter.package_name }}.governance.tables import entries_table


def entry(number: int, **changes: object) -> dict[str, object]:
    usual = {
        "call_id": f"{number:032x}",
        "day": "2026-03-01",
        "tenant": "acme",
        "subject": "ada",
        "route": "assistant",
        "deployment": "first",
        "reserved_micro_usd": 100,
        "spent_micro_usd": 10,
        "input_tokens": 3,
        "output_tokens": 4,
    }
    return {**usual, **changes}


@pytest.fixture
def ledger(engine: Engine) -> Engine:
    crashed = {"deployment": None, "spent_micro_usd": None, "input_tokens": None, "output_tokens": None}
    entries = [
        entry(1),
        entry(2, subject="grace", day="2026-03-02", deployment="second"),
        entry(3, **crashed),
        entry(4, tenant="globex", subject="eve", route="other"),
    ]
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(entries_table), entries)
    return engine


def test_usage_is_summed_by_what_is_asked_for(ledger: Engine) -> None:
    by_user = used(ledger, Question(("tenant", "user")))
    assert by_user[0] == {
        "tenant": "acme",
        "user": "ada",
        "calls": 2,
        "input_tokens": 3,
        "output_tokens": 4,
        "cost_micro_usd": 110,  # the reservation that a crash left behind counts as spent
    }
    assert [(row["user"], row["cost_micro_usd"]) for row in by_user] == [("ada", 110), ("grace", 10), ("eve", 10)]
    for name in DIMENSIONS:
        assert sum(row["calls"] for row in used(ledger, Question((name,)))) == 4


def test_usage_is_restricted_to_days_tenant_and_user(ledger: Engine) -> None:
    def calls(question: Question) -> int:
        return sum(row["calls"] for row in used(ledger, question))

    assert calls(Question(tenant="acme")) == 3
    assert calls(Question(tenant="acme", user="eve")) == 0
    assert calls(Question(since=date(2026, 3, 2))) == 1
    assert calls(Question(until=date(2026, 3, 1))) == 3
    assert calls(Question(since=date(2026, 3, 1), until=date(2026, 3, 2))) == 4


def test_a_cost_that_is_not_known_is_none(ledger: Engine) -> None:
    with ledger.execution_options(writes=True).begin() as connection:
        connection.execute(insert(entries_table), [entry(5, spent_micro_usd=None, reserved_micro_usd=0)])
    assert used(ledger, Question(("user",), user="ada"))[0]["cost_micro_usd"] is None


@pytest.mark.parametrize("subject", ["=cmd()", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_spreadsheet_takes_no_name_for_a_formula(engine: Engine, subject: str) -> None:
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(insert(entries_table), [entry(1, subject=subject)])
    question = Question(("user",))
    rows = used(engine, question)
    assert next(csv.DictReader(io.StringIO(as_csv(columns_of(question), rows), newline="")))["user"] == f"'{subject}"
    assert rows[0]["user"] == subject


def test_a_table_has_a_line_for_each_row(ledger: Engine) -> None:
    question = Question(("user",))
    lines = as_table(columns_of(question), used(ledger, question)).splitlines()
    assert lines[0].split() == ["user", "calls", "input_tokens", "output_tokens", "cost_micro_usd"]
    assert lines[1].split() == ["ada", "2", "3", "4", "110", "#" * 30]
    assert [line.count("#") for line in lines] == [0, 30, 3, 3]  # a share of the greatest cost, and never nothing
