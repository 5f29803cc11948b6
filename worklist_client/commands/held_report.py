"""What a reader decides about a report that is held: each decision with its line in the audit trail. Background."""

from __future__ import annotations

from pacs.port import Cancelled
from worklist_client.commands.desk import Desk
from worklist_client.delivery.ways_out import Origin
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import AuditRow, PackageRow


def origin_of(desk: Desk, report_id: str, cancelled: Cancelled) -> Origin:
    """Whose study it was when it was signed, and what its hospital says now. Raises `PacsError`, `DeliveryError`."""
    return desk.delivery.ways_out.origin_of(report_id, cancelled)


def read_again(desk: Desk, report_id: str, patient: PatientKey, cancelled: Cancelled) -> bool:
    """Take the report back; its text belongs to `patient`, whom the reader has compared, and opens with the next claim.

    The images that are here carry the patient of before, so they are fetched anew. Whether the shared worklist knows
    already. Raises `NoWayOut`, `JournalError`.
    """
    package = desk.journal.outbox.get(report_id)
    # First: should the program end in between, images that were fetched once too often are no harm, stale ones are.
    desk.cache.forget(package.site_id, package.study_instance_uid)
    details = f"text bound to {patient.issuer}|{patient.patient_id}"
    line = _audit_line(desk, package, "report.withdrawn", "to be read again", details)
    return desk.delivery.ways_out.read_again(report_id, patient, cancelled, line)


def withdraw(desk: Desk, report_id: str, documents: tuple[str, ...], cancelled: Cancelled) -> bool:
    """Take the report back, for these other ones are there; the text is kept. Raises as `read_again`."""
    package = desk.journal.outbox.get(report_id)
    line = _audit_line(desk, package, "report.withdrawn", "another report is at the hospital", " ".join(documents))
    return desk.delivery.ways_out.withdraw(report_id, documents, cancelled, line)


def send_beside(desk: Desk, report_id: str, documents: tuple[str, ...]) -> None:
    """Send it although the reader knows of these other reports. Raises as `read_again`."""
    package = desk.journal.outbox.get(report_id)
    line = _audit_line(desk, package, "report.sent_beside", "another report is at the hospital", " ".join(documents))
    desk.delivery.ways_out.send_beside(report_id, documents, line)
    desk.delivery.nudge()


def leaves_some(desk: Desk, report_id: str) -> bool:
    """Whether the hospital may keep drawings of this report although it does not hold the report."""
    return desk.delivery.ways_out.leaves_some(report_id)


def _audit_line(desk: Desk, package: PackageRow, event: str, reason: str, details: str) -> AuditRow:
    return AuditRow(
        at=desk.now(),
        event=event,
        reader_code=desk.reader.code,
        site_id=package.site_id,
        study_instance_uid=package.study_instance_uid,
        patient_issuer=package.patient_issuer,
        patient_id=package.patient_id,
        workitem_uid=package.workitem_uid,
        reason=reason,
        details=" ".join(part for part in (package.report_id, details) if part),
    )
