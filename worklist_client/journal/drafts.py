"""Drafts: saved every two seconds at most, never overwritten by an older text, kept as orphans when a claim is lost."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime

from worklist_client.journal.database import Database, text_from_time, time_from_text
from worklist_client.journal.errors import RowMissing, StaleRevision, WrongRowState
from worklist_client.journal.rows import DraftRow, DraftState

_ENDS = {
    DraftState.EDITING: (DraftState.ORPHAN, DraftState.DISCARDED),
    DraftState.SIGNED: (DraftState.ORPHAN,),
    DraftState.ORPHAN: (DraftState.DISCARDED,),
    DraftState.DISCARDED: (),
}
"""Where `set_state` may lead; SIGNED is reached by `Outbox.sign` alone, in its transaction."""


class DraftTable:
    """At most one editable draft a workitem."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, row: DraftRow) -> DraftRow:
        """Insert or update an editable draft; on disk when it returns.

        Raises
        ------
        StaleRevision : the stored text is newer or as new
        WrongRowState : the draft was signed, orphaned or discarded meanwhile
        """
        with self._database.transaction() as connection:
            found = connection.execute("SELECT * FROM drafts WHERE draft_uid = ?", (row.draft_uid,)).fetchone()
            if found is None:
                return _insert(connection, row)
            if found["state"] != DraftState.EDITING:
                raise WrongRowState("drafts", found["state"], "saved")
            if found["workitem_uid"] != row.workitem_uid or found["study_instance_uid"] != row.study_instance_uid:
                raise WrongRowState("drafts", "bound to one study", "another study")
            if found["revision"] >= row.revision:
                raise StaleRevision(found["revision"], row.revision)
            connection.execute(
                "UPDATE drafts SET content = ?, revision = ?, saved_at = ? WHERE draft_uid = ?",
                (row.content, row.revision, text_from_time(row.saved_at), row.draft_uid),
            )
            return replace(row, created_at=time_from_text(found["created_at"]), state=DraftState.EDITING)

    def editable(self, workitem_uid: str) -> list[DraftRow]:
        """The one editable draft of a workitem, or none."""
        return self._select("WHERE workitem_uid = ? AND state = 'EDITING'", (workitem_uid,))

    def in_state(self, state: DraftState) -> list[DraftRow]:
        """All drafts in a state, last saved first: EDITING ones are recovered at start, ORPHAN ones are shown."""
        return self._select("WHERE state = ? ORDER BY saved_at DESC", (state.value,))

    def get(self, draft_uid: str) -> DraftRow:
        """One draft. Raises `RowMissing`."""
        rows = self._select("WHERE draft_uid = ?", (draft_uid,))
        if not rows:
            raise RowMissing("drafts")
        return rows[0]

    def orphan(self, draft_uid: str, reason: str) -> DraftRow:
        """Keep the text, read-only, because the claim is gone; `reason` says why. Repeating it changes nothing."""
        return self._end(draft_uid, DraftState.ORPHAN, reason)

    def orphan_of_workitem(self, workitem_uid: str, reason: str) -> list[DraftRow]:
        """Orphan the editable draft of a workitem, where there is one."""
        return [self.orphan(row.draft_uid, reason) for row in self.editable(workitem_uid)]

    def discard(self, draft_uid: str, reason: str) -> DraftRow:
        """The author threw it away; the text stays in the file until it is wiped."""
        return self._end(draft_uid, DraftState.DISCARDED, reason)

    def adopt(self, draft_uid: str, workitem_uid: str, at: datetime) -> DraftRow:
        """The author claimed the same study again: the orphan becomes the editable draft of the new workitem.

        Raises `WrongRowState` where it is no orphan or the workitem has an editable draft already.
        """
        row = self.get(draft_uid)
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE drafts SET state = 'EDITING', reason = '', workitem_uid = ?, revision = revision + 1,"
                " saved_at = ? WHERE draft_uid = ? AND state = 'ORPHAN' AND NOT EXISTS"
                " (SELECT 1 FROM drafts WHERE workitem_uid = ? AND state = 'EDITING')",
                (workitem_uid, text_from_time(at), draft_uid, workitem_uid),
            ).rowcount
            if changed != 1:
                raise WrongRowState("drafts", row.state, DraftState.EDITING)
        return self.get(draft_uid)

    def _end(self, draft_uid: str, state: DraftState, reason: str) -> DraftRow:
        row = self.get(draft_uid)
        if row.state is state:
            return row
        allowed = [before.value for before, after in _ENDS.items() if state in after]
        with self._database.transaction() as connection:
            marks = ", ".join("?" * len(allowed))
            changed = connection.execute(
                f"UPDATE drafts SET state = ?, reason = ? WHERE draft_uid = ? AND state IN ({marks})",
                (state.value, reason, draft_uid, *allowed),
            ).rowcount
            if changed != 1:
                raise WrongRowState("drafts", row.state, state)
        return replace(row, state=state, reason=reason)

    def _select(self, where: str, values: tuple[object, ...]) -> list[DraftRow]:
        return [_row(row) for row in self._database.rows(f"SELECT * FROM drafts {where}", values)]


def _insert(connection: sqlite3.Connection, row: DraftRow) -> DraftRow:
    other = connection.execute(
        "SELECT 1 FROM drafts WHERE workitem_uid = ? AND state = 'EDITING'", (row.workitem_uid,)
    ).fetchone()
    if other is not None:
        raise WrongRowState("drafts", "another editable draft", "a second one for the same workitem")
    connection.execute(
        "INSERT INTO drafts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'EDITING', '', ?)",
        (
            row.draft_uid,
            row.workitem_uid,
            row.site_id,
            row.study_instance_uid,
            row.patient_issuer,
            row.patient_id,
            row.content,
            row.revision,
            text_from_time(row.saved_at),
            text_from_time(row.saved_at),
        ),
    )
    return replace(row, created_at=row.saved_at, state=DraftState.EDITING, reason="")


def _row(row: sqlite3.Row) -> DraftRow:
    return DraftRow(
        draft_uid=row["draft_uid"],
        workitem_uid=row["workitem_uid"],
        site_id=row["site_id"],
        study_instance_uid=row["study_instance_uid"],
        patient_issuer=row["patient_issuer"],
        patient_id=row["patient_id"],
        content=row["content"],
        revision=row["revision"],
        saved_at=time_from_text(row["saved_at"]),
        state=DraftState(row["state"]),
        reason=row["reason"],
        created_at=time_from_text(row["created_at"]),
    )
