"""An index of the trail's rare records: all but those of calls. PostgreSQL lets nobody write meanwhile, for a second a million."""

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
