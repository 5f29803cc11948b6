"""The journal of one profile: opened once, by one process, shared by all its threads."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from worklist_client.journal.audit import AuditTable
from worklist_client.journal.claims import ClaimTable
from worklist_client.journal.database import Database
from worklist_client.journal.drafts import DraftTable
from worklist_client.journal.errors import JournalError
from worklist_client.journal.links import LinkTable
from worklist_client.journal.outbox import Outbox
from worklist_client.journal.profile_lock import ProfileLock


class Journal:
    """The typed tables over one file. A method has returned = its row is on the disk."""

    def __init__(self, database: Database, lock: ProfileLock) -> None:
        self._database = database
        self._lock = lock
        self.claims = ClaimTable(database)
        self.drafts = DraftTable(database)
        self.outbox = Outbox(database)
        self.audit = AuditTable(database)
        self.links = LinkTable(database)

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Lock the profile, open or create the file at `path`, migrate it.

        Raises
        ------
        ProfileInUse : another window has this profile open
        JournalDamaged, JournalTooNew : the file cannot be used; it is left as it is
        """
        lock = ProfileLock(path.with_name(path.name + ".lock"))
        try:
            return cls(Database(path), lock)
        except (JournalError, OSError):
            lock.release()
            raise

    def close(self) -> None:
        """Close the file and free the profile."""
        self._database.close()
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
