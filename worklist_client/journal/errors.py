"""What can go wrong with the journal.

JournalError
├── ProfileInUse       another window (process) holds this profile's journal
├── JournalDamaged     the file is not a journal, or SQLite finds it corrupt
├── JournalTooNew      written by a newer version of the program
├── JournalFull        the disk is full; nothing was written, what was there is intact
├── JournalSuspect     the disk failed while writing; reopen before trusting anything again
├── RowMissing         no row with this key
├── WrongRowState      the row's state does not allow this step
├── StaleRevision      an older text would overwrite a newer one
└── AlreadySigned      the workitem already has a signed report, or the report's bytes would change
"""

from __future__ import annotations

from pathlib import Path


class JournalError(Exception):
    """Root; `reason` is plain English without patient data."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ProfileInUse(JournalError):
    """Another window holds the profile; `holder_pid` is its process, 0 where it could not be read."""

    def __init__(self, path: Path, holder_pid: int) -> None:
        holder = f" (process {holder_pid})" if holder_pid else ""
        super().__init__(f"another window{holder} has this profile open: {path.parent}")
        self.path = path
        self.holder_pid = holder_pid


class JournalDamaged(JournalError):
    """The file at `path` is not a journal or is corrupt; it is left as it is."""

    def __init__(self, path: Path, detail: str) -> None:
        super().__init__(f"the journal {path} cannot be used: {detail}")
        self.path = path
        self.detail = detail


class JournalTooNew(JournalError):
    """Schema `found` is newer than the `known` one; the file is left as it is."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        super().__init__(f"the journal {path} was written by a newer version (schema {found}, known {known})")
        self.path = path
        self.found = found
        self.known = known


class JournalFull(JournalError):
    """The disk is full; the transaction was rolled back."""


class JournalSuspect(JournalError):
    """A write failed at the disk. A failed fsync must not be repeated, so the journal has to be reopened."""


class RowMissing(JournalError):
    """No row with this key."""

    def __init__(self, table: str) -> None:
        super().__init__(f"no such row in {table}")
        self.table = table


class WrongRowState(JournalError):
    """The row is in state `found`, which does not lead to `wanted`."""

    def __init__(self, table: str, found: str, wanted: str) -> None:
        super().__init__(f"{table}: {found} does not lead to {wanted}")
        self.table = table
        self.found = found
        self.wanted = wanted


class StaleRevision(JournalError):
    """The stored draft has revision `stored`; an older one may not overwrite it."""

    def __init__(self, stored: int, given: int) -> None:
        super().__init__(f"draft revision {given} is not newer than the stored {stored}")
        self.stored = stored
        self.given = given


class AlreadySigned(JournalError):
    """Signed bytes never change, and a workitem gets one report."""
