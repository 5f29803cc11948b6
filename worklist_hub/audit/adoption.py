"""Finds events that no chain holds, so that somebody links them: a process that is killed leaves its last ones.

What is recent is looked for each time. What is older is gone through once from end to end, a piece at a time: a region
may stand still for days, and a log of years must not be read in one go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_LINKS

AFTER: Final = timedelta(minutes=2)
"""The process that wrote an event has linked it by then, where it lives."""
RECENT: Final = timedelta(days=3)
PIECE: Final = 5000
"""Older events gone through at a time."""
UNLINKED: Final = ~sa.exists().where(
    AUDIT_LINKS.c.event_process == AUDIT_EVENTS.c.process, AUDIT_LINKS.c.event_number == AUDIT_EVENTS.c.number
)
Linkable = tuple[str, int, str]
"""(process, number, body) of an event."""
_COLUMNS = (AUDIT_EVENTS.c.process, AUDIT_EVENTS.c.number, AUDIT_EVENTS.c.body)
_KEY = sa.tuple_(AUDIT_EVENTS.c.process, AUDIT_EVENTS.c.number)
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Found:
    """Events to be linked; `reached` = how far the older ones have been gone through, None: to the end."""

    linkable: tuple[Linkable, ...]
    reached: Key | None


class Adoption:
    """Of one process; its linking thread alone may call."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._reached: Key | None = ("", 0)

    @property
    def is_through(self) -> bool:
        """Whether everything that was there at the start has been looked at."""
        return self._reached is None

    def find(self, connection: sa.Connection, limit: int) -> Found:
        """In the transaction that links them; it may run more than once."""
        before = (self._clock() - AFTER).isoformat(timespec="milliseconds")
        since = (self._clock() - RECENT).isoformat(timespec="milliseconds")
        recent = self._unlinked(connection, [AUDIT_EVENTS.c.at < before, AUDIT_EVENTS.c.at > since], limit)
        if self._reached is None or len(recent) == limit:
            return Found(tuple(recent), self._reached)
        keys = sa.select(AUDIT_EVENTS.c.process, AUDIT_EVENTS.c.number).where(sa.tuple_(*self._reached) < _KEY)
        last = connection.execute(keys.order_by(*_COLUMNS[:2]).offset(PIECE - 1).limit(1)).one_or_none()
        piece = [sa.tuple_(*self._reached) < _KEY, AUDIT_EVENTS.c.at <= since]
        if last is not None:
            piece.append(sa.tuple_(*last) >= _KEY)
        left = limit - len(recent)
        older = self._unlinked(connection, piece, left)
        if len(older) == left:
            return Found((*recent, *older), older[-1][:2])
        return Found((*recent, *older), tuple(last) if last is not None else None)

    def done(self, found: Found) -> None:
        """Its commit is certain."""
        self._reached = found.reached

    def _unlinked(
        self, connection: sa.Connection, conditions: list[sa.ColumnElement[bool]], limit: int
    ) -> list[Linkable]:
        query = sa.select(*_COLUMNS).where(*conditions, UNLINKED)
        if connection.dialect.name == "postgresql":
            query = query.with_for_update(skip_locked=True, of=AUDIT_EVENTS)  # not two at the same time
        rows = connection.execute(query.order_by(*_COLUMNS[:2]).limit(limit)).all()
        return [(row.process, row.number, row.body) for row in rows]
