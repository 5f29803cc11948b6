"""What a link of the hash chain is: a hash over its event and over the link before it."""

from __future__ import annotations

import hashlib


def genesis(process: str) -> str:
    """What the first link of a hub process is chained to."""
    return hashlib.sha256(f"worklist-hub audit|{process}".encode()).hexdigest()


def link_hash(previous: str, process: str, day: str, seq: int, body: str) -> str:
    """Of one link; `body` = the event's canonical text."""
    digest = hashlib.sha256(body.encode()).hexdigest()
    return hashlib.sha256(f"{previous}|{process}|{day}|{seq}|{digest}".encode()).hexdigest()
