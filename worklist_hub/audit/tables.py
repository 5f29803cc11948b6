"""The audit tables. Rows are inserted and never changed; only heads and cursors of exports move."""

from __future__ import annotations

import sqlalchemy as sa

from worklist_hub.store.schema import METADATA

AUDIT_EVENTS = sa.Table(
    "audit_events",
    METADATA,
    sa.Column("process", sa.String(96), primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.String(32), nullable=False),
    sa.Column("action", sa.String(16), nullable=False),
    sa.Column("reader", sa.String(64), nullable=False),
    sa.Column("patient", sa.String(160), nullable=False),
    sa.Column("study_instance_uid", sa.String(64), nullable=False),
    sa.Column("workitem_uid", sa.String(64), nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Index("audit_events_by_time", "at"),
    sa.Index("audit_events_by_patient", "patient", "at"),
    sa.Index("audit_events_by_reader", "reader", "at"),
)
"""`body` is the event; the columns repeat what is searched. `number` counts per hub process and may have gaps."""

AUDIT_LINKS = sa.Table(
    "audit_links",
    METADATA,
    sa.Column("process", sa.String(96), primary_key=True),
    sa.Column("day", sa.String(8), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("event_process", sa.String(96), nullable=False),
    sa.Column("event_number", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.UniqueConstraint("event_process", "event_number", name="audit_links_once"),
)
"""The chain of one hub process and day, without gaps. An event of a process that died is linked by another one."""

AUDIT_HEADS = sa.Table(
    "audit_heads",
    METADATA,
    sa.Column("process", sa.String(96), primary_key=True),
    sa.Column("day", sa.String(8), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("at", sa.String(32), nullable=False),
)
"""The newest link of every chain. `previous` = what its first link is chained to: the head of the day before."""

AUDIT_EXPORTS = sa.Table(
    "audit_exports",
    METADATA,
    sa.Column("target", sa.String(128), primary_key=True),
    sa.Column("process", sa.String(96), primary_key=True),
    sa.Column("day", sa.String(8), primary_key=True),
    sa.Column("seq", sa.BigInteger, nullable=False),
)
"""How far each chain has been delivered to each target."""
