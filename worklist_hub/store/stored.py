"""A workitem as it stands in the table, and what else stands there of the same study."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from ups.datetimes import datetime_from_dt
from ups.dicom_json import DicomJson
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.store.columns import columns_of
from worklist_hub.store.database import Database
from worklist_hub.store.keys import forget, keys_of, lead_all, note
from worklist_hub.store.quick import FOUND
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.workitem.protocol import Stored
from worklist_hub.workitem.whose import contradicts

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
    """What is open or COMPLETED of the study of a workitem that is about to be put there, of the same hospital, or of
    its order where one of the two has no study yet and both can be of one patient; the oldest first. Waits for a
    transaction that is just putting one there."""
    found = doubles_of(connection, made)
    if not found and (keys := keys_of(made)):
        uid = columns_of(made)["uid"]
        note(connection, database, uid, keys)
        found = doubles_of(connection, made)
        if found:  # it is refused: what was noted for it leads nowhere
            forget(connection, [uid])
        elif not columns_of(made)["study_instance_uid"]:  # its images will look for it, whoever had its number before
            lead_all(connection, database, uid, keys)
    return found


def doubles_of(connection: sa.Connection, made: DicomJson) -> tuple[Stored, ...]:
    """The same of a workitem that is there or not; itself is none of them."""
    columns, of = columns_of(made), WORKITEMS.c
    study, order = columns["study_instance_uid"], columns["accession_number"]
    same: list[sa.ColumnElement[bool]] = []
    if study:
        same.append(of.study_instance_uid == study)
    if order:
        is_order = of.accession_number == order
        same.append(sa.and_(is_order, of.study_instance_uid == "") if study else is_order)
    if not same or not columns["site_id"]:
        return ()
    here = (of.site_id == columns["site_id"], of.state != ProcedureStepState.CANCELED.value)
    query = sa.select(*STORED).where(sa.or_(*same), *here, of.uid != columns["uid"]).order_by(of.position)
    found = (stored_of(one) for one in connection.execute(query).all())
    return tuple(one for one in found if _is_double(one, study, made))


def _is_double(there: Stored, study: str, made: DicomJson) -> bool:
    """An accession number alone makes nobody's study."""
    if study and columns_of(there.dataset)["study_instance_uid"] == study:
        return True
    return not contradicts(Workitem.from_json(there.dataset), Workitem.from_json(made))
