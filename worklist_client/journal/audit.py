"""The audit spool: append-only lines, each carrying the hash of the one before, until the audit repository has them."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from dataclasses import replace

from worklist_client.journal.database import Database, text_from_time, time_from_text
from worklist_client.journal.rows import AuditRow

_FIELDS = (
    "at",
    "event",
    "reader_code",
    "site_id",
    "study_instance_uid",
    "patient_issuer",
    "patient_id",
    "workitem_uid",
    "reason",
    "details",
)


class AuditTable:
    """Lines are added and marked as sent, never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(self, row: AuditRow) -> AuditRow:
        """Add a line; on disk when it returns, so that what it tells of may then be shown."""
        with self._database.transaction() as connection:
            return append_line(connection, row)

    def lines(self, after: int = 0, limit: int = 1000) -> list[AuditRow]:
        """Lines after a sequence number, in order."""
        rows = self._database.rows("SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?", (after, limit))
        return [_row(row) for row in rows]

    def unsent(self, limit: int = 1000) -> list[AuditRow]:
        """Lines that the audit repository does not have yet, in order."""
        rows = self._database.rows("SELECT * FROM audit WHERE sent = 0 ORDER BY sequence LIMIT ?", (limit,))
        return [_row(row) for row in rows]

    def mark_sent(self, up_to: int) -> None:
        """The repository has every line up to this sequence number."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE audit SET sent = 1 WHERE sequence <= ? AND sent = 0", (up_to,))

    def first_broken_line(self) -> int:
        """Sequence number of the first line whose hash does not follow from the one before; 0 where all do."""
        previous = ""
        for row in self._database.rows("SELECT * FROM audit ORDER BY sequence"):
            expected = _hash(previous, tuple(row[name] for name in _FIELDS))
            if row["previous_hash"] != previous or row["line_hash"] != expected:
                return int(row["sequence"])
            previous = row["line_hash"]
        return 0


def append_line(connection: sqlite3.Connection, row: AuditRow) -> AuditRow:
    """A line in a transaction that also writes what it tells of."""
    last = connection.execute("SELECT line_hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
    previous = last["line_hash"] if last is not None else ""
    values = _values(row)
    line_hash = _hash(previous, values)
    marks = ", ".join("?" * (len(_FIELDS) + 2))
    cursor = connection.execute(
        f"INSERT INTO audit ({', '.join(_FIELDS)}, previous_hash, line_hash) VALUES ({marks})",
        (*values, previous, line_hash),
    )
    return replace(row, sequence=cursor.lastrowid or 0, previous_hash=previous, line_hash=line_hash)


def _values(row: AuditRow) -> tuple[str, ...]:
    return tuple(text_from_time(row.at) if name == "at" else str(getattr(row, name)) for name in _FIELDS)


def _hash(previous: str, values: tuple[str, ...]) -> str:
    return hashlib.sha256(json.dumps([previous, *values], ensure_ascii=True).encode("ascii")).hexdigest()


def _row(row: sqlite3.Row) -> AuditRow:
    texts = {name: row[name] for name in _FIELDS if name != "at"}
    return AuditRow(
        at=time_from_text(row["at"]),
        **texts,
        sequence=row["sequence"],
        previous_hash=row["previous_hash"],
        line_hash=row["line_hash"],
    )
