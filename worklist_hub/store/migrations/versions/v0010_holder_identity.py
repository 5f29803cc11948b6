"""Whose claim it is, as the issuer of his sign-in says it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of claims that are there the number alone is known; they go home as before."""
    op.add_column("workitems", sa.Column("holder_identity", sa.String(64), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("workitems", "holder_identity")
