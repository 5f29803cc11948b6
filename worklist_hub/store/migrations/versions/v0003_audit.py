"""The audit log: events, the chains over them, their heads, and how far each receiver has got."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INDEXES = {
    "audit_events_by_time": ["at"],
    "audit_events_by_patient": ["patient", "at"],
    "audit_events_by_reader": ["reader", "at"],
}


def _key(name: str, kind: sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, primary_key=True, autoincrement=False)


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit_events",
        _key("process", sa.String(96)),
        _key("number", sa.BigInteger()),
        _text("at", 32),
        _text("action", 16),
        _text("reader", 64),
        _text("patient", 160),
        _text("study_instance_uid", 64),
        _text("workitem_uid", 64),
        sa.Column("body", sa.Text, nullable=False),
    )
    for name, columns in _INDEXES.items():
        op.create_index(name, "audit_events", columns)
    op.create_table(
        "audit_links",
        _key("process", sa.String(96)),
        _key("day", sa.String(8)),
        _key("seq", sa.BigInteger()),
        _text("event_process", 96),
        sa.Column("event_number", sa.BigInteger, nullable=False),
        _text("hash", 64),
        sa.UniqueConstraint("event_process", "event_number", name="audit_links_once"),
    )
    op.create_table(
        "audit_heads",
        _key("process", sa.String(96)),
        _key("day", sa.String(8)),
        sa.Column("seq", sa.BigInteger, nullable=False),
        _text("hash", 64),
        _text("previous", 64),
        _text("at", 32),
    )
    op.create_table(
        "audit_exports",
        _key("target", sa.String(128)),
        _key("process", sa.String(96)),
        _key("day", sa.String(8)),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables."""
    for name in ("audit_exports", "audit_heads", "audit_links", "audit_events"):
        op.drop_table(name)
