"""UIDs below 2.25 from a seed that the caller's UID maker gave: equal seeds give equal UIDs, so signing can be tested
and crosses process borders."""

from __future__ import annotations

import hashlib
import uuid


def uid_from(text: str) -> str:
    """2.25.<UUID as integer> that depends on the text only."""
    return f"2.25.{uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=5).int}"


class SeededUids:
    """Gives one UID after another from one seed."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def __call__(self) -> str:
        self._count += 1
        return uid_from(f"{self._seed}|{self._count}")
