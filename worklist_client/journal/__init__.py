"""What must not be lost: claims, drafts, outbox, audit spool and confirmed patient links, in one SQLite file.

The only package that opens the journal. Rows are plain frozen dataclasses that know nothing of the floors above; what a
draft or a report holds inside is text to the journal. May import `settings` at most.
"""

from worklist_client.journal.audit import AuditTable
from worklist_client.journal.claims import ClaimTable
from worklist_client.journal.drafts import DraftTable
from worklist_client.journal.errors import (
    AlreadySigned,
    JournalDamaged,
    JournalError,
    JournalFull,
    JournalSuspect,
    JournalTooNew,
    ProfileInUse,
    RowMissing,
    StaleRevision,
    WrongRowState,
)
from worklist_client.journal.links import LinkTable
from worklist_client.journal.opening import Journal
from worklist_client.journal.outbox import Outbox
from worklist_client.journal.rows import (
    AuditRow,
    ClaimRow,
    ClaimState,
    DraftRow,
    DraftState,
    LinkRow,
    ObjectRow,
    ObjectState,
    PackageRow,
    PackageState,
    Seen,
    Withdrawal,
)

__all__ = [
    "AlreadySigned",
    "AuditRow",
    "AuditTable",
    "ClaimRow",
    "ClaimState",
    "ClaimTable",
    "DraftRow",
    "DraftState",
    "DraftTable",
    "Journal",
    "JournalDamaged",
    "JournalError",
    "JournalFull",
    "JournalSuspect",
    "JournalTooNew",
    "LinkRow",
    "LinkTable",
    "ObjectRow",
    "ObjectState",
    "Outbox",
    "PackageRow",
    "PackageState",
    "ProfileInUse",
    "RowMissing",
    "Seen",
    "StaleRevision",
    "Withdrawal",
    "WrongRowState",
]
