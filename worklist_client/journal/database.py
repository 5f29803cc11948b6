"""One SQLite connection, one lock, one transaction at a time; WAL with synchronous=FULL, so a commit is on the disk."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from worklist_client.journal.errors import JournalDamaged, JournalError, JournalFull, JournalSuspect, JournalTooNew
from worklist_client.journal.migrations import MIGRATIONS

APPLICATION_ID = 0x574C4A31  # "WLJ1": tells a journal from any other SQLite file


def open_connection(path: Path) -> sqlite3.Connection:
    """Open, check and migrate; the one place where encryption would come in. Raises `JournalError`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Made by us before SQLite sees it: its -wal and -shm files copy the mode of the database.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA secure_delete=ON")
        connection.row_factory = sqlite3.Row
        _check(connection, path)
        _migrate(connection, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise JournalDamaged(path, str(error)) from error
    except JournalError:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    answer = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if answer != "ok":
        raise JournalDamaged(path, str(answer))
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if not is_empty and application_id != APPLICATION_ID:
        raise JournalDamaged(path, "it is another program's database")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > len(MIGRATIONS):
        raise JournalTooNew(path, found, len(MIGRATIONS))
    for number, statements in enumerate(MIGRATIONS[found:], start=found + 1):
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={number}")
        connection.execute("COMMIT")


class Database:
    """The connection that the tables share; safe from any thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection = open_connection(path)
        self._unusable = ""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; on disk when the block has ended, rolled back when it raised."""
        with self._lock:
            self._require_usable()
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                    self._connection.execute("COMMIT")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._journal_error(error) from error

    def rows(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            self._require_usable()
            try:
                return self._connection.execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise self._journal_error(error) from error

    def close(self) -> None:
        """Close; later calls raise `JournalSuspect`."""
        with self._lock:
            self._unusable = self._unusable or "the journal is closed"
            self._connection.close()

    def _require_usable(self) -> None:
        if self._unusable:
            raise JournalSuspect(self._unusable)

    def _journal_error(self, error: sqlite3.Error) -> JournalError:
        name = getattr(error, "sqlite_errorname", "") or type(error).__name__
        if name.startswith("SQLITE_FULL"):
            return JournalFull("the disk is full; nothing was written")
        if name.startswith(("SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")):
            # After a failed fsync the kernel may have dropped the pages: a second fsync that succeeds proves nothing.
            self._unusable = f"the disk failed while the journal was written ({name}); reopen it"
            return JournalSuspect(self._unusable)
        return JournalError(f"the journal refused: {name}")


def text_from_time(time: datetime) -> str:
    """Fixed-width UTC text, so that text order is time order."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def time_from_text(text: str) -> datetime:
    """The inverse."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


def optional_time_from_text(text: str | None) -> datetime | None:
    """The inverse for a column that may be empty."""
    return time_from_text(text) if text else None
