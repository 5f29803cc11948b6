"""A full disk, in words: what happened, what it means for the report, and what to do."""

from __future__ import annotations

import errno

from worklist_client.journal import JournalFull

NOT_SIGNED = (
    "The disk of this computer is full: the report is NOT signed. The text is on the screen, and on the disk as it was"
    " saved last. Make room on the disk, then sign again"
)
NOT_SAVED = (
    "The disk of this computer is full: what you type now is on the screen only. Leave this window open and make room"
    " on the disk; it is saved by itself then"
)
NO_ROOM = "The disk of this computer is full. Make room on it, then try again"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def is_full(error: BaseException) -> bool:
    """Whether an error says that there is no room to write."""
    return isinstance(error, JournalFull) or (isinstance(error, OSError) and error.errno in FULL)
