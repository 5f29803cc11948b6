"""The tables. A fresh file gets them from here, an older one by the migrations; a test proves both the same."""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0001"
"""Newest migration; named here so that an up-to-date file opens without importing alembic."""

METADATA = sa.MetaData()

WORKITEMS = sa.Table(
    "workitems",
    METADATA,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("uid", sa.String(64), nullable=False, unique=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("modified", sa.String(32), nullable=False),
    sa.Column("alive_at", sa.String(32), nullable=False),
    sa.Column("transaction_hash", sa.String(64), nullable=False),
    sa.Column("site_id", sa.String(64), nullable=False),
    sa.Column("study_instance_uid", sa.String(64), nullable=False),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Index("workitems_by_state", "state", "position"),
    sa.Index("workitems_by_modified", "modified"),
    sa.Index("workitems_by_study", "study_instance_uid"),
    sqlite_autoincrement=True,
)
"""`dataset` is the whole DICOM JSON; the columns repeat what is searched. Moments are DT in UTC: they sort as text."""

SUBSCRIPTIONS = sa.Table(
    "subscriptions",
    METADATA,
    sa.Column("ae_title", sa.String(16), primary_key=True),
    sa.Column("uid", sa.String(64), primary_key=True),
    sa.Column("filters", sa.Text, nullable=False),
    sa.Column("deletion_lock", sa.Boolean, nullable=False),
    sa.Column("until_position", sa.Integer, nullable=False),
)
"""`until_position` > 0: suspended, workitems created after that one are not told."""
