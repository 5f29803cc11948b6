"""What a region needs: more columns to search by, the table of events, and statistics of what is past its time."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

from worklist_hub.store.columns import columns_of
from worklist_hub.store.schema import NUMBER, WORKITEMS

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS: dict[str, int | None] = {
    "priority": 16,
    "readiness": 16,
    "modality": 16,
    "expertise": 64,
    "worklist_label": None,
    "step_label": None,
    "body_part": 64,
    "patient_id": None,
    "patient_name": None,
    "birth_date": 16,
    "accession_number": 64,
    "start_at": 32,
    "due_at": 32,
    "reserved_for": 64,
    "holder": 64,
    "further_values": None,
}
_INDEXES = {
    "workitems_by_site": ["site_id", "state", "position"],
    "workitems_by_patient": ["patient_id"],
    "workitems_by_accession": ["accession_number"],
    "workitems_by_holder": ["holder", "state"],
}


def upgrade() -> None:
    """Add and fill the columns, make the tables."""
    for name, length in _COLUMNS.items():
        kind = sa.String(length) if length else sa.Text()
        op.add_column("workitems", sa.Column(name, kind, nullable=False, server_default=""))
    connection = op.get_bind()
    for position, dataset in connection.execute(sa.select(WORKITEMS.c.position, WORKITEMS.c.dataset)).all():
        values = columns_of(json.loads(dataset))
        kept = {name: values[name] for name in _COLUMNS}
        connection.execute(sa.update(WORKITEMS).where(WORKITEMS.c.position == position).values(kept))
    for name, columns in _INDEXES.items():
        op.create_index(name, "workitems", columns)
    op.create_table(
        "events",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("xid", sa.BigInteger, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("uid", sa.String(64), nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("frame", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("events_in_order", "events", ["xid", "seq"])
    op.create_index("events_by_age", "events", ["at"])
    key = ["month:6", "site_id:64", "state:16", "modality:16", "expertise:64", "priority:16"]
    op.create_table(
        "statistics",
        *(sa.Column(name, sa.String(int(width)), primary_key=True) for name, width in (k.split(":") for k in key)),
        sa.Column("workitems", sa.BigInteger, nullable=False),
        sa.Column("measured", sa.BigInteger, nullable=False),
        sa.Column("turnaround_s", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop what was added."""
    op.drop_table("statistics")
    op.drop_table("events")
    for name in _INDEXES:
        op.drop_index(name, "workitems")
    for name in _COLUMNS:
        op.drop_column("workitems", name)
