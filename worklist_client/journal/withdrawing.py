"""Taking a held report back, inside one transaction of the journal: nothing is decided on what was true a while ago."""

from __future__ import annotations

import sqlite3

from worklist_client.journal.audit import append_line
from worklist_client.journal.errors import RowMissing, WrongRowState
from worklist_client.journal.outbox_rows import package_of
from worklist_client.journal.rows import ObjectState, PackageRow, PackageState, Seen, Withdrawal

_BEFORE_STORED = (PackageState.SIGNED, PackageState.FENCED)


def seen_in(connection: sqlite3.Connection, report_id: str) -> Seen:
    """How a report stands at this moment. Raises `RowMissing`."""
    row = connection.execute(
        "SELECT state, reached, reason, tries, changed_at FROM packages WHERE report_id = ?", (report_id,)
    ).fetchone()
    if row is None:
        raise RowMissing("packages")
    objects = connection.execute(
        "SELECT sop_instance_uid, state, proof FROM objects WHERE report_id = ? ORDER BY position", (report_id,)
    ).fetchall()
    return Seen(
        PackageState(row["state"]),
        PackageState(row["reached"]),
        row["reason"],
        row["tries"],
        row["changed_at"],
        tuple((one["sop_instance_uid"], ObjectState(one["state"]), one["proof"]) for one in objects),
    )


def withdraw_held(connection: sqlite3.Connection, held: Withdrawal, at: str) -> PackageRow:
    """See `Outbox.withdraw_held`; `at` as the journal writes times."""
    found = seen_in(connection, held.report_id)
    if found.state is not PackageState.WITHDRAWN:
        _require(found, held)
        draft_uid, workitem_uid = connection.execute(
            "SELECT draft_uid, workitem_uid FROM packages WHERE report_id = ?", (held.report_id,)
        ).fetchone()
        connection.execute(
            "UPDATE packages SET state = 'WITHDRAWN', reason = ?, next_attempt = NULL, changed_at = ?"
            " WHERE report_id = ?",
            (held.reason, at, held.report_id),
        )
        connection.execute(
            "UPDATE drafts SET state = 'ORPHAN', reason = ?, patient_issuer = ?, patient_id = ?"
            " WHERE draft_uid = ? AND state = 'SIGNED'",
            (held.reason, held.patient_issuer, held.patient_id, draft_uid),
        )
        connection.execute(
            "UPDATE claims SET state = ?, reason = ?, changed_at = ? WHERE workitem_uid = ? AND is_open = 1",
            (held.claim.value, held.claim_reason, at, workitem_uid),
        )
        if held.audit is not None:
            append_line(connection, held.audit)
    row = connection.execute("SELECT * FROM packages WHERE report_id = ?", (held.report_id,)).fetchone()
    return package_of(row)


def _require(found: Seen, held: Withdrawal) -> None:
    """Held, never further than the fence, as it was when the hospital was asked, and the report itself still here."""
    if found.state not in (PackageState.ATTENTION, PackageState.BLOCKED):
        raise WrongRowState("packages", found.state, PackageState.WITHDRAWN)
    if found.reached not in _BEFORE_STORED:
        raise WrongRowState("packages", found.reached, PackageState.WITHDRAWN)
    if found != held.seen:
        raise WrongRowState("packages", "changed since it was looked at", PackageState.WITHDRAWN)
    if found.may_have_left and not held.is_not_there:
        raise WrongRowState("packages", "sent", PackageState.WITHDRAWN)
