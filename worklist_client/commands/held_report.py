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
    told = desk.delivery.ways_out.read_again(report_id, patient, cancelled)
    _audit(
        desk, package, "report.withdrawn", "to be read again", f"text bound to {patient.issuer}|{patient.patient_id}"
    )
    desk.cache.forget(package.site_id, package.study_instance_uid)
    return told


def withdraw(desk: Desk, report_id: str, cancelled: Cancelled) -> bool:
    """Take the report back for good, for another one is there; the text is kept. Raises as `read_again`."""
    package = desk.journal.outbox.get(report_id)
    told = desk.delivery.ways_out.withdraw(report_id, cancelled)
    _audit(desk, package, "report.withdrawn", "another report is at the hospital", "")
    return told


def send_beside(desk: Desk, report_id: str, documents: tuple[str, ...]) -> None:
    """Send it although the reader knows of these other reports. Raises as `read_again`."""
    package = desk.journal.outbox.get(report_id)
    desk.delivery.ways_out.send_beside(report_id, documents)
    _audit(desk, package, "report.sent_beside", "another report is at the hospital", " ".join(documents))
    desk.delivery.nudge()


def _audit(desk: Desk, package: PackageRow, event: str, reason: str, details: str) -> None:
    desk.journal.audit.append(
        AuditRow(
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
    )
