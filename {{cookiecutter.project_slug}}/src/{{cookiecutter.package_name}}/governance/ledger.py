"""Money: reserved before a call, settled after it, in whole micro-dollars. The ledger decides, the trail remembers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from ..errors import BudgetExceeded, ServiceError
from ..telemetry import Metrics, names
from .policyfile import Budgets
from .tables import ADD, HELD, RESERVE, SETTLE

Key = tuple[str, str]  # an account's name and period
Balances = Mapping[Key, int]  # micro-dollars


@dataclass(frozen=True, slots=True)
class Account:
    """A budget's holder and its current period, a day or a month. `limit` in micro-dollars."""

    name: str
    period: str
    limit: int

    @property
    def kind(self) -> str:
        """`user` or `tenant`."""
        return self.name.partition(":")[0]

    @property
    def key(self) -> Key:
        return self.name, self.period

    @property
    def renews(self) -> datetime:
        year, month, *day = map(int, self.period.split("-"))
        begun = datetime(year, month, day[0] if day else 1, tzinfo=UTC)
        return begun + timedelta(days=1) if day else (begun + timedelta(days=32)).replace(day=1)


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
    accounts, today = [], now.date().isoformat()
    if budgets.user:
        limit = int(budgets.user.usd_per_day * 1_000_000)
        # A tab is in no tenant's or subject's name, so that no two pairs of them share an account.
        accounts.append(Account(f"user:{tenant}\t{subject}", today, limit))
    if budgets.tenant:
        limit = int(budgets.tenant.usd_per_month * 1_000_000)
        accounts.append(Account(f"tenant:{tenant}", today[: len("2026-11")], limit))
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
        return Reservation(call_id, tenant, subject, route, now.date().isoformat(), micro_usd, accounts)

    def write(self, connection: Connection, entries: Sequence[Reservation | Settlement]) -> Mapping[int, ServiceError]:
        """Adds what everybody asks for, which locks the balances, and takes back what that shows to be too much."""
        reservations = {place: one for place, one in enumerate(entries) if isinstance(one, Reservation)}
        settlements = [one for one in entries if isinstance(one, Settlement)]
        settled: Counter[Key] = Counter()
        for done in settlements:
            _count(settled, done.reservation, _difference(done))
        asked = Counter(settled)
        for one in reservations.values():
            _count(asked, one, one.micro_usd)
        held = {key: after - asked[key] for key, after in _added(connection, asked).items()}
        refused, granted = self._decided(reservations, held, settled)
        if refused:
            _added(connection, {key: granted[key] - change for key, change in asked.items() if granted[key] != change})
        if kept := [_reserved_row(one) for place, one in reservations.items() if place not in refused]:
            RESERVE(connection, kept)
        if settlements:
            SETTLE(connection, [_settled_row(one) for one in settlements])
        return refused

    def _decided(
        self, reservations: Mapping[int, Reservation], held: Balances, settled: Counter[Key]
    ) -> tuple[dict[int, ServiceError], Counter[Key]]:
        """Who is refused, and by what the balances change without them."""
        refused: dict[int, ServiceError] = {}
        changes = Counter(settled)
        for place, one in reservations.items():
            self._measure(one, held, changes)
            if error := _refusal(one, held, changes):
                refused[place] = error
            else:
                _count(changes, one, one.micro_usd)
        return refused, changes

    def _measure(self, reservation: Reservation, held: Balances, changes: Balances) -> None:
        if shares := [(_left(one, held, changes) / (one.limit or 1), one.kind) for one in reservation.accounts]:
            share, kind = min(shares)
            # Below nothing, where a budget was made smaller or an answer cost more than was reserved.
            self._metrics.budget_left.record(max(share, 0.0), {names.BUDGET: kind})

    def committed(self) -> None:
        """Nothing is remembered between commits."""

    def forget(self) -> None:
        """Likewise."""


def _count(changes: Counter[Key], reservation: Reservation, micro_usd: int) -> None:
    for account in reservation.accounts:
        changes[account.key] += micro_usd


def _added(connection: Connection, changes: Mapping[Key, int]) -> dict[Key, int]:
    """What the balances are afterwards."""
    if not changes:
        return {}
    rows = [{"account": name, "period": period, "micro_usd": change} for (name, period), change in changes.items()]
    result = ADD(connection, rows)
    if not result.returns_rows:
        accounts, periods = zip(*changes, strict=True)
        result = connection.execute(HELD, {"accounts": accounts, "periods": periods})
    return {(row.account, row.period): row.micro_usd for row in result}


def _difference(settlement: Settlement) -> int:
    return 0 if settlement.spent is None else settlement.spent - settlement.reservation.micro_usd


def _left(account: Account, held: Balances, changes: Balances) -> int:
    return account.limit - held[account.key] - changes.get(account.key, 0)


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
