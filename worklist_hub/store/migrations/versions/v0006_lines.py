"""What lets a search answer with the text as it stands; and silent claims found without walking through history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_HELD = sa.text("state = 'IN PROGRESS'")


def upgrade() -> None:
    """Of rows that are there nothing is known, and their datasets are looked into as before."""
    op.add_column("workitems", sa.Column("extras", sa.Text(), nullable=False, server_default="?"))
    op.create_index("workitems_silent", "workitems", ["alive_at"], sqlite_where=_HELD, postgresql_where=_HELD)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("workitems_silent", "workitems")
    op.drop_column("workitems", "extras")
