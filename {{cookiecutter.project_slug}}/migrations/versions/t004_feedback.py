"""What people said of answers."""

import sqlalchemy as sa
from alembic import op

revision = "t004"
down_revision = "t003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feedback",
        sa.Column("call_id", sa.String(32), primary_key=True),
        sa.Column("at", sa.String(27), nullable=False),
        sa.Column("tenant", sa.String(255), nullable=False),
        sa.Column("model", sa.String(128), nullable=False),
        sa.Column("deployment", sa.String(128), nullable=False),
        sa.Column("data_class", sa.String(128), nullable=False),
        sa.Column("score", sa.Float, nullable=False),
        sa.Column("expires", sa.String(27), nullable=False),
        sa.Column("sealed", sa.LargeBinary),
    )
    op.create_index("ix_feedback_expires", "feedback", ["expires"])


def downgrade() -> None:
    op.drop_table("feedback")
