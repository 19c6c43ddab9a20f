"""An index of the trail's rare records. PostgreSQL lets nobody write meanwhile, a second for a million records."""

import sqlalchemy as sa
from alembic import op

revision = "t005"
down_revision = "t004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    rare = sa.text("kind NOT IN ('started', 'finished', 'removed')")
    op.create_index("ix_audit_rare", "audit", ["kind", "at"], sqlite_where=rare, postgresql_where=rare)


def downgrade() -> None:
    op.drop_index("ix_audit_rare", "audit")
