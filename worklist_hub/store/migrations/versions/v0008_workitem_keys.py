"""Keys by which a second road finds the workitem of the first; those of the workitems that are there already."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KNOWN = (("study", "study_instance_uid"), ("accession", "accession_number"))


def upgrade() -> None:
    """Make the table and fill it: the first workitem of each study began its chain."""
    op.create_table(
        "workitem_keys",
        sa.Column("site_id", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("value", sa.String(128), primary_key=True),
        sa.Column("root_uid", sa.String(64), nullable=False),
    )
    op.create_index("workitem_keys_by_root", "workitem_keys", ["root_uid"])
    for kind, column in _KNOWN:
        op.execute(
            sa.text(
                f"INSERT INTO workitem_keys (site_id, kind, value, root_uid) SELECT first.site_id, '{kind}',"
                f" first.{column}, workitems.uid FROM (SELECT site_id, {column}, min(position) AS position"
                f" FROM workitems WHERE site_id <> '' AND {column} <> '' GROUP BY site_id, {column}) AS first"
                " JOIN workitems ON workitems.position = first.position"
            )
        )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("workitem_keys")
