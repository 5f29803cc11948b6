"""What to do after one poll of one site. Pure: answers, known workitems and memory in, a plan out.

A site that is away gives no poll, hence no plan: nothing vanishes because a line is down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pacs.port import StudyAnswer
from pacs.site import Site
from ups import codes
from ups import dicom_json as dj
from ups.changes import FENCED_PERCENT
from ups.codes import (
    INTERPRETATION_CODE,
    NOT_CHECKED,
    ORDER_OF_ANOTHER,
    REPORT_NOT_FINAL,
    SITE_SCHEME,
    TWO_PATIENTS,
    UPS_PUSH,
    Code,
    OtherId,
)
from ups.datetimes import dt_from_datetime
from ups.identifiers import replacement_uid, workitem_uid
from ups.states import ProcedureStepState
from ups.tags import TAG_OF
from ups.workitem import Workitem
from worklist_hub.intake.corrections import age_at, corrections, day_of
from worklist_hub.intake.orders import asked_again, is_of_anothers_order, waiting_orders
from worklist_hub.intake.rules import Rule, RuleBook, StudyFacts

REPORTED: Final = "a report has appeared in the study"
VANISHED: Final = "the study is no longer in the PACS"
REPORTED_CODE: Final = codes.REPORTED
VANISHED_CODE: Final = Code("VANISHED", SITE_SCHEME, "No longer in the PACS")
"""Why intake itself takes a study off the list. A person gives other codes, and what a person took off stays off."""
_BY_INTAKE = tuple((code.value, code.scheme) for code in (REPORTED_CODE, VANISHED_CODE))
STILL_POLLS: Final = 2
MISSING_POLLS: Final = 2
"""So many polls in a row must not find a study before it counts as vanished (a PACS may be indexing)."""


@dataclass(frozen=True, slots=True)
class Found:
    """One study as polled. `count` = instances now; `has_report` = it holds a final one (`pacs.reports`)."""

    answer: StudyAnswer
    count: int
    has_report: bool = False
    has_other_report: bool = False
    """It holds one that is preliminary or does not say what it is."""
    patients: int = 1
    """How many patients the PACS names for it; with more than one, `answer` is about one of them."""

    is_of_anothers_order: bool = False
    """See `intake.orders.is_of_anothers_order`."""

    @property
    def remarks(self) -> tuple[Code, ...]:
        """What the reader has to know of it."""
        said = (
            (TWO_PATIENTS, self.patients > 1),
            (ORDER_OF_ANOTHER, self.is_of_anothers_order),
            (REPORT_NOT_FINAL, self.has_other_report),
        )
        return tuple(code for code, is_so in said if is_so)


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier polls saw of one study."""

    count: int = -1
    still: int = 0
    """How many polls in a row have seen `count`."""
    missing: int = 0
    """How many polls in a row have not seen the study."""
    too_old: bool = False
    """It was there at the first poll already, and is older than the lookback."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Of one site; starts empty, lost at a restart without harm."""

    studies: Mapping[str, Remembered] = field(default_factory=dict)
    is_first: bool = True
    since: datetime | None = None
    """What the first poll finds is new from then on (`gaps.asked_from`); None = the lookback."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the store is to be told, and what to remember."""

    create: tuple[Workitem, ...] = ()
    update: tuple[tuple[str, dict[str, Any]], ...] = ()
    cancel: tuple[tuple[str, Code, str], ...] = ()
    tell: tuple[tuple[str, dict[str, Any]], ...] = ()
    """The same as `update`, for those who hold the study."""
    memory: Memory = Memory(is_first=False)


def one_answer(site: Site, answers: Sequence[StudyAnswer], listed_patient_id: str = "") -> tuple[StudyAnswer, int]:
    """All answers about one study as one, and how many patients they name.

    An archive that keys studies by patient answers twice where two patients' images came under one Study Instance UID.
    The patient on the list stays; else it is the first by number, the same at every poll.
    """
    by_patient: dict[tuple[str, str], StudyAnswer] = {}
    for answer in answers:
        key = (answer.patient_id or answer.patient_name, answer.issuer_of_patient_id or site.issuer_of_patient_id)
        by_patient.setdefault(key, answer)
    kept = sorted(by_patient.values(), key=_patient_order)
    first = next((one for one in kept if one.patient_id == listed_patient_id), kept[0])
    if len(kept) == 1:
        return first, 1
    counts = [one.number_of_instances for one in kept]
    return replace(
        first,
        modalities=tuple(dict.fromkeys(name for one in (first, *kept) for name in one.modalities)),
        number_of_instances=None if None in counts else sum(number or 0 for number in counts),
    ), len(kept)


def _patient_order(answer: StudyAnswer) -> tuple[str, str, str]:
    return (answer.patient_id, answer.issuer_of_patient_id, answer.patient_name)


def study_date_range(site: Site, now: datetime) -> str:
    """Study dates to ask for, in the site's time zone. Open at the end: some clocks run ahead."""
    first = (now - timedelta(hours=site.lookback_h)).astimezone(ZoneInfo(site.time_zone)).date()
    return f"{first:%Y%m%d}-"


def is_recent(site: Site, answer: StudyAnswer, now: datetime, since: datetime | None = None) -> bool:
    """Whether Study Date and Time lie within the lookback, or after `since`; without a time the whole day counts,
    without a date not."""
    taken = taken_at(site, answer)
    return taken is not None and taken >= (since or now - timedelta(hours=site.lookback_h))


def taken_at(site: Site, answer: StudyAnswer) -> datetime | None:
    """Study Date and Time by the clock of the site; without a time the end of the day, without a date None."""
    day = day_of(answer.study_date)
    if day is None:
        return None
    text = answer.study_time.replace(":", "")[:6].ljust(6, "0")
    clock = text if answer.study_time and text.isascii() and text.isdigit() else "235959"
    hour, minute, second = (min(int(clock[at : at + 2]), most) for at, most in ((0, 23), (2, 59), (4, 59)))
    return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=ZoneInfo(site.time_zone))


def plan(
    site: Site,
    found: Sequence[Found],
    known: Iterable[Workitem],
    memory: Memory,
    rules: RuleBook,
    now: datetime,
    others: Collection[str] = frozenset(),
) -> Plan:
    """What to create, mark READY and cancel, and what to tell those who are reading.

    Parameters
    ----------
    found : studies of the site: with those of `others` every one within `study_date_range`, and every study of `known`
        that the site still has
    known : the open workitems of the site, whoever made them
    others : studies that are not judged in this call; what is remembered of them stays
    """
    known = tuple(known)
    orders = waiting_orders(known)
    by_study = {item.answer.study_instance_uid: item for item in found}
    open_items = {item.study_instance_uid: item for item in known if item.study_instance_uid}
    studies = {study: seen for study, seen in memory.studies.items() if study in others}
    create: list[Workitem] = []
    update: list[tuple[str, dict[str, Any]]] = []
    cancel: list[tuple[str, Code, str]] = []
    tell: list[tuple[str, dict[str, Any]]] = []
    for study, seen_now in by_study.items():
        workitem, before = open_items.get(study), memory.studies.get(study)
        is_anothers = is_of_anothers_order(site, orders, workitem, seen_now.answer)
        item = replace(seen_now, is_of_anothers_order=is_anothers)
        after = _look(site, item, before, memory, now)
        studies[study] = after
        if workitem is None:
            rule = rules.rule_for(facts_of(site, item.answer), now, site)
            if rule is not None and rule.read and not item.has_report and not after.too_old:
                create.append(new_workitem(site, item, rule, now, rules.due_at(rule, now, site)))
        elif workitem.state is ProcedureStepState.SCHEDULED:
            if item.has_report:
                cancel.append((workitem.uid, REPORTED_CODE, REPORTED))
            elif changes := _changes(workitem, after) | _remarks(workitem, item) | _corrections(site, workitem, item):
                update.append((workitem.uid, changes))
        elif changes := _news(site, workitem, item, after):
            tell.append((workitem.uid, changes))
    for study, workitem in open_items.items():
        if study in by_study or study in others or workitem.state is not ProcedureStepState.SCHEDULED:
            continue
        missing = memory.studies.get(study, Remembered()).missing + 1
        studies[study] = Remembered(missing=missing)
        if missing >= MISSING_POLLS:
            cancel.append((workitem.uid, VANISHED_CODE, VANISHED))
    return Plan(tuple(create), tuple(update), tuple(cancel), tuple(tell), Memory(studies, is_first=False))


def new_workitem(site: Site, item: Found, rule: Rule, now: datetime, due: datetime | None) -> Workitem:
    """The workitem of a study to read, INCOMPLETE until its images stand still."""
    answer = item.answer
    description = answer.study_description or "\\".join(answer.modalities)
    return Workitem(
        uid=workitem_uid(site.site_id, answer.study_instance_uid),
        readiness="INCOMPLETE",
        priority=rule.whole_priority,
        stat=rule.whole_setting == "STAT",
        setting="" if rule.whole_setting == "STAT" else rule.whole_setting,
        elsewhere=rule.elsewhere,
        worklist_label=rule.queue,
        remarks=item.remarks,
        label=(description or "Study to read")[:64],
        workitem_code=INTERPRETATION_CODE,
        patient_name=answer.patient_name,
        patient_id=answer.patient_id,
        issuer_of_patient_id=answer.issuer_of_patient_id or site.issuer_of_patient_id,
        other_patient_ids=tuple(OtherId(number, issuer) for number, issuer in answer.other_patient_ids),
        birth_date=answer.patient_birth_date,
        sex=answer.patient_sex,
        age=age_at(answer.patient_birth_date, answer.study_date),
        study_instance_uid=answer.study_instance_uid,
        accession_number=answer.accession_number,
        requested_procedure_description=answer.study_description,
        modalities=answer.modalities,
        study_description=answer.study_description,
        body_part=rule.body_part or next(iter(answer.body_parts), ""),
        study_date=answer.study_date,
        study_time=answer.study_time,
        images=item.count,
        site_id=site.site_id,
        site_name=site.name,
        expertise=rule.expertise,
        expertise_text=rule.expertise_text or rule.expertise,
        start=dt_from_datetime(now),
        due=dt_from_datetime(due) if due else "",
        attributes=_attributes(answer.study_instance_uid, rule.expertise_scheme),
    )


def after(last: Workitem | None, fresh: Workitem) -> Workitem | None:
    """What to put on the list, given the last workitem of this study; None where it does not belong there again.

    What intake withdrew comes back as a replacement: its UID follows from the old one, so that two who poll make one.
    It is due when it was due before: being away gives no time.
    """
    if last is None:
        return fresh
    if last.state is not ProcedureStepState.CANCELED or last.cancel_code is None:
        return None
    if (last.cancel_code.value, last.cancel_code.scheme) not in _BY_INTAKE:
        return None
    again = replace(fresh, uid=replacement_uid(last.uid), replaces=last.uid, due=last.due or fresh.due)
    return asked_again(last, again)


def _look(site: Site, item: Found, before: Remembered | None, memory: Memory, now: datetime) -> Remembered:
    """Compare with the last poll. A study that comes in later is new, however old: it has arrived just now."""
    if before is None or before.missing:
        too_old = (before is None and memory.is_first) and not is_recent(site, item.answer, now, memory.since)
        return Remembered(count=item.count, still=1, too_old=too_old)
    still = before.still + 1 if before.count == item.count else 1
    return Remembered(count=item.count, still=still, too_old=before.too_old)


def _changes(workitem: Workitem, seen: Remembered) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    readiness = "READY" if seen.still >= STILL_POLLS else "INCOMPLETE"
    if workitem.images != seen.count:
        dj.put(changes, "NumberOfStudyRelatedInstances", seen.count)
    elif workitem.readiness == "READY":
        return {}
    if workitem.readiness != readiness:
        dj.put(changes, "InputReadinessState", readiness)
    return changes


def _remarks(workitem: Workitem, item: Found) -> dict[str, Any]:
    """Ours as they are now; those of others stay."""
    noticed = (TWO_PATIENTS, ORDER_OF_ANOTHER, REPORT_NOT_FINAL, NOT_CHECKED)
    by_value = {code.value for code in noticed}
    remarks = (*(code for code in workitem.remarks if code.value not in by_value), *item.remarks)
    if workitem.remarks == remarks:
        return {}
    tag = TAG_OF["ScheduledProcessingParametersSequence"]
    return {tag: replace(workitem, remarks=remarks).to_json().get(tag, {"vr": "SQ"})}


def _corrections(site: Site, workitem: Workitem, item: Found) -> dict[str, Any]:
    """Where the hospital names two patients, nobody can say which is right: nothing is corrected."""
    return corrections(site, workitem, item.answer) if item.patients == 1 else {}


def _news(site: Site, workitem: Workitem, item: Found, seen: Remembered) -> dict[str, Any]:
    """For who is reading it: images that came after the claim, and remarks. Whose study it is stays as claimed, but for
    one that was given back and claimed again before anybody asked the hospital. Of what is signed nothing is said: the
    count grows by the report itself."""
    if (workitem.progress_percent or 0.0) >= FENCED_PERCENT:
        return {}
    corrected = _corrections(site, workitem, item) if NOT_CHECKED in workitem.remarks else {}
    return _changes(workitem, seen) | _remarks(workitem, item) | corrected


def facts_of(site: Site, answer: StudyAnswer) -> StudyFacts:
    """What rules look at."""
    return StudyFacts(site.site_id, answer.modalities, answer.station_name, answer.study_description)


def _attributes(study_instance_uid: str, expertise_scheme: str) -> dict[str, Any]:
    item = dj.make(TypeOfInstances="DICOM", StudyInstanceUID=study_instance_uid)
    attributes = dj.make(SOPClassUID=UPS_PUSH)
    dj.put_items(attributes, "InputInformationSequence", [item])
    if expertise_scheme:
        scheme = dj.make(CodingSchemeDesignator=expertise_scheme)
        dj.put_items(attributes, "ScheduledStationClassCodeSequence", [scheme])
    return attributes
