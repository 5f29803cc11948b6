"""Confirmed patient links: that two keys are one person, for one workitem, with what the reader saw and ticked."""

from __future__ import annotations

import json

from worklist_client.journal.database import Database, text_from_time, time_from_text
from worklist_client.journal.rows import LinkRow


class LinkTable:
    """Links are valid for their workitem alone; a released study's replacement asks again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def confirm(self, row: LinkRow) -> None:
        """Write a link; confirming the same pair again for the same workitem replaces it."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    row.workitem_uid,
                    row.left_issuer,
                    row.left_patient_id,
                    row.right_issuer,
                    row.right_patient_id,
                    row.verdict,
                    json.dumps(row.identifiers),
                    row.evidence,
                    row.reader_code,
                    text_from_time(row.confirmed_at),
                ),
            )

    def of_workitem(self, workitem_uid: str) -> list[LinkRow]:
        """Every link confirmed for this workitem."""
        rows = self._database.rows("SELECT * FROM links WHERE workitem_uid = ? ORDER BY confirmed_at", (workitem_uid,))
        return [
            LinkRow(
                workitem_uid=row["workitem_uid"],
                left_issuer=row["left_issuer"],
                left_patient_id=row["left_patient_id"],
                right_issuer=row["right_issuer"],
                right_patient_id=row["right_patient_id"],
                verdict=row["verdict"],
                identifiers=tuple(json.loads(row["identifiers"])),
                evidence=row["evidence"],
                reader_code=row["reader_code"],
                confirmed_at=time_from_text(row["confirmed_at"]),
            )
            for row in rows
        ]
