"""How many studies of each hospital stay off the list because they have no Study Date."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; the next poll fills it."""
    op.add_column("intake_states", sa.Column("undated", sa.Integer, nullable=False, server_default="0"))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("intake_states", "undated")
