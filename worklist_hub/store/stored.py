"""A workitem as it stands in the table, and what else stands there of the same study."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from ups.datetimes import datetime_from_dt
from ups.dicom_json import DicomJson
from ups.states import ProcedureStepState
from worklist_hub.protocol import Stored
from worklist_hub.store.columns import columns_of
from worklist_hub.store.database import Database
from worklist_hub.store.keys import keys_of, note
from worklist_hub.store.quick import FOUND
from worklist_hub.store.schema import WORKITEMS

STORED = tuple(WORKITEMS.c[name] for name in FOUND)


def stored_of(found: Any) -> Stored:
    """From a row with the columns of `quick.FOUND`."""
    return Stored(
        json.loads(found.dataset),
        ProcedureStepState(found.state),
        found.transaction_hash,
        datetime_from_dt(found.alive_at) if found.alive_at else None,
        found.version,
        found.position,
    )


def rivals_of(connection: sa.Connection, database: Database, made: DicomJson) -> tuple[Stored, ...]:
    """What is open or COMPLETED of the study of a workitem that is about to be put there, of the same hospital; the
    oldest first. Waits for a transaction that is just putting one there."""
    columns = columns_of(made)
    if not columns["study_instance_uid"]:
        return ()
    same = (
        WORKITEMS.c.study_instance_uid == columns["study_instance_uid"],
        WORKITEMS.c.site_id == columns["site_id"],
        WORKITEMS.c.state != ProcedureStepState.CANCELED.value,
    )
    query = sa.select(*STORED).where(*same).order_by(WORKITEMS.c.position)
    found = connection.execute(query).all()
    if not found:
        note(connection, database, columns["uid"], keys_of(made))
        found = connection.execute(query).all()
    return tuple(stored_of(one) for one in found)
