"""Claims: written before they are sent, so that after a crash the Transaction UID is still ours (PS3.4 CC.2.1.2)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from worklist_client.journal.database import Database, text_from_time, time_from_text
from worklist_client.journal.errors import RowMissing
from worklist_client.journal.rows import OPEN_CLAIM_STATES, ClaimRow, ClaimState


class ClaimTable:
    """At most one open claim a workitem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(
        self,
        workitem_uid: str,
        transaction_uid: str,
        at: datetime,
        *,
        site_id: str = "",
        study_instance_uid: str = "",
    ) -> ClaimRow:
        """Write a new claim as ASKED and return it; where one is open already, return that one unchanged.

        Keeping the older Transaction UID makes asking twice harmless: the hub accepts its replay.
        """
        with self._database.transaction() as connection:
            found = connection.execute(
                "SELECT * FROM claims WHERE workitem_uid = ? AND is_open = 1", (workitem_uid,)
            ).fetchone()
            if found is not None:
                return _row(found)
            row = ClaimRow(workitem_uid, transaction_uid, ClaimState.ASKED, at, at, site_id, study_instance_uid)
            connection.execute(
                "INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', 1, NULL)",
                (
                    transaction_uid,
                    workitem_uid,
                    row.state.value,
                    text_from_time(at),
                    text_from_time(at),
                    site_id,
                    study_instance_uid,
                ),
            )
            return row

    def set_state(
        self,
        workitem_uid: str,
        state: ClaimState,
        at: datetime,
        *,
        holder: str = "",
        reason: str = "",
        outputs: str | None = None,
    ) -> ClaimRow:
        """Change the open claim of a workitem. Raises `RowMissing` where none is open."""
        with self._database.transaction() as connection:
            found = connection.execute(
                "SELECT * FROM claims WHERE workitem_uid = ? AND is_open = 1", (workitem_uid,)
            ).fetchone()
            if found is None:
                raise RowMissing("claims")
            connection.execute(
                "UPDATE claims SET state = ?, changed_at = ?, holder = ?, reason = ?, outputs = ?, is_open = ?"
                " WHERE transaction_uid = ?",
                (
                    state.value,
                    text_from_time(at),
                    holder,
                    reason,
                    found["outputs"] if outputs is None else outputs,
                    int(state in OPEN_CLAIM_STATES),
                    found["transaction_uid"],
                ),
            )
            changed = connection.execute(
                "SELECT * FROM claims WHERE transaction_uid = ?", (found["transaction_uid"],)
            ).fetchone()
            return _row(changed)

    def note_documents(self, workitem_uid: str, documents: Sequence[str]) -> tuple[str, ...]:
        """What the hospital held in words when the study was first opened under its open claim. Written once: the first
        note stays, and comes back. Raises `RowMissing` where no claim is open."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE claims SET documents = ? WHERE workitem_uid = ? AND is_open = 1 AND documents IS NULL",
                (" ".join(documents), workitem_uid),
            )
            found = connection.execute(
                "SELECT documents FROM claims WHERE workitem_uid = ? AND is_open = 1", (workitem_uid,)
            ).fetchone()
            if found is None:
                raise RowMissing("claims")
            return tuple(str(found["documents"]).split())

    def open_claim(self, workitem_uid: str) -> ClaimRow:
        """The open claim of a workitem. Raises `RowMissing`."""
        rows = self._database.rows("SELECT * FROM claims WHERE workitem_uid = ? AND is_open = 1", (workitem_uid,))
        if not rows:
            raise RowMissing("claims")
        return _row(rows[0])

    def open_claims(self) -> list[ClaimRow]:
        """Every claim that may still be ours, oldest first."""
        return [_row(row) for row in self._database.rows("SELECT * FROM claims WHERE is_open = 1 ORDER BY asked_at")]

    def history(self, workitem_uid: str) -> list[ClaimRow]:
        """Every claim ever made of a workitem, oldest first."""
        rows = self._database.rows("SELECT * FROM claims WHERE workitem_uid = ? ORDER BY asked_at", (workitem_uid,))
        return [_row(row) for row in rows]


def _row(row: sqlite3.Row) -> ClaimRow:
    return ClaimRow(
        workitem_uid=row["workitem_uid"],
        transaction_uid=row["transaction_uid"],
        state=ClaimState(row["state"]),
        asked_at=time_from_text(row["asked_at"]),
        changed_at=time_from_text(row["changed_at"]),
        site_id=row["site_id"],
        study_instance_uid=row["study_instance_uid"],
        holder=row["holder"],
        reason=row["reason"],
        outputs=row["outputs"],
    )
