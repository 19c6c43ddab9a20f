"""Money: reserved before a call, settled after it, in whole micro-dollars. The ledger decides, the trail remembers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from ..database import metadata
from ..errors import BudgetExceeded, ServiceError
from ..telemetry import Metrics, names
from .policyfile import Budgets

entries_table = Table(
    "ledger",
    metadata,
    Column("call_id", String(32), primary_key=True),
    Column("day", String(10), nullable=False, index=True),
    Column("tenant", String(255), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("route", String(128), nullable=False),
    Column("deployment", String(128)),
    Column("reserved_micro_usd", BigInteger, nullable=False),
    Column("spent_micro_usd", BigInteger),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
)

# What is spent or reserved in a period. A reservation that a crash left behind thus counts as spent.
balances = Table(
    "balances",
    metadata,
    Column("account", String(520), primary_key=True),
    Column("period", String(10), primary_key=True),
    Column("micro_usd", BigInteger, nullable=False),
)

Balances = Mapping[tuple[str, str], int]  # an account and its period → micro-dollars


@dataclass(frozen=True, slots=True)
class Account:
    """A budget's holder and its current period. `limit` in micro-dollars; `renews`: when the next period begins."""

    name: str
    period: str
    limit: int
    renews: datetime

    @property
    def kind(self) -> str:
        """`user` or `tenant`."""
        return self.name.partition(":")[0]


@dataclass(frozen=True, slots=True)
class Reservation:
    call_id: str
    tenant: str
    subject: str
    route: str
    day: str
    micro_usd: int
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Settlement:
    """None as `spent` where the price is not known: the reservation then stands."""

    reservation: Reservation
    deployment: str | None
    spent: int | None
    input_tokens: int | None
    output_tokens: int | None


def accounts_of(tenant: str, subject: str, budgets: Budgets, now: datetime) -> tuple[Account, ...]:
    """Periods are UTC days and months, whatever the clock's zone does."""
    accounts = []
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if budgets.user:
        limit = int(budgets.user.usd_per_day * 1_000_000)
        # A tab is in no tenant's or subject's name, so that no two pairs of them share an account.
        accounts.append(Account(f"user:{tenant}\t{subject}", f"{now:%Y-%m-%d}", limit, midnight + timedelta(days=1)))
    if budgets.tenant:
        limit = int(budgets.tenant.usd_per_month * 1_000_000)
        next_month = (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)
        accounts.append(Account(f"tenant:{tenant}", f"{now:%Y-%m}", limit, next_month))
    return tuple(accounts)


class Ledger:
    """A Book: decides inside the group commit, so that two replicas cannot spend the same dollar."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def reserve(
        self, call_id: str, tenant: str, subject: str, route: str, micro_usd: int, budgets: Budgets
    ) -> Reservation:
        now = datetime.now(UTC)
        accounts = accounts_of(tenant, subject, budgets, now)
        return Reservation(call_id, tenant, subject, route, f"{now:%Y-%m-%d}", micro_usd, accounts)

    def write(self, connection: Connection, entries: Sequence[Reservation | Settlement]) -> Mapping[int, ServiceError]:
        reservations = {place: one for place, one in enumerate(entries) if isinstance(one, Reservation)}
        settlements = [one for one in entries if isinstance(one, Settlement)]
        held = self._lock(connection, entries)
        changes: dict[tuple[str, str], int] = defaultdict(int)
        for settlement in settlements:
            for account in settlement.reservation.accounts:
                changes[account.name, account.period] += _difference(settlement)
        refused: dict[int, ServiceError] = {}
        for place, reservation in reservations.items():
            self._measure(reservation, held, changes)
            if error := _refusal(reservation, held, changes):
                refused[place] = error
                continue
            for account in reservation.accounts:
                changes[account.name, account.period] += reservation.micro_usd
        granted = [one for place, one in reservations.items() if place not in refused]
        self._record(connection, granted, settlements, changes)
        return refused

    def committed(self) -> None:
        """Nothing is remembered between commits."""

    def forget(self) -> None:
        """Likewise."""

    def _measure(self, reservation: Reservation, held: Balances, changes: Balances) -> None:
        if shares := [(_left(one, held, changes) / (one.limit or 1), one.kind) for one in reservation.accounts]:
            share, kind = min(shares)
            self._metrics.budget_left.record(share, {names.BUDGET: kind})

    def _lock(self, connection: Connection, entries: Sequence[Reservation | Settlement]) -> dict[tuple[str, str], int]:
        """Balances of all accounts concerned, locked in one order, so that two replicas cannot wait for each other."""
        keys = sorted({(account.name, account.period) for entry in entries for account in _accounts(entry)})
        held = _held(connection, keys)
        if missing := [key for key in keys if key not in held]:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            fresh = [{"account": name, "period": period, "micro_usd": 0} for name, period in missing]
            connection.execute(dialect.insert(balances).on_conflict_do_nothing(), fresh)
            held |= _held(connection, missing)
        return held

    def _record(
        self,
        connection: Connection,
        granted: list[Reservation],
        settlements: list[Settlement],
        changes: dict[tuple[str, str], int],
    ) -> None:
        if granted:
            connection.execute(insert(entries_table), [_reserved_row(one) for one in granted])
        if settlements:
            one = entries_table.c.call_id == bindparam("settled_call")
            connection.execute(update(entries_table).where(one), [_settled_row(one) for one in settlements])
        moved = [
            {"of_account": name, "of_period": period, "change": change}
            for (name, period), change in changes.items()
            if change
        ]
        if moved:
            one = (balances.c.account == bindparam("of_account")) & (balances.c.period == bindparam("of_period"))
            raised = update(balances).where(one).values(micro_usd=balances.c.micro_usd + bindparam("change"))
            connection.execute(raised, moved)


def _held(connection: Connection, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    if not keys:
        return {}
    # Not pairs of both, for which SQLite reads the whole table.
    wanted = balances.c.account.in_({name for name, _ in keys}) & balances.c.period.in_({when for _, when in keys})
    in_order = select(balances).where(wanted).order_by(balances.c.account, balances.c.period)
    return {(row.account, row.period): row.micro_usd for row in connection.execute(in_order.with_for_update())}


def _accounts(entry: Reservation | Settlement) -> tuple[Account, ...]:
    return entry.accounts if isinstance(entry, Reservation) else entry.reservation.accounts


def _difference(settlement: Settlement) -> int:
    return 0 if settlement.spent is None else settlement.spent - settlement.reservation.micro_usd


def _refusal(reservation: Reservation, held: Balances, changes: Balances) -> BudgetExceeded | None:
    for account in reservation.accounts:
        left = _left(account, held, changes)
        if reservation.micro_usd > left:
            whose = "tenant's monthly" if account.kind == "tenant" else "daily"
            wait = (account.renews - datetime.now(UTC)).total_seconds()
            return BudgetExceeded(
                f"Of your {whose} budget of {_usd(account.limit)}, {_usd(max(0, left))} is left, and this request "
                f"could cost {_usd(reservation.micro_usd)}. Lower max_tokens, or ask again when the budget renews, "
                f"at {account.renews:%Y-%m-%d %H:%M} UTC.",
                retry_after=wait,
            )
    return None


def _left(account: Account, held: Balances, changes: Balances) -> int:
    key = (account.name, account.period)
    return account.limit - held[key] - changes.get(key, 0)


def _usd(micro: int) -> str:
    return f"${micro / 1_000_000:,.4f}"


def _reserved_row(one: Reservation) -> dict[str, Any]:
    return {
        "call_id": one.call_id,
        "day": one.day,
        "tenant": one.tenant,
        "subject": one.subject,
        "route": one.route,
        "reserved_micro_usd": one.micro_usd,
    }


def _settled_row(one: Settlement) -> dict[str, Any]:
    return {
        "settled_call": one.reservation.call_id,
        "deployment": one.deployment,
        "spent_micro_usd": one.spent,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
    }
