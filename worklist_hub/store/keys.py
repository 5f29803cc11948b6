"""By what a study to read is known: one row a key, unique, so that two roads to one study make one workitem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ups import dicom_json as dj
from worklist_hub.store.database import Database
from worklist_hub.store.schema import WORKITEM_KEYS

STUDY: Final = "study"
ACCESSION: Final = "accession"
AT_ONCE: Final = 300
"""Values of one query; SQLite allows some thousand parameters."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What one hospital calls a study or its order."""

    site_id: str
    kind: str
    value: str


def keys_of(dataset: Mapping[str, Any]) -> tuple[Key, ...]:
    """The keys of a workitem, the study first; none where its hospital is not said."""
    site = dj.text(dj.first_item(dataset, "ScheduledStationGeographicLocationCodeSequence"), "CodeValue")
    request = dj.first_item(dataset, "ReferencedRequestSequence")
    study = dj.text(dataset, "StudyInstanceUID") or dj.text(request, "StudyInstanceUID")
    found = ((STUDY, study), (ACCESSION, dj.text(request, "AccessionNumber")))
    return tuple(Key(site, kind, value[:128]) for kind, value in found if site and value)


def note(connection: sa.Connection, database: Database, root_uid: str, keys: Iterable[Key]) -> None:
    """These keys lead to this chain, but for those that lead to another already."""
    rows = [_row(key, root_uid) for key in sorted(keys)]
    if rows:
        connection.execute(database.insert(WORKITEM_KEYS).on_conflict_do_nothing().values(rows))


def claim(connection: sa.Connection, database: Database, wanted: Mapping[Key, str]) -> dict[Key, str]:
    """The chain that each key leads to: the wanted one from now on where it led nowhere. Waits for a transaction that
    is just claiming the same ones; all claim in one order, so that none waits for one that waits for it."""
    if not wanted:
        return {}
    rows = [_row(key, wanted[key]) for key in sorted(wanted)]
    connection.execute(database.insert(WORKITEM_KEYS).on_conflict_do_nothing(), rows)
    found: dict[Key, str] = {}
    for kind in {(key.site_id, key.kind) for key in wanted}:
        found |= roots(connection, [key for key in wanted if (key.site_id, key.kind) == kind])
    return found


def follow(
    connection: sa.Connection, database: Database, uid: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """A workitem was corrected: its chain is found by what its hospital calls it now, and no more by what it does not,
    for that may be the number of somebody else."""
    old, new = keys_of(before), keys_of(after)
    if old == new:
        return
    found = {key: root for key in old for root in roots(connection, [key]).values()}
    root_uid = next((found[key] for key in old if key in found), uid)
    for key in old:
        if key not in new and found.get(key) == root_uid:
            connection.execute(sa.delete(WORKITEM_KEYS).where(_is(key)))
    note(connection, database, root_uid, new)


def lead(connection: sa.Connection, root_uid: str, key: Key) -> None:
    """A key leads to another chain from now on."""
    connection.execute(sa.update(WORKITEM_KEYS).where(_is(key)).values(root_uid=root_uid))


def lead_all(connection: sa.Connection, database: Database, root_uid: str, keys: Sequence[Key]) -> None:
    """The same of several, those that led nowhere too."""
    note(connection, database, root_uid, keys)
    for key in sorted(keys):
        lead(connection, root_uid, key)


def roots(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, str]:
    """Where keys lead; those that lead nowhere are left out. All of one hospital and one kind."""
    found: dict[Key, str] = {}
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        first = part[0]
        query = sa.select(WORKITEM_KEYS.c.value, WORKITEM_KEYS.c.root_uid).where(
            WORKITEM_KEYS.c.site_id == first.site_id,
            WORKITEM_KEYS.c.kind == first.kind,
            WORKITEM_KEYS.c.value.in_([key.value for key in part]),
        )
        for value, root_uid in connection.execute(query):
            found[Key(first.site_id, first.kind, value)] = root_uid
    return found


def forget(connection: sa.Connection, root_uids: Sequence[str]) -> None:
    """The keys of chains whose beginning is cleared away."""
    connection.execute(sa.delete(WORKITEM_KEYS).where(WORKITEM_KEYS.c.root_uid.in_(root_uids)))


def _row(key: Key, root_uid: str) -> dict[str, str]:
    return {"site_id": key.site_id, "kind": key.kind, "value": key.value, "root_uid": root_uid}


def _is(key: Key) -> sa.ColumnElement[bool]:
    columns = WORKITEM_KEYS.c
    return sa.and_(columns.site_id == key.site_id, columns.kind == key.kind, columns.value == key.value)
