"""When each hospital was not heard for longer than its lookback, and from when on its studies were asked for then."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_COLUMNS = ("gap_from", "gap_until", "gap_asked_from")


def upgrade() -> None:
    """Add the columns; a gap of before is not known."""
    for name in _COLUMNS:
        op.add_column("intake_states", sa.Column(name, sa.String(32), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop them."""
    for name in reversed(_COLUMNS):
        op.drop_column("intake_states", name)
