"""The tables. A fresh database gets them from here, an older one by the migrations; a test proves both the same.

A new table or column needs both: here, and a migration whose `down_revision` is the newest one; then `HEAD` moves on.
"""

from __future__ import annotations

import sqlalchemy as sa

HEAD = "0012"
"""Newest migration; named here so that an up-to-date database opens without importing alembic."""

METADATA = sa.MetaData()

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""A row's number: SQLite counts by itself only in a column of type INTEGER."""


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    """A column that repeats a part of the dataset; "" where the dataset has none."""
    return sa.Column(name, sa.String(length) if length else sa.Text, nullable=False, server_default="")


_HELD = "state = 'IN PROGRESS'"

WORKITEMS = sa.Table(
    "workitems",
    METADATA,
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
    _text("priority", 16),
    _text("readiness", 16),
    _text("modality", 16),
    _text("expertise", 64),
    _text("worklist_label"),
    _text("step_label"),
    _text("body_part", 64),
    _text("patient_id"),
    _text("patient_name"),
    _text("birth_date", 16),
    _text("accession_number", 64),
    _text("start_at", 32),
    _text("due_at", 32),
    _text("reserved_for", 64),
    _text("holder", 64),
    _text("further_values"),
    sa.Column("extras", sa.Text, nullable=False, server_default="?"),
    _text("holder_identity", 64),
    sa.Index("workitems_by_state", "state", "position"),
    sa.Index("workitems_by_modified", "modified"),
    sa.Index("workitems_by_study", "study_instance_uid"),
    sa.Index("workitems_by_site", "site_id", "state", "position"),
    sa.Index("workitems_by_patient", "patient_id"),
    sa.Index("workitems_by_accession", "accession_number"),
    sa.Index("workitems_by_holder", "holder", "state"),
    sa.Index("workitems_silent", "alive_at", sqlite_where=sa.text(_HELD), postgresql_where=sa.text(_HELD)),
    sqlite_autoincrement=True,
)
"""`dataset` is the whole DICOM JSON; the columns repeat what is searched (`store.columns`). Moments are DT in UTC: they
sort as text. `further_values` holds every value of a repeated attribute but the first. `extras`: `store.columns`."""

EVENTS = sa.Table(
    "events",
    METADATA,
    sa.Column("seq", NUMBER, primary_key=True, autoincrement=True),
    sa.Column("xid", sa.BigInteger, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("uid", sa.String(64), nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("frame", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
    sa.Index("events_in_order", "xid", "seq"),
    sa.Index("events_by_age", "at"),
    sqlite_autoincrement=True,
)
"""What was told, written in the transaction of the change and kept for a while. `xid` is the transaction on PostgreSQL,
0 on SQLite, whose one writer commits in the order of `seq`."""

SUBSCRIPTIONS = sa.Table(
    "subscriptions",
    METADATA,
    sa.Column("ae_title", sa.String(64), primary_key=True),
    sa.Column("uid", sa.String(64), primary_key=True),
    sa.Column("filters", sa.Text, nullable=False),
    sa.Column("deletion_lock", sa.Boolean, nullable=False),
    sa.Column("until_position", NUMBER, nullable=False),
)
"""`ae_title` is that of `watching.channel_key`: with whose it is.
`until_position` > 0: suspended, workitems created after that one are not told."""

STATISTICS = sa.Table(
    "statistics",
    METADATA,
    sa.Column("month", sa.String(6), primary_key=True),
    sa.Column("site_id", sa.String(64), primary_key=True),
    sa.Column("state", sa.String(16), primary_key=True),
    sa.Column("modality", sa.String(16), primary_key=True),
    sa.Column("expertise", sa.String(64), primary_key=True),
    sa.Column("priority", sa.String(16), primary_key=True),
    sa.Column("workitems", sa.BigInteger, nullable=False),
    sa.Column("measured", sa.BigInteger, nullable=False),
    sa.Column("turnaround_s", sa.BigInteger, nullable=False),
)
"""What is left of workitems past their time: counts, and the summed seconds from start to end of `measured` of them."""

HANDED_DRAFTS = sa.Table(
    "handed_drafts",
    METADATA,
    sa.Column("workitem_uid", sa.String(64), primary_key=True),
    sa.Column("author", sa.String(64), nullable=False),
    sa.Column("receiver", sa.String(64), nullable=False),
    sa.Column("sealed_for", sa.String(8), nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
)
"""`workitem_uid` is the one that the receiver claims. `sealed_for`: hub, until that claim; then claim (`drafts`)."""

INTAKE_STATES = sa.Table(
    "intake_states",
    METADATA,
    sa.Column("site_id", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("error", sa.String(64), nullable=False),
    sa.Column("polled_at", sa.String(32), nullable=False),
    sa.Column("undated", sa.Integer, nullable=False, server_default="0"),
    sa.Column("gap_from", sa.String(32), nullable=False, server_default=""),
    sa.Column("gap_until", sa.String(32), nullable=False, server_default=""),
    sa.Column("gap_asked_from", sa.String(32), nullable=False, server_default=""),
)
"""How asking each hospital went last, by whatever hub process asks it (`store.intake_states`)."""

WORKITEM_KEYS = sa.Table(
    "workitem_keys",
    METADATA,
    sa.Column("site_id", sa.String(64), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("value", sa.String(128), primary_key=True),
    sa.Column("root_uid", sa.String(64), nullable=False),
    sa.Index("workitem_keys_by_root", "root_uid"),
)
"""By what a study to read is known at its hospital: its Study Instance UID, the accession number of its order. Whoever
feeds it second finds the chain of workitems (`root_uid`, then its replacements) that the first one began."""


def schema_version(connection: sa.Connection) -> str:
    """Of an open database; "" where it has no tables yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())
