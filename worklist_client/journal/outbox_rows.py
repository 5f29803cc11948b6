"""Rows of the outbox to and from SQLite."""

from __future__ import annotations

import hashlib
import sqlite3

from worklist_client.journal.database import optional_time_from_text, text_from_time, time_from_text
from worklist_client.journal.rows import ObjectRow, ObjectState, PackageRow, PackageState


def insert_package(connection: sqlite3.Connection, row: PackageRow, draft_uid: str) -> None:
    """A package as it is signed."""
    signed_at = text_from_time(row.signed_at)
    connection.execute(
        "INSERT INTO packages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'SIGNED', 'SIGNED', '', 0, NULL, ?, ?, '')",
        (
            row.report_id,
            row.workitem_uid,
            row.site_id,
            row.study_instance_uid,
            row.patient_issuer,
            row.patient_id,
            row.accession_number,
            row.text,
            signed_at,
            int(row.stat),
            signed_at,
            draft_uid,
        ),
    )


def insert_object(connection: sqlite3.Connection, row: ObjectRow) -> None:
    """One object as it is signed: its bytes with their hash."""
    connection.execute(
        "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'WAITING', '')",
        (
            row.sop_instance_uid,
            row.report_id,
            row.position,
            row.kind,
            row.sop_class_uid,
            row.series_instance_uid,
            row.study_instance_uid,
            row.transfer_syntax_uid,
            row.content_sha256,
            hashlib.sha256(row.data).hexdigest(),
            row.data,
        ),
    )


def package_of(row: sqlite3.Row) -> PackageRow:
    """The record of a row."""
    return PackageRow(
        report_id=row["report_id"],
        workitem_uid=row["workitem_uid"],
        site_id=row["site_id"],
        study_instance_uid=row["study_instance_uid"],
        patient_issuer=row["patient_issuer"],
        patient_id=row["patient_id"],
        accession_number=row["accession_number"],
        text=row["text"],
        signed_at=time_from_text(row["signed_at"]),
        stat=bool(row["stat"]),
        state=PackageState(row["state"]),
        reached=PackageState(row["reached"]),
        reason=row["reason"],
        tries=row["tries"],
        next_attempt=optional_time_from_text(row["next_attempt"]),
        changed_at=time_from_text(row["changed_at"]),
        draft_uid=row["draft_uid"],
        beside=tuple(row["beside"].split()),
    )


def object_of(row: sqlite3.Row) -> ObjectRow:
    """The record of a row."""
    return ObjectRow(
        report_id=row["report_id"],
        position=row["position"],
        kind=row["kind"],
        sop_class_uid=row["sop_class_uid"],
        sop_instance_uid=row["sop_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        transfer_syntax_uid=row["transfer_syntax_uid"],
        content_sha256=row["content_sha256"],
        data=row["data"],
        state=ObjectState(row["state"]),
        proof=row["proof"],
    )
