"""The outbox: signed reports on their way home. Each step is written before the next is done (design decision 8)."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from datetime import datetime

from worklist_client.journal.audit import append_line
from worklist_client.journal.database import Database, text_from_time
from worklist_client.journal.errors import AlreadySigned, JournalDamaged, RowMissing, WrongRowState
from worklist_client.journal.outbox_rows import insert_object, insert_package, object_of, package_of
from worklist_client.journal.rows import (
    FINAL_PACKAGE_STATES,
    MAIN_PACKAGE_STATES,
    AuditRow,
    ObjectRow,
    ObjectState,
    PackageRow,
    PackageState,
    Seen,
    Withdrawal,
)
from worklist_client.journal.withdrawing import seen_in, withdraw_held

_OBJECTS_NEED = {
    PackageState.STORED: (ObjectState.STORED, ObjectState.VERIFIED),
    PackageState.VERIFIED: (ObjectState.VERIFIED,),
    PackageState.DONE: (ObjectState.VERIFIED,),
}
"""A package is never further than the last of its objects."""


class Outbox:
    """Packages and their objects. Bytes are frozen at `sign`; only states, reasons and times change after it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sign(self, package: PackageRow, objects: Sequence[ObjectRow], draft_uid: str) -> PackageRow:
        """Write text, bytes, hashes and rows, and end the draft, in one transaction. Repeating it changes nothing.

        Raises
        ------
        AlreadySigned : the workitem has another report, or this one with other bytes
        RowMissing, WrongRowState : the draft is not the workitem's editable one
        ValueError : no objects, or an object of another report or study
        """
        _require_one_study(package, objects)
        with self._database.transaction() as connection:
            if _is_signed_already(connection, package, objects):
                return package_of(_find(connection, package.report_id))
            _end_draft(connection, draft_uid, package.workitem_uid)
            insert_package(connection, package, draft_uid)
            for row in objects:
                insert_object(connection, row)
            return package_of(_find(connection, package.report_id))

    def get(self, report_id: str) -> PackageRow:
        """One package. Raises `RowMissing`."""
        rows = self._select("WHERE report_id = ?", (report_id,))
        if not rows:
            raise RowMissing("packages")
        return rows[0]

    def of_workitem(self, workitem_uid: str) -> list[PackageRow]:
        """The reports of a workitem: at most one that is not WITHDRAWN."""
        return self._select("WHERE workitem_uid = ? ORDER BY signed_at", (workitem_uid,))

    def undelivered(self) -> list[PackageRow]:
        """Everything not DONE and not WITHDRAWN, oldest first: what quitting has to ask about."""
        return self._select("WHERE state NOT IN ('DONE', 'WITHDRAWN') ORDER BY signed_at", ())

    def triable(self) -> list[PackageRow]:
        """What goes on by itself: not final, BLOCKED or ATTENTION; STAT first, then oldest.

        Whether a pause after a failure is over is not judged here: `next_attempt` is wall time, for people, and a wall
        clock that is set would hold a report up for as long as it jumped.
        """
        return self._select(
            "WHERE state NOT IN ('DONE', 'WITHDRAWN', 'BLOCKED', 'ATTENTION') ORDER BY stat DESC, signed_at", ()
        )

    def objects(self, report_id: str) -> list[ObjectRow]:
        """Objects in order of sending. Raises `JournalDamaged` where bytes no longer have the hash of the signing."""
        rows = self._database.rows("SELECT * FROM objects WHERE report_id = ? ORDER BY position", (report_id,))
        for row in rows:
            if hashlib.sha256(row["data"]).hexdigest() != row["file_sha256"]:
                raise JournalDamaged(self._database.path, "the bytes of a signed object have changed")
        return [object_of(row) for row in rows]

    def advance(self, report_id: str, to: PackageState, at: datetime) -> PackageRow:
        """The next of SIGNED, FENCED, STORED, VERIFIED, DONE; ends a side state. Already there = only that.

        Raises `WrongRowState` where a step would be skipped, or an object is not as far.
        """
        with self._database.transaction() as connection:
            row = _find(connection, report_id)
            _require_step(row, to)
            allowed = _OBJECTS_NEED.get(to)
            if allowed is not None:
                marks = ", ".join("?" * len(allowed))
                behind = connection.execute(
                    f"SELECT count(*) FROM objects WHERE report_id = ? AND state NOT IN ({marks})",
                    (report_id, *(state.value for state in allowed)),
                ).fetchone()[0]
                if behind:
                    raise WrongRowState("packages", f"{behind} object(s) behind", to)
            connection.execute(
                "UPDATE packages SET state = ?, reached = ?, reason = '', next_attempt = NULL, tries = 0,"
                " changed_at = ? WHERE report_id = ?",
                (to.value, to.value, text_from_time(at), report_id),
            )
            return package_of(_find(connection, report_id))

    def retry(self, report_id: str, reason: str, next_attempt: datetime, at: datetime) -> PackageRow:
        """A passing fault: counted, and tried again at `next_attempt`."""
        return self._aside(report_id, PackageState.RETRY, reason, at, next_attempt)

    def block(self, report_id: str, reason: str, at: datetime) -> PackageRow:
        """Waits for something outside the report: a login, the hub, a paused site."""
        return self._aside(report_id, PackageState.BLOCKED, reason, at, None)

    def attention(self, report_id: str, reason: str, at: datetime) -> PackageRow:
        """A person has to look; nothing is tried until `resume`."""
        return self._aside(report_id, PackageState.ATTENTION, reason, at, None)

    def resume(self, report_id: str, at: datetime) -> PackageRow:
        """Leave a side state: go on, at once, from what was reached."""
        with self._database.transaction() as connection:
            row = _find(connection, report_id)
            _require_not_final(row, "resumed")
            connection.execute(
                "UPDATE packages SET state = reached, reason = '', next_attempt = NULL, changed_at = ?"
                " WHERE report_id = ?",
                (text_from_time(at), report_id),
            )
            return package_of(_find(connection, report_id))

    def set_object(self, sop_instance_uid: str, state: ObjectState, proof: str, at: datetime) -> None:
        """How far one object is, and by what proof.

        Back to WAITING (the archive does not have it after all) takes its package back to FENCED, to be sent again.
        """
        with self._database.transaction() as connection:
            found = connection.execute(
                "SELECT report_id FROM objects WHERE sop_instance_uid = ?", (sop_instance_uid,)
            ).fetchone()
            if found is None:
                raise RowMissing("objects")
            row = _find(connection, found["report_id"])
            _require_not_final(row, f"object {state}")
            if row["reached"] == PackageState.SIGNED and state is not ObjectState.WAITING:
                # Design decision 4.1: nothing leaves before the fence, so nothing can have been stored.
                raise WrongRowState("packages", row["reached"], f"object {state}")
            connection.execute(
                "UPDATE objects SET state = ?, proof = ? WHERE sop_instance_uid = ?",
                (state.value, proof, sop_instance_uid),
            )
            if state is ObjectState.WAITING and row["reached"] in (PackageState.STORED, PackageState.VERIFIED):
                connection.execute(
                    "UPDATE packages SET state = 'FENCED', reached = 'FENCED', changed_at = ? WHERE report_id = ?",
                    (text_from_time(at), row["report_id"]),
                )

    def withdraw(self, report_id: str, reason: str, at: datetime) -> PackageRow:
        """The fence was refused: nothing is sent and the draft becomes an orphan, in one transaction.

        Raises `WrongRowState` after the fence, when objects may have left.
        """
        with self._database.transaction() as connection:
            row = _find(connection, report_id)
            if row["state"] == PackageState.WITHDRAWN:
                return package_of(row)
            if row["reached"] != PackageState.SIGNED:
                raise WrongRowState("packages", row["reached"], PackageState.WITHDRAWN)
            connection.execute(
                "UPDATE packages SET state = 'WITHDRAWN', reason = ?, next_attempt = NULL, changed_at = ?"
                " WHERE report_id = ?",
                (reason, text_from_time(at), report_id),
            )
            connection.execute(
                "UPDATE drafts SET state = 'ORPHAN', reason = ? WHERE draft_uid = ? AND state = 'SIGNED'",
                (reason, row["draft_uid"]),
            )
            return package_of(_find(connection, report_id))

    def withdraw_held(self, held: Withdrawal, at: datetime) -> PackageRow:
        """Its author takes a held report back: it is never sent, the text becomes an orphan draft, bound to the patient
        that the author has confirmed, and the claim is on its way back. One transaction; the package stays as evidence.

        Raises `WrongRowState` unless it is held (so that nobody is sending it) and as it was `seen`, and where the
        report itself, the last object, may have left: what a hospital may hold is not taken back here.
        """
        with self._database.transaction() as connection:
            return withdraw_held(connection, held, text_from_time(at))

    def seen(self, report_id: str) -> Seen:
        """How a report stands, to decide on later. Raises `RowMissing`."""
        with self._database.transaction() as connection:
            return seen_in(connection, report_id)

    def send_beside(
        self, report_id: str, documents: Sequence[str], at: datetime, audit: AuditRow | None = None
    ) -> PackageRow:
        """The author has read of these other reports of the study and sends this one too; on from what was reached.
        The line that tells of it is written with it.

        Raises `WrongRowState` where it is not held.
        """
        with self._database.transaction() as connection:
            row = _find(connection, report_id)
            if row["state"] != PackageState.ATTENTION:
                raise WrongRowState("packages", row["state"], row["reached"])
            beside = " ".join(dict.fromkeys((*row["beside"].split(), *documents)))
            connection.execute(
                "UPDATE packages SET state = reached, reason = '', next_attempt = NULL, beside = ?, changed_at = ?"
                " WHERE report_id = ?",
                (beside, text_from_time(at), report_id),
            )
            if audit is not None:
                append_line(connection, audit)
            return package_of(_find(connection, report_id))

    def purge(self, before: datetime) -> list[PackageRow]:
        """Remove what was finished before this time: bytes, text, and the signed draft; the rows that were removed.

        A draft that a refused fence left as an orphan stays with its author.
        """
        with self._database.transaction() as connection:
            found = connection.execute(
                "SELECT * FROM packages WHERE state IN ('DONE', 'WITHDRAWN') AND changed_at < ?",
                (text_from_time(before),),
            ).fetchall()
            for row in found:
                connection.execute("DELETE FROM objects WHERE report_id = ?", (row["report_id"],))
                connection.execute("DELETE FROM packages WHERE report_id = ?", (row["report_id"],))
                connection.execute("DELETE FROM drafts WHERE draft_uid = ? AND state = 'SIGNED'", (row["draft_uid"],))
            return [package_of(row) for row in found]

    def _aside(
        self, report_id: str, state: PackageState, reason: str, at: datetime, next_attempt: datetime | None
    ) -> PackageRow:
        with self._database.transaction() as connection:
            _require_not_final(_find(connection, report_id), state)
            connection.execute(
                "UPDATE packages SET state = ?, reason = ?, tries = tries + 1, next_attempt = ?, changed_at = ?"
                " WHERE report_id = ?",
                (
                    state.value,
                    reason,
                    None if next_attempt is None else text_from_time(next_attempt),
                    text_from_time(at),
                    report_id,
                ),
            )
            return package_of(_find(connection, report_id))

    def _select(self, where: str, values: tuple[object, ...]) -> list[PackageRow]:
        return [package_of(row) for row in self._database.rows(f"SELECT * FROM packages {where}", values)]


def _require_one_study(package: PackageRow, objects: Sequence[ObjectRow]) -> None:
    if not objects:
        raise ValueError("a signed report has at least one object")
    for row in objects:
        if (row.report_id, row.study_instance_uid) != (package.report_id, package.study_instance_uid):
            raise ValueError("an object of another report or study")


def _is_signed_already(connection: sqlite3.Connection, package: PackageRow, objects: Sequence[ObjectRow]) -> bool:
    other = connection.execute(
        "SELECT 1 FROM packages WHERE workitem_uid = ? AND state <> 'WITHDRAWN' AND report_id <> ?",
        (package.workitem_uid, package.report_id),
    ).fetchone()
    if other is not None:
        raise AlreadySigned("this study has a signed report already")
    if connection.execute("SELECT 1 FROM packages WHERE report_id = ?", (package.report_id,)).fetchone() is None:
        return False
    stored = connection.execute(
        "SELECT sop_instance_uid, file_sha256 FROM objects WHERE report_id = ? ORDER BY position", (package.report_id,)
    ).fetchall()
    given = [(row.sop_instance_uid, hashlib.sha256(row.data).hexdigest()) for row in objects]
    if [tuple(row) for row in stored] != given:
        raise AlreadySigned("the bytes of a signed report never change")
    return True


def _end_draft(connection: sqlite3.Connection, draft_uid: str, workitem_uid: str) -> None:
    draft = connection.execute("SELECT state, workitem_uid FROM drafts WHERE draft_uid = ?", (draft_uid,)).fetchone()
    if draft is None:
        raise RowMissing("drafts")
    if draft["state"] != "EDITING" or draft["workitem_uid"] != workitem_uid:
        raise WrongRowState("drafts", draft["state"], "SIGNED")
    connection.execute("UPDATE drafts SET state = 'SIGNED' WHERE draft_uid = ?", (draft_uid,))


def _find(connection: sqlite3.Connection, report_id: str) -> sqlite3.Row:
    found: sqlite3.Row | None = connection.execute(
        "SELECT * FROM packages WHERE report_id = ?", (report_id,)
    ).fetchone()
    if found is None:
        raise RowMissing("packages")
    return found


def _require_not_final(row: sqlite3.Row, wanted: str) -> None:
    if row["state"] in FINAL_PACKAGE_STATES:
        raise WrongRowState("packages", row["state"], wanted)


def _require_step(row: sqlite3.Row, to: PackageState) -> None:
    reached = PackageState(row["reached"])
    if row["state"] == PackageState.WITHDRAWN or to not in MAIN_PACKAGE_STATES:
        raise WrongRowState("packages", row["state"], to)
    step = MAIN_PACKAGE_STATES.index(to) - MAIN_PACKAGE_STATES.index(reached)
    if step not in (0, 1):
        raise WrongRowState("packages", reached, to)
