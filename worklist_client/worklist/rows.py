"""A workitem as a study to read: the one place where the words of UPS become the words of the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pacs.site import Site
from ups import dicom_json as dj
from ups.changes import FENCED_PERCENT
from ups.codes import SITE_SCHEME, STROKE, Person
from ups.datetimes import datetime_from_dt
from ups.readers import is_same_reader
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.identity.patient import BSN_ISSUERS, PatientIdentity, PatientKey
from worklist_client.worklist.entries import Status, StudyEntry

READY = "READY"


def held_nowhere(_workitem_uid: str) -> bool:
    """A desk without a journal."""
    return False


def entry_from_workitem(
    workitem: Workitem,
    *,
    me: str,
    sites: Mapping[str, Site],
    name: str = "",
    holds: Callable[[str], bool] = held_nowhere,
) -> StudyEntry:
    """The row of a workitem.

    Parameters
    ----------
    me : code of the reader at this desk, as the hub writes it into Actual Human Performers; empty = nobody
    name : the reader's name; where given, a claim from another desk is mine only under it
    holds : whether this desk's journal holds a claim of the workitem; its word counts more than number and name
    sites : the directory; where it does not know the site, times without an offset are UTC and the issuer stays empty
    """
    site = sites.get(workitem.site_id)
    zone = _zone(site)
    is_own = workitem.state is ProcedureStepState.IN_PROGRESS and (_is_by(workitem, me, name) or holds(workitem.uid))
    return StudyEntry(
        workitem_uid=workitem.uid,
        site_id=workitem.site_id,
        study_instance_uid=workitem.study_instance_uid,
        patient=patient_of_workitem(workitem, site),
        status=_status(workitem, is_own=is_own),
        procedure_step_state=workitem.state.value,
        accession_number=workitem.accession_number,
        issuer_of_accession_number=workitem.issuer_of_accession_number,
        modality="/".join(workitem.modalities),
        study_description=workitem.study_description or workitem.requested_procedure_description or workitem.label,
        body_part=workitem.body_part,
        study_datetime=_moment(workitem.study_date + workitem.study_time if workitem.study_date else "", zone),
        priority=workitem.priority or "MEDIUM",
        stat=workitem.stat,
        is_stroke=workitem.setting == STROKE.value,
        expertise=workitem.expertise,
        expertise_text=workitem.expertise_text,
        reserved_for=workitem.reserved_for.name if workitem.reserved_for else "",
        reserved_for_code=workitem.reserved_for.code if workitem.reserved_for else "",
        holder=workitem.holder.name if workitem.holder else "",
        holder_code=workitem.holder.code if workitem.holder else "",
        due=_moment(workitem.due, zone),
        started=_moment(workitem.start, zone),
        images=workitem.images,
        clinical_question=workitem.clinical_question,
        patient_age=workitem.age,
        cancel_reason=_cancel_reason(workitem),
        modified=workitem.modified,
        progress_percent=workitem.progress_percent or 0.0,
        progress_text=workitem.progress_text,
        replaces=workitem.replaces,
        worklist_label=workitem.worklist_label,
        silent_since=_moment(workitem.silent_since, zone),
        elsewhere=workitem.elsewhere,
        is_own=is_own,
        remarks=tuple(code.value for code in workitem.remarks if code.scheme == SITE_SCHEME),
        is_arriving=workitem.readiness == "INCOMPLETE",
    )


def patient_of_workitem(workitem: Workitem, site: Site | None) -> PatientIdentity:
    """Who the site says it is; its default issuer where the tag is absent (design decision 4)."""
    issuer = workitem.issuer_of_patient_id or (site.issuer_of_patient_id if site else "")
    national_ids = [one.patient_id for one in workitem.other_patient_ids if one.issuer in BSN_ISSUERS]
    if workitem.issuer_of_patient_id in BSN_ISSUERS:
        national_ids.insert(0, workitem.patient_id)
    return PatientIdentity(
        key=PatientKey(issuer, workitem.patient_id),
        site_id=workitem.site_id,
        name=_whole_name(workitem),
        birth_date=workitem.birth_date,
        sex=workitem.sex,
        national_id=national_ids[0] if national_ids else "",
    )


def _is_by(workitem: Workitem, me: str, name: str) -> bool:
    """Whether its holder is the reader at this desk. Readers of one practice may share a number."""
    holder = workitem.holder
    return holder is not None and is_same_reader(holder, Person(me, name or holder.name))


def _status(workitem: Workitem, *, is_own: bool) -> Status:
    if workitem.state is ProcedureStepState.CANCELED:
        return Status.CANCELED
    if workitem.state is ProcedureStepState.COMPLETED:
        return Status.REPORTED
    if workitem.state is ProcedureStepState.IN_PROGRESS:
        if (workitem.progress_percent or 0.0) >= FENCED_PERCENT:
            return Status.DELIVERING
        return Status.MINE if is_own else Status.CLAIMED
    if workitem.readiness != READY:
        return Status.INCOMING
    return Status.RESERVED if workitem.reserved_for else Status.AVAILABLE


def _cancel_reason(workitem: Workitem) -> str:
    if workitem.cancel_reason:
        return workitem.cancel_reason
    return workitem.cancel_code.meaning if workitem.cancel_code else ""


def _whole_name(workitem: Workitem) -> str:
    """All component groups as one DICOM text; `Workitem.patient_name` holds the first alone."""
    for value in dj.values(workitem.attributes, "PatientName"):
        if isinstance(value, Mapping):
            groups = [str(value.get(group) or "") for group in ("Alphabetic", "Ideographic", "Phonetic")]
            if groups[0] == workitem.patient_name or not groups[0]:
                return "=".join(groups).rstrip("=")
    return workitem.patient_name


def _zone(site: Site | None) -> tzinfo:
    if site is None:
        return UTC
    try:
        return ZoneInfo(site.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _moment(text: str, zone: tzinfo) -> datetime | None:
    """A DT as an aware datetime; None where it is empty or no date: one wrong date must not hide a study."""
    try:
        return datetime_from_dt(text.strip(), zone) if text.strip() else None
    except ValueError:
        return None
