import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from sqlalchemy import Engine, select

from {{ cookiecutter.package_name }}.audit import AuditEvent, Kind, Trail
from {{ cookiecutter.package_name }}.database import LARGEST_BATCH, Writer, open_engine, running
from {{ cookiecutter.package_name }}.errors import BudgetExceeded
from {{ cookiecutter.package_name }}.governance.ledger import (
    Ledger,
    Reservation,
    Settlement,
    accounts_of,
)
from {{ cookiecutter.package_name }}.governance.policyfile import Budgets, TenantBudget, UserBudget
from {{ cookiecutter.package_name }}.governance.tables import balances, entries_table
from {{ cookiecutter.package_name }}.telemetry import Metrics
from {{ cookiecutter.package_name }}.telemetry.names import METRIC_BUDGET_LEFT

from tests.silence import METRICS


def budgets(user: str | None = "0.001", tenant: str | None = None) -> Budgets:
    """In dollars; a thousandth of one is a thousand micro-dollars."""
    return Budgets(
        user=UserBudget(usd_per_day=Decimal(user)) if user else None,
        tenant=TenantBudget(usd_per_month=Decimal(tenant)) if tenant else None,
    )


class Purse:
    """One replica: a ledger with its own writer."""

    def __init__(self, writer: Writer, ledger: Ledger) -> None:
        self._writer = writer
        self._ledger = ledger

    async def reserve(
        self, micro_usd: int, limits: Budgets, *, tenant: str = "acme", subject: str = "ada"
    ) -> Reservation:
        one = self._ledger.reserve(uuid4().hex, tenant, subject, "assistant", micro_usd, limits)
        await self._writer.commit({self._ledger: one})
        return one

    async def settle(self, reservation: Reservation, spent: int | None) -> None:
        await self._writer.commit({self._ledger: Settlement(reservation, "first", spent, 10, 20)})

    async def granted(self, times: int, micro_usd: int, limits: Budgets) -> int:
        """How many of that many at once."""
        asked = (self.reserve(micro_usd, limits) for _ in range(times))
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, Reservation | BudgetExceeded) for one in results)
        return sum(isinstance(one, Reservation) for one in results)


@pytest.fixture
async def purse(engine: Engine) -> AsyncIterator[Purse]:
    ledger = Ledger(METRICS)
    async with running(Writer(engine, [ledger], METRICS)) as writer:
        yield Purse(writer, ledger)


def held(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        return {row.account: row.micro_usd for row in connection.execute(select(balances))}


ADA = "user:acme\tada"


async def test_a_hundred_at_once_spend_no_more_than_the_budget(engine: Engine, purse: Purse) -> None:
    assert await purse.granted(100, 90, budgets("0.001")) == 11
    assert held(engine) == {ADA: 990}
    with engine.connect() as connection:
        assert len(connection.execute(select(entries_table)).all()) == 11


async def test_what_fits_exactly_is_granted(engine: Engine, purse: Purse) -> None:
    assert await purse.granted(3, 500, budgets("0.001")) == 2
    assert await purse.granted(2, 0, budgets("0.001")) == 2
    assert held(engine) == {ADA: 1000}


async def test_two_replicas_share_a_budget(engine: Engine, purse: Purse, database_url: str) -> None:
    other_engine, ledger = open_engine(database_url), Ledger(METRICS)
    async with running(Writer(other_engine, [ledger], METRICS)) as writer:
        other = Purse(writer, ledger)
        both = await asyncio.gather(
            purse.granted(50, 90, budgets("0.001", "0.0008")), other.granted(50, 90, budgets("0.001", "0.0008"))
        )
    other_engine.dispose()
    assert sum(both) == 8
    assert held(engine) == {ADA: 720, "tenant:acme": 720}


async def test_a_replica_waits_for_the_other_s_decision_about_an_account(
    engine: Engine, purse: Purse, database_url: str
) -> None:
    await purse.settle(await purse.reserve(100, budgets()), 100)
    ledger, other_engine = Ledger(METRICS), open_engine(database_url)

    def decide(through: Engine) -> Any:
        """In a transaction that is still open when this returns."""
        connection = through.execution_options(writes=True).connect()
        transaction = connection.begin()
        one = ledger.reserve(uuid4().hex, "acme", "ada", "assistant", 600, budgets())
        return ledger.write(connection, [one]), transaction, connection

    refused, transaction, connection = decide(engine)
    assert refused == {}
    other = asyncio.create_task(asyncio.to_thread(decide, other_engine))
    await asyncio.sleep(0.2)
    assert not other.done()
    transaction.commit()
    connection.close()
    refused, _, connection = await other
    assert list(refused) == [0]
    connection.close()
    other_engine.dispose()


async def test_two_replicas_that_take_many_accounts_in_any_order_do_not_block_each_other(
    engine: Engine, purse: Purse, database_url: str
) -> None:
    other_engine, ledger = open_engine(database_url), Ledger(METRICS)
    people = [f"person {number}" for number in range(40)]

    async def all_of(one: Purse, order: list[str]) -> None:
        await asyncio.gather(*(one.reserve(10, budgets("1", "1"), subject=subject) for subject in order))

    async with running(Writer(other_engine, [ledger], METRICS)) as writer:
        other = Purse(writer, ledger)
        for _ in range(5):
            await asyncio.gather(all_of(purse, people), all_of(other, people[::-1]))
    other_engine.dispose()
    assert held(engine) == {f"user:acme\t{one}": 100 for one in people} | {"tenant:acme": 4000}


async def test_what_is_left_of_a_reservation_is_given_back(engine: Engine, purse: Purse) -> None:
    first = await purse.reserve(1000, budgets())
    with pytest.raises(BudgetExceeded):
        await purse.reserve(1, budgets())
    await purse.settle(first, 400)
    assert held(engine) == {ADA: 400}
    await purse.reserve(600, budgets())


async def test_an_answer_that_cost_more_than_reserved_counts_in_full(engine: Engine, purse: Purse) -> None:
    await purse.settle(await purse.reserve(900, budgets()), 5000)
    assert held(engine) == {ADA: 5000}
    with pytest.raises(BudgetExceeded, match=r"\$0\.0000 is left"):
        await purse.reserve(1, budgets())


async def test_a_budget_that_is_overspent_is_measured_as_none_left(engine: Engine) -> None:
    reader = InMemoryMetricReader()
    ledger = Ledger(Metrics(MeterProvider([reader]).get_meter("tests")))
    async with running(Writer(engine, [ledger], METRICS)) as writer:
        purse = Purse(writer, ledger)
        await purse.settle(await purse.reserve(900, budgets()), 5000)
        with pytest.raises(BudgetExceeded):
            await purse.reserve(1, budgets())
    found = reader.get_metrics_data()
    assert found is not None
    measured = json.loads(found.to_json())["resource_metrics"][0]["scope_metrics"][0]["metrics"]
    (left,) = (one["data"]["data_points"][0] for one in measured if one["name"] == METRIC_BUDGET_LEFT)
    assert (left["count"], left["min"], left["max"]) == (2, 0, 1)


async def test_a_reservation_left_by_a_crash_counts_as_spent(engine: Engine, purse: Purse) -> None:
    await purse.reserve(1000, budgets())  # and its process is gone
    restarted = Ledger(METRICS)
    async with running(Writer(engine, [restarted], METRICS)) as writer:
        with pytest.raises(BudgetExceeded):
            await Purse(writer, restarted).reserve(1, budgets())


async def test_a_cost_that_is_not_known_leaves_the_reservation(engine: Engine, purse: Purse) -> None:
    await purse.settle(await purse.reserve(300, budgets()), None)
    assert held(engine) == {ADA: 300}
    with engine.connect() as connection:
        row = connection.execute(select(entries_table)).one()
    assert (row.spent_micro_usd, row.reserved_micro_usd, row.deployment) == (None, 300, "first")


async def test_a_refusal_says_what_is_left_and_when_it_renews(purse: Purse) -> None:
    await purse.reserve(400, budgets(None, "0.001"))
    with pytest.raises(BudgetExceeded) as refused:
        await purse.reserve(700, budgets(None, "0.001"))
    renews = accounts_of("acme", "ada", budgets(None, "0.001"), datetime.now(UTC))[0].renews
    assert "tenant's monthly budget of $0.0010, $0.0006 is left" in refused.value.message
    assert f"{renews:%Y-%m-%d} 00:00 UTC" in refused.value.message
    assert refused.value.retry_after == pytest.approx((renews - datetime.now(UTC)).total_seconds(), abs=5)


async def test_refused_in_one_account_is_counted_in_none(engine: Engine, purse: Purse) -> None:
    assert await purse.granted(10, 100, budgets("0.001", "0.00025")) == 2
    assert held(engine) == {ADA: 200, "tenant:acme": 200}


async def test_nobody_pays_from_a_stranger_s_account(engine: Engine, purse: Purse) -> None:
    for tenant, subject in (("a", "b/c"), ("a/b", "c"), ("a", "b"), ("b", "a")):
        await purse.reserve(1000, budgets(), tenant=tenant, subject=subject)
    assert set(held(engine).values()) == {1000}


async def test_without_budgets_the_cost_is_kept_all_the_same(engine: Engine, purse: Purse) -> None:
    await purse.settle(await purse.reserve(700, Budgets()), 650)
    assert held(engine) == {}
    with engine.connect() as connection:
        row = connection.execute(select(entries_table)).one()
    assert (row.tenant, row.subject, row.route, row.spent_micro_usd) == ("acme", "ada", "assistant", 650)
    assert (row.input_tokens, row.output_tokens) == (10, 20)


async def test_a_settlement_after_midnight_belongs_to_the_day_of_its_reservation(engine: Engine) -> None:
    ledger = Ledger(METRICS)
    accounts = accounts_of("acme", "ada", budgets(), datetime(2020, 1, 31, 23, 59, tzinfo=UTC))
    yesterday = Reservation(uuid4().hex, "acme", "ada", "assistant", "2020-01-31", 900, accounts)
    async with running(Writer(engine, [ledger], METRICS)) as writer:
        await writer.commit({ledger: yesterday})
        await writer.commit({ledger: Settlement(yesterday, "first", 100, 1, 1)})
        await Purse(writer, ledger).reserve(1000, budgets())
    with engine.connect() as connection:
        found = {row.period: row.micro_usd for row in connection.execute(select(balances))}
    assert found == {"2020-01-31": 100, f"{datetime.now(UTC):%Y-%m-%d}": 1000}


@pytest.mark.parametrize(
    ("now", "day", "month", "tomorrow", "next_month"),
    [
        ("2026-11-23T12:00", "2026-11-23", "2026-11", "2026-11-24", "2026-12-01"),
        ("2026-12-31T23:59", "2026-12-31", "2026-12", "2027-01-01", "2027-01-01"),
        ("2028-02-29T00:00", "2028-02-29", "2028-02", "2028-03-01", "2028-03-01"),
        ("2026-01-31T09:00", "2026-01-31", "2026-01", "2026-02-01", "2026-02-01"),
        ("2026-10-25T01:30", "2026-10-25", "2026-10", "2026-10-26", "2026-11-01"),  # clocks go back in Europe
    ],
)
def test_periods_are_days_and_months_in_utc(now: str, day: str, month: str, tomorrow: str, next_month: str) -> None:
    at = datetime.fromisoformat(f"{now}:00+00:00")
    user, tenant = accounts_of("acme", "ada", budgets("1", "10"), at)
    assert (user.period, tenant.period) == (day, month)
    assert (f"{user.renews:%Y-%m-%d}", f"{tenant.renews:%Y-%m-%d}") == (tomorrow, next_month)
    assert (user.limit, tenant.limit) == (1_000_000, 10_000_000)


@given(st.datetimes(datetime(2024, 1, 1), datetime(2036, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 # UTC comes with it
def test_each_moment_is_in_one_period_that_ends_where_the_next_begins(now: datetime) -> None:
    """Whatever the clock does: set back an hour, it is in the period of an hour ago again, and in no other."""
    before, last = accounts_of("acme", "ada", budgets("1", "10"), now), timedelta(microseconds=1)
    for place, account in enumerate(before):
        assert now < account.renews
        assert accounts_of("acme", "ada", budgets("1", "10"), account.renews - last)[place].period == account.period
        assert accounts_of("acme", "ada", budgets("1", "10"), account.renews)[place].period > account.period
        assert account.renews == account.renews.replace(hour=0, minute=0, second=0, microsecond=0)


async def test_a_clock_that_is_set_back_books_nothing_twice(engine: Engine) -> None:
    ledger = Ledger(METRICS)
    after, hour = datetime(2026, 3, 1, 0, 30, tzinfo=UTC), timedelta(hours=1)
    async with running(Writer(engine, [ledger], METRICS)) as writer:
        for moment in (after, after - hour, after):
            accounts = accounts_of("acme", "ada", budgets("1", "10"), moment)
            one = Reservation(uuid4().hex, "acme", "ada", "assistant", accounts[0].period, 100, accounts)
            await writer.commit({ledger: one})
            await writer.commit({ledger: Settlement(one, "first", 40, 1, 1)})
    with engine.connect() as connection:
        found = {(row.account, row.period): row.micro_usd for row in connection.execute(select(balances))}
    assert found == {
        (ADA, "2026-03-01"): 80,
        (ADA, "2026-02-28"): 40,
        ("tenant:acme", "2026-03"): 80,
        ("tenant:acme", "2026-02"): 40,
    }


async def test_a_thousand_sums_do_not_drift(engine: Engine, purse: Purse) -> None:
    """A tenth of a cent is no binary fraction; whole micro-dollars add up."""
    for _ in range(10):
        await asyncio.gather(*(purse.reserve(1_000, budgets("1000")) for _ in range(100)))
    assert held(engine) == {ADA: 1_000_000}


async def test_a_full_batch_of_different_users_takes_a_moment(engine: Engine) -> None:
    ledger, trail = Ledger(METRICS), Trail()
    limits = budgets("1", "1000")

    def work(number: int) -> dict[Any, Any]:
        one = ledger.reserve(uuid4().hex, "acme", f"user {number}", "assistant", 10, limits)
        return {ledger: one, trail: AuditEvent(Kind.STARTED, one.call_id, "acme", one.subject)}

    async with running(Writer(engine, [ledger, trail], METRICS)) as writer:
        await writer.commit(work(0))
        begun = time.monotonic()
        await asyncio.gather(*(writer.commit(work(number)) for number in range(LARGEST_BATCH)))
        assert time.monotonic() - begun < 3
    assert held(engine)["tenant:acme"] == 10 * (LARGEST_BATCH + 1)
