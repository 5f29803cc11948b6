"""The quick road of a claim: one look at the workitem, and one statement (or one short row of them) that writes.

It does what `WorkitemStore._carry_out` does, with the same compare-and-set, past the parts that make statements for any
database out of expressions: those cost more than the statements themselves. Whatever it does not do takes that road.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, Protocol

FOUND: Final = ("dataset", "state", "transaction_hash", "alive_at", "version", "position")
UNCHANGED: Final = ("position", "state", "version", "alive_at")
"""What the compare-and-set compares: nobody may have changed it, or given a sign of life, since it was looked at."""
_LOOK = f"SELECT {', '.join(FOUND)} FROM workitems WHERE uid ="


@dataclass(frozen=True, slots=True)
class Found:
    """A workitem as it stands in the table."""

    dataset: str
    state: str
    transaction_hash: str
    alive_at: str
    version: int
    position: int


@dataclass(frozen=True, slots=True)
class Change:
    """What is written together or not at all: columns of one workitem, its events, its lines of the audit."""

    found: Found
    values: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    audit: Sequence[Mapping[str, Any]]


class Quick(Protocol):
    """One look and one change."""

    def look(self, uid: str) -> tuple[Found | None, datetime]:
        """The workitem, None where there is none, and the server's clock."""
        ...

    def write(self, change: Change) -> bool:
        """Compare and set; False where it has changed since the look, and nothing is written."""
        ...

    def note(self, audit: Sequence[Mapping[str, Any]]) -> None:
        """Lines of the audit alone: what was refused."""
        ...


class QuickSqlite:
    """Within the writer's transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def look(self, uid: str) -> tuple[Found | None, datetime]:
        """See `Quick`."""
        row = self._connection.execute(f"{_LOOK} ?", (uid,)).fetchone()
        return (Found(*row) if row else None), datetime.now(UTC)

    def write(self, change: Change) -> bool:
        """See `Quick`."""
        statement = _swap(tuple(change.values), "?")
        if self._connection.execute(statement, _swapped(change)).rowcount != 1:
            return False
        for row in change.events:
            made = {**row, "xid": 0}
            self._connection.execute(_insert("events", tuple(made), "?"), tuple(made.values()))
        self.note(change.audit)
        return True

    def note(self, audit: Sequence[Mapping[str, Any]]) -> None:
        """See `Quick`."""
        for row in audit:
            self._connection.execute(_insert("audit_events", tuple(row), "?"), tuple(row.values()))


class QuickPostgres:
    """Outside of any transaction: each of the two statements is one by itself."""

    def __init__(self, connection: Any) -> None:
        """`connection`: of psycopg, in autocommit."""
        self._connection = connection
        self.is_writing = False
        """Whether the change was sent, and may stand whatever became of its answer."""

    def look(self, uid: str) -> tuple[Found | None, datetime]:
        """See `Quick`."""
        asked = f"SELECT clock_timestamp(), {', '.join(FOUND)} FROM (SELECT) AS one LEFT JOIN workitems ON uid = %s"
        moment, *row = self._connection.execute(asked, (uid,), prepare=True).fetchone()
        return (Found(*row) if row[-1] is not None else None), moment.astimezone(UTC)

    def write(self, change: Change) -> bool:
        """See `Quick`."""
        statement = _at_once(
            tuple(change.values), tuple(tuple(row) for row in change.events), tuple(tuple(row) for row in change.audit)
        )
        further = [value for row in (*change.events, *change.audit) for value in row.values()]
        self.is_writing = True
        count = self._connection.execute(statement, (*_swapped(change), *further), prepare=True).fetchone()[0]
        self.is_writing = False
        return bool(count)

    def note(self, audit: Sequence[Mapping[str, Any]]) -> None:
        """See `Quick`."""
        for row in audit:  # one: a refusal has one line
            statement = _insert("audit_events", tuple(row), "%s")
            self._connection.execute(statement, tuple(row.values()), prepare=True)


def _swapped(change: Change) -> tuple[Any, ...]:
    return (*change.values.values(), *(getattr(change.found, name) for name in UNCHANGED))


@lru_cache(64)
def _swap(columns: tuple[str, ...], mark: str) -> str:
    changed = ", ".join(f"{name} = {mark}" for name in columns)
    return f"UPDATE workitems SET {changed} WHERE {' AND '.join(f'{name} = {mark}' for name in UNCHANGED)}"


@lru_cache(64)
def _insert(table: str, columns: tuple[str, ...], mark: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join([mark] * len(columns))})"


@lru_cache(64)
def _at_once(columns: tuple[str, ...], events: tuple[tuple[str, ...], ...], audit: tuple[tuple[str, ...], ...]) -> str:
    """One statement: events and audit are inserted where the compare-and-set found its row."""
    parts = [f"swapped AS ({_swap(columns, '%s')} RETURNING position)"]
    for number, names in enumerate(events):
        marks = ", ".join(["pg_current_xact_id()::text::bigint", *["%s"] * len(names)])
        parts.append(f"e{number} AS (INSERT INTO events (xid, {', '.join(names)}) SELECT {marks} FROM swapped)")
    for number, names in enumerate(audit):
        marks = ", ".join(["%s"] * len(names))
        parts.append(f"a{number} AS (INSERT INTO audit_events ({', '.join(names)}) SELECT {marks} FROM swapped)")
    return f"WITH {', '.join(parts)} SELECT count(*) FROM swapped"
