"""A signed report as rows of the outbox."""

from __future__ import annotations

from datetime import datetime

from worklist_client.journal import ObjectRow, PackageRow
from worklist_client.report.model import SignedReport


def rows_of(report: SignedReport, text: str, signed_at: datetime, *, stat: bool) -> tuple[PackageRow, list[ObjectRow]]:
    """The package and its objects in order of sending; `text` = the draft as JSON, kept for reading and phoning."""
    package = PackageRow(
        report_id=report.report_id,
        workitem_uid=report.workitem_uid,
        site_id=report.site_id,
        study_instance_uid=report.study_instance_uid,
        patient_issuer=report.patient.key.issuer,
        patient_id=report.patient.key.patient_id,
        accession_number=report.accession_number,
        text=text,
        signed_at=signed_at,
        stat=stat,
    )
    objects = [
        ObjectRow(
            report_id=report.report_id,
            position=position,
            kind=item.kind,
            sop_class_uid=item.sop_class_uid,
            sop_instance_uid=item.sop_instance_uid,
            series_instance_uid=item.series_instance_uid,
            study_instance_uid=item.study_instance_uid,
            transfer_syntax_uid=item.transfer_syntax_uid,
            content_sha256=item.content_sha256,
            data=item.data,
        )
        for position, item in enumerate(report.objects, start=1)
    ]
    return package, objects
