"""What a person can do about a held report: take it back to read again, take it back for good, or send it all the same.

Nothing here sends. Every decision is one journal transaction, and refused where the report itself may have left: then
its hospital decides what becomes of it. What the shared worklist has to be told follows, now or with the heartbeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pacs.errors import PacsError
from pacs.port import Cancelled, Pacs, StudyQuery
from pacs.site import Site
from worklist_client.delivery.errors import DeliveryError, NoWayOut
from worklist_client.delivery.reasons import Cause, Reason, reason_of
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.journal import (
    AuditRow,
    ClaimState,
    ObjectRow,
    ObjectState,
    Outbox,
    PackageRow,
    PackageState,
    Seen,
    Withdrawal,
    WrongRowState,
)
from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.errors import DraftUnreadable

HELD = (PackageState.ATTENTION, PackageState.BLOCKED)
READ_AGAIN = Reason("withdrawn by you, to be read again")
REPORTED = Reason("withdrawn by you, another report is at the hospital")


class Way(StrEnum):
    """What a person may choose."""

    SEND_AGAIN = "send again"
    READ_AGAIN = "withdraw and read again"
    WITHDRAW = "withdraw"
    SEND_BESIDE = "send mine too"


class GivesUp(Protocol):
    """What a withdrawal needs of the claim desk."""

    def give_up(self, workitem_uid: str) -> bool:
        """Tell the shared worklist what the journal says; False = later."""


@dataclass(frozen=True)
class Origin:
    """Whose study it was when it was signed, and what its hospital says now; None: it does not hold it any more."""

    signed: PatientIdentity
    signed_accession: str
    now: PatientIdentity | None
    now_accession: str = ""


@dataclass(frozen=True)
class _Decision:
    """What a withdrawal makes of the text and of the study; `documents` = the other reports it rests on."""

    patient: PatientKey
    reason: Reason
    claim: ClaimState
    documents: tuple[str, ...] | None = None


Reach = Callable[[PackageRow], tuple[Site, Pacs]]


def ways_of(package: PackageRow) -> tuple[Way, ...]:
    """What may be chosen for a report, the most likely first. Empty while it goes on by itself."""
    if package.state is PackageState.RETRY:
        return (Way.SEND_AGAIN,)
    if package.state not in HELD:
        return ()
    if package.reached not in (PackageState.SIGNED, PackageState.FENCED):
        return (Way.SEND_AGAIN,)
    if reason_of(package.reason).cause is Cause.OTHER_REPORT:
        return (Way.WITHDRAW, Way.SEND_BESIDE, Way.SEND_AGAIN)
    return (Way.READ_AGAIN, Way.SEND_AGAIN)


class WaysOut:
    """The decisions. Blocking: for background work."""

    def __init__(self, outbox: Outbox, desk: GivesUp, reach: Reach, now: Callable[[], datetime]) -> None:
        """`reach` gives the origin of a report and its archive; it raises `DeliveryError`."""
        self._outbox, self._desk, self._reach, self._now = outbox, desk, reach, now

    def origin_of(self, report_id: str, cancelled: Cancelled) -> Origin:
        """Ask the hospital who the patient of the study is now.

        Raises
        ------
        PacsError, DeliveryError : the hospital cannot be asked now
        NoWayOut : it gives several answers that do not agree
        """
        package = self._outbox.get(report_id)
        site, pacs = self._reach(package)
        query = StudyQuery(study_instance_uid=package.study_instance_uid)
        answers = [
            answer
            for answer in pacs.search_for_studies(query, cancelled)
            if answer.study_instance_uid == package.study_instance_uid
        ]
        signed = signed_patient(package)
        found = []
        for answer in answers:
            same = answer.patient_id == package.patient_id
            issuer = answer.issuer_of_patient_id or (package.patient_issuer if same else site.issuer_of_patient_id)
            key = PatientKey(issuer, answer.patient_id)
            person = PatientIdentity(
                key, package.site_id, answer.patient_name, answer.patient_birth_date, answer.patient_sex
            )
            found.append(Origin(signed, package.accession_number, person, answer.accession_number))
        if len({(one.now, one.now_accession) for one in found}) > 1:
            raise NoWayOut("the hospital holds this study under several patients: ask its PACS administration")
        return found[0] if found else Origin(signed, package.accession_number, None)

    def read_again(
        self, report_id: str, patient: PatientKey, cancelled: Cancelled, audit: AuditRow | None = None
    ) -> bool:
        """Take a held report back: never sent, its text becomes the draft of the study again, bound to `patient`, whom
        the reader has just compared. Whether the shared worklist knows already. Raises `NoWayOut`."""
        return self._withdraw(report_id, _Decision(patient, READ_AGAIN, ClaimState.RELEASING), audit, cancelled)

    def withdraw(
        self, report_id: str, documents: tuple[str, ...], cancelled: Cancelled, audit: AuditRow | None = None
    ) -> bool:
        """Take it back because these other reports are there: never sent, its text kept, the study off the list. The
        hospital is asked once more whether it holds them. Raises `NoWayOut`."""
        package = self._outbox.get(report_id)
        patient = PatientKey(package.patient_issuer, package.patient_id)
        decision = _Decision(patient, REPORTED, ClaimState.CLOSING, documents)
        return self._withdraw(report_id, decision, audit, cancelled)

    def send_beside(self, report_id: str, documents: tuple[str, ...], audit: AuditRow | None = None) -> None:
        """Send it although these other reports are there. Raises `NoWayOut` where others came meanwhile."""
        _require_same(self._outbox.seen(report_id), documents)
        try:
            self._outbox.send_beside(report_id, documents, self._now(), audit)
        except WrongRowState as error:
            raise NoWayOut("this report is not held any more") from error

    def leaves_some(self, report_id: str) -> bool:
        """Whether the hospital may keep drawings of this report although it does not hold the report."""
        return self._outbox.seen(report_id).leaves_some

    def _withdraw(self, report_id: str, decision: _Decision, audit: AuditRow | None, cancelled: Cancelled) -> bool:
        package, seen = self._outbox.get(report_id), self._outbox.seen(report_id)
        if seen.state not in HELD and seen.state is not PackageState.WITHDRAWN:
            raise NoWayOut("this report is not held any more")
        if decision.documents is not None and seen.state is not PackageState.WITHDRAWN:
            _require_same(seen, decision.documents)
            self._require_there(package, decision.documents, cancelled)
        held = Withdrawal(
            report_id,
            decision.reason.to_text(),
            decision.patient.issuer,
            decision.patient.patient_id,
            seen,
            decision.claim,
            decision.reason.english,
            is_not_there=self._is_not_there(package, cancelled),
            audit=audit,
        )
        try:
            self._outbox.withdraw_held(held, self._now())
        except WrongRowState as error:
            raise NoWayOut("something happened to this report meanwhile: look at it again") from error
        return self._desk.give_up(package.workitem_uid)

    def _require_there(self, package: PackageRow, documents: tuple[str, ...], cancelled: Cancelled) -> None:
        """Raises `NoWayOut` unless the hospital holds each of them now."""
        try:
            _, pacs = self._reach(package)
            answers = pacs.search_for_instances(package.study_instance_uid, "", cancelled)
        except (PacsError, DeliveryError) as error:
            raise NoWayOut(
                "the hospital does not say now whether it still holds the other report: {why}", why=error.reason
            ) from error
        if set(documents) - {answer.sop_instance_uid for answer in answers}:
            raise NoWayOut("the other report is not at the hospital any more: choose “Send again”")

    def _is_not_there(self, package: PackageRow, cancelled: Cancelled) -> bool:
        """Whether the hospital had to be asked, and does not hold the report. Raises `NoWayOut` where it does, or
        cannot be asked."""
        report = self._outbox.objects(package.report_id)[-1]
        if report.state is ObjectState.WAITING and not report.proof:
            return False
        try:
            _, pacs = self._reach(package)
            is_held = self._holds(report, pacs, cancelled)
        except (PacsError, DeliveryError) as error:
            raise NoWayOut(
                "sending had begun, and the hospital does not say now whether it holds the report: {why}",
                why=error.reason,
            ) from error
        if is_held:
            raise NoWayOut("the report is at the hospital already: ask its PACS administration to remove it")
        return True

    @staticmethod
    def _holds(report: ObjectRow, pacs: Pacs, cancelled: Cancelled) -> bool:
        answers = pacs.search_for_instances(report.study_instance_uid, "", cancelled)
        return any(answer.sop_instance_uid == report.sop_instance_uid for answer in answers)


def signed_patient(package: PackageRow) -> PatientIdentity:
    """Who the signed text says the patient is; the key alone where it cannot be read."""
    try:
        return draft_from_json(package.text).patient
    except DraftUnreadable:
        return PatientIdentity(PatientKey(package.patient_issuer, package.patient_id), package.site_id)


def _require_same(seen: Seen, documents: tuple[str, ...]) -> None:
    """Raises `NoWayOut` unless it is held because of these very reports."""
    why = reason_of(seen.reason)
    known = set(why.field("documents").split())
    if why.cause is not Cause.OTHER_REPORT or not known or known != set(documents):
        raise NoWayOut("the reason changed meanwhile: look at it again")
