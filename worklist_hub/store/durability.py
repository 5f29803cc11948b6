"""Whether an acknowledged claim survives the loss of the database server; a region does not start where it may not."""

from __future__ import annotations

from typing import Final

from worklist_hub.store.database import Database, Durability, StoreError

STANDBY: Final = "synchronous standby"
SINGLE: Final = "single server without failover"
LOSING: Final = "acknowledged claims may be lost"
WORDS: Final = (STANDBY, SINGLE, LOSING)
"""What `[hub] durability` may say; the first is the default."""
_WAITING: Final = ("on", "remote_apply")


def risk_of(found: Durability, word: str = STANDBY) -> str:
    """Why an acknowledged claim could be lost, "" where it could not, or where `word` says that this is accepted."""
    if word == LOSING:
        return ""
    if not found.fsync or not found.full_page_writes:
        return "fsync or full_page_writes is off: a power cut loses acknowledged claims"
    if found.synchronous_commit not in _WAITING:
        return f"synchronous_commit is {found.synchronous_commit}: acknowledged claims may not be on disk"
    if word == SINGLE:
        return "" if found.standbys == 0 else f"{found.standbys} standby is connected, and nothing waits for it"
    if not found.synchronous_standby_names.strip():
        return "synchronous_standby_names is empty: a failover loses acknowledged claims"
    return ""


def check(database: Database, word: str = STANDBY) -> None:
    """Raises `StoreError` with what to do, `StoreUnavailable` where the server cannot be asked."""
    found = database.durability()
    risk = risk_of(found, word) if found is not None else ""
    if risk:
        raise StoreError(
            f"{risk}. Set synchronous_commit = on and synchronous_standby_names on the server, or say in hub.toml what"
            f' you accept: [hub] durability = "{SINGLE}" or "{LOSING}"'
        )
