"""The audit trail and the ledger."""

import sqlalchemy as sa
from alembic import op

revision = "t001"
down_revision = None
branch_labels = ("template",)  # a team's migrations are a branch of their own, so that updates never renumber them
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("writer", sa.String(32), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("call_id", sa.String(32), nullable=False),
        sa.Column("tenant", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
    )
    op.create_index("ix_audit_call_id", "audit", ["call_id"])
    op.create_index("ix_audit_trace_id", "audit", ["trace_id"])
    op.create_index("ix_audit_tenant_at", "audit", ["tenant", "at"])
    op.create_table(
        "ledger",
        sa.Column("call_id", sa.String(32), primary_key=True),
        sa.Column("day", sa.String(10), nullable=False),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("route", sa.String(128), nullable=False),
        sa.Column("deployment", sa.String(128)),
        sa.Column("reserved_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("spent_micro_usd", sa.BigInteger),
        sa.Column("input_tokens", sa.Integer),
        sa.Column("output_tokens", sa.Integer),
    )
    op.create_index("ix_ledger_day", "ledger", ["day"])
    op.create_table(
        "balances",
        sa.Column("account", sa.String(520), primary_key=True),
        sa.Column("period", sa.String(10), primary_key=True),
        sa.Column("micro_usd", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for name in ("balances", "ledger", "audit"):
        op.drop_table(name)
