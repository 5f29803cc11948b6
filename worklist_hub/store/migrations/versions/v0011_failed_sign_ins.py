"""Tries of every name that is typed, whether anybody has it; and what a refresh token was made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; counts of before are forgotten."""
    op.create_table(
        "failed_sign_ins",
        sa.Column("login_hash", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.BigInteger, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
    )
    op.create_index("failed_sign_ins_by_time", "failed_sign_ins", ["at"])
    op.add_column("sign_ins", sa.Column("made_from", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    op.drop_column("sign_ins", "made_from")
    op.drop_table("failed_sign_ins")
