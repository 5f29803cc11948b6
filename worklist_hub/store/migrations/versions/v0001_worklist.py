"""The first schema: workitems and subscriptions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from worklist_hub.store.schema import NUMBER

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "workitems",
        sa.Column("position", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("uid", sa.String(64), nullable=False, unique=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("modified", sa.String(32), nullable=False),
        sa.Column("alive_at", sa.String(32), nullable=False),
        sa.Column("transaction_hash", sa.String(64), nullable=False),
        sa.Column("site_id", sa.String(64), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("dataset", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("workitems_by_state", "workitems", ["state", "position"])
    op.create_index("workitems_by_modified", "workitems", ["modified"])
    op.create_index("workitems_by_study", "workitems", ["study_instance_uid"])
    op.create_table(
        "subscriptions",
        sa.Column("ae_title", sa.String(16), primary_key=True),
        sa.Column("uid", sa.String(64), primary_key=True),
        sa.Column("filters", sa.Text, nullable=False),
        sa.Column("deletion_lock", sa.Boolean, nullable=False),
        sa.Column("until_position", NUMBER, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("subscriptions")
    op.drop_table("workitems")
