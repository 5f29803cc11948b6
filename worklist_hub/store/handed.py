"""Handed-over drafts in the worklist's database. Every change happens with the claim looked at in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from worklist_hub.store.schema import HANDED_DRAFTS


@dataclass(frozen=True, slots=True)
class Handed:
    """One row."""

    workitem_uid: str
    author: str
    receiver: str
    """Code of the reader it is meant for; "" = whoever claims the study next."""
    sealed_for: str
    content: bytes
    at: str


def put(connection: sa.Connection, handed: Handed) -> None:
    """Write or overwrite."""
    drop(connection, [handed.workitem_uid])
    row = {name: getattr(handed, name) for name in Handed.__slots__}
    connection.execute(sa.insert(HANDED_DRAFTS).values(row))


def get(connection: sa.Connection, workitem_uid: str) -> Handed | None:
    """The draft for a workitem."""
    query = sa.select(HANDED_DRAFTS).where(HANDED_DRAFTS.c.workitem_uid == workitem_uid)
    found = connection.execute(query).mappings().one_or_none()
    return Handed(**found) if found is not None else None


def drop(connection: sa.Connection, workitem_uids: Sequence[str]) -> bool:
    """Delete; whether there was one."""
    statement = sa.delete(HANDED_DRAFTS).where(HANDED_DRAFTS.c.workitem_uid.in_(workitem_uids))
    return connection.execute(statement).rowcount > 0
