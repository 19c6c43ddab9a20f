from sqlalchemy import BigInteger, Column, Integer, String, Table, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ..database import Bulk, bulk_insert, given_rows, metadata

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


def _settle() -> Bulk:
    table, call = entries_table, Column("settled_call", String(32))
    ends = [table.c.deployment, table.c.spent_micro_usd, table.c.input_tokens, table.c.output_tokens]
    settled = given_rows(call, *ends)
    return Bulk(
        update(table).where(table.c.call_id == bindparam(call.name)),
        update(table).where(table.c.call_id == settled.c[call.name]).values({one: settled.c[one.name] for one in ends}),
    )


def _add() -> Bulk:
    """Adds to balances, creating missing ones; on PostgreSQL returns the results.

    Sorted, so that two replicas lock rows in the same order and cannot deadlock.
    """
    key, changes = [balances.c.account, balances.c.period], given_rows(*balances.columns)
    in_order = select(changes).order_by(changes.c.account, changes.c.period)
    one, all_ = sqlite.insert(balances), postgresql.insert(balances).from_select(balances.c.keys(), in_order)
    raised = [{"micro_usd": balances.c.micro_usd + added.excluded.micro_usd} for added in (one, all_)]
    return Bulk(
        one.on_conflict_do_update(index_elements=key, set_=raised[0]),
        all_.on_conflict_do_update(index_elements=key, set_=raised[1]).returning(*balances.columns),
    )


RESERVE, SETTLE, ADD = bulk_insert(entries_table), _settle(), _add()
# Not pairs of both, for which SQLite reads the whole table.
HELD = select(balances).where(
    balances.c.account.in_(bindparam("accounts", expanding=True))
    & balances.c.period.in_(bindparam("periods", expanding=True))
)
