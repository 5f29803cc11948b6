"""Completing a workitem: the final-state attributes (PS3.4 CC.2.5.1.1), then COMPLETED; reading unclear answers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from ups import changes
from ups import dicom_json as dj
from ups.client import UpsClient
from ups.codes import SITE_SCHEME, Code, Person
from ups.dicom_json import DicomJson
from ups.errors import Conflict, NotAuthorised, UpsError, WrongTransactionUid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.journal import ClaimRow
from worklist_client.worklist.outcomes import CompleteKind, CompleteResult, OutputReference


def complete_workitem(
    client: UpsClient, row: ClaimRow, outputs: Sequence[OutputReference], now: datetime
) -> CompleteResult:
    """Update (0074,1216), then state COMPLETED, with the Transaction UID of the claim. Harmless to repeat."""
    uid = row.workitem_uid
    person = client.reader or Person("", "")
    written = changes.performed(
        _output_items(outputs),
        person=person,
        start=row.asked_at,
        end=max(now, row.asked_at),
        station=Code(client.calling_ae, SITE_SCHEME, "Reading desk"),
    )
    try:
        client.update(uid, written, row.transaction_uid)
        client.change_state(uid, ProcedureStepState.COMPLETED, row.transaction_uid)
    except NotAuthorised as error:
        return CompleteResult(uid, CompleteKind.BLOCKED, error.reason)
    except UpsError as error:
        if error.is_unclear:
            return CompleteResult(uid, CompleteKind.AWAY, error.reason)
        return _judged(client, uid, outputs, error)
    return CompleteResult(uid, CompleteKind.DONE)


def text_from_outputs(outputs: Iterable[OutputReference]) -> str:
    """For the journal."""
    return json.dumps([asdict(one) for one in outputs])


def outputs_from_text(text: str) -> tuple[OutputReference, ...]:
    """The inverse."""
    return tuple(OutputReference(**item) for item in json.loads(text or "[]"))


def _judged(client: UpsClient, uid: str, outputs: Sequence[OutputReference], error: UpsError) -> CompleteResult:
    """A refusal may come because an earlier attempt, whose answer was lost, had succeeded: look."""
    try:
        found = client.retrieve(uid)
    except UpsError as other:
        kind = CompleteKind.AWAY if other.is_unclear else CompleteKind.REFUSED
        return CompleteResult(uid, kind, other.reason)
    if found.state is ProcedureStepState.COMPLETED and _holds_outputs(found, outputs):
        return CompleteResult(uid, CompleteKind.DONE)
    if isinstance(error, (Conflict, WrongTransactionUid)) or found.state is not ProcedureStepState.IN_PROGRESS:
        return CompleteResult(uid, CompleteKind.REFUSED, error.reason)
    return CompleteResult(uid, CompleteKind.BLOCKED, error.reason)


def _holds_outputs(found: Workitem, outputs: Sequence[OutputReference]) -> bool:
    performed = dj.first_item(found.attributes, "UnifiedProcedureStepPerformedProcedureSequence")
    there = {
        dj.text(reference, "ReferencedSOPInstanceUID")
        for item in dj.items(performed, "OutputInformationSequence")
        for reference in dj.items(item, "ReferencedSOPSequence")
    }
    return bool(outputs) and {one.sop_instance_uid for one in outputs} <= there


def _output_items(outputs: Sequence[OutputReference]) -> list[DicomJson]:
    """One item a series, in order of delivery."""
    series: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for one in outputs:
        place = series.setdefault((one.study_instance_uid, one.series_instance_uid), [])
        place.append((one.sop_class_uid, one.sop_instance_uid))
    return [changes.output(study, uid, references) for (study, uid), references in series.items()]
