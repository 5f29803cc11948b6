"""The durable table of events: written with the change, read without a gap, delivered by each process to its own.

On PostgreSQL transactions end in another order than they number their rows, so a reader must not pass a transaction
that still runs and may yet write an event: it reads only what is settled (`Database.is_settled`), in the order of
(xid, seq). SQLite's one writer commits in the order of `seq`.

So one transaction in the hub's database that does not end holds every later event back. The feed says for how long
(`late_s`), and lets watchers search again meanwhile.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from ups.datetimes import dt_from_datetime
from worklist_hub.store.database import Database, StoreUnavailable, ask
from worklist_hub.store.schema import EVENTS
from worklist_hub.workitem.events import Raised

POLL_S: Final = 2.0
"""How often a process looks although nobody woke it."""
PAGE: Final = 500
KEPT: Final = timedelta(hours=1)
"""Events serve processes that run; whoever was away longer searches again."""
LATE_S: Final = 10.0
"""An event that is held back for longer is late: no transaction of a hub lasts as long."""
SEARCH_AGAIN_S: Final = 30.0
"""While events are late, watchers are cut off so often: their lists are this old at most, not as old as the wait."""
_SOON_S: Final = 0.005
_REST_S: Final = 0.02
_FEW: Final = 2
"""Who finds more events than these rests for a moment: many changes a second are read together, single ones at once."""
_UPS, _SUBSCRIPTIONS = "ups", "subscriptions"
_log = logging.getLogger("wl.hub.store")


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """How far somebody has read."""

    xid: int = 0
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What came after a cursor, in order."""

    events: tuple[Raised, ...]
    cursor: Cursor
    has_more: bool = False
    """There is more to read at once."""
    waits_for: Cursor | None = None
    """The first event that is there, but behind a transaction that still runs: look again soon."""
    subscriptions_changed: bool = False


class EventLog:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._statement = sa.insert(EVENTS).values(xid=database.transaction_id).inline()

    def append(self, connection: sa.Connection, raised: Sequence[Raised], now: datetime) -> None:
        """Write events in the transaction of their change."""
        rows = rows_of(raised, now)  # one as a rule
        if rows:
            connection.execute(self._statement, rows if len(rows) > 1 else rows[0])

    def append_subscriptions(self, connection: sa.Connection) -> None:
        """Let every process read the subscriptions again, in order with the events."""
        row = {"kind": _SUBSCRIPTIONS, "uid": "", "position": 0, "frame": "", "before": ""}
        connection.execute(self._statement, {**row, "at": dt_from_datetime(self._database.now(connection))})

    def newest(self) -> Cursor:
        """Behind everything that is settled now."""
        query = sa.select(EVENTS.c.xid, EVENTS.c.seq).where(self._database.is_settled)
        query = query.order_by(EVENTS.c.xid.desc(), EVENTS.c.seq.desc()).limit(1)
        found = ask(self._database.reading, lambda connection: connection.execute(query).one_or_none())
        return Cursor(found.xid, found.seq) if found else Cursor()

    def after(self, cursor: Cursor, limit: int = PAGE) -> Page:
        """What is settled behind a cursor."""
        reached = (sa.literal(cursor.xid, sa.BigInteger), sa.literal(cursor.seq, sa.BigInteger))
        is_after = sa.tuple_(EVENTS.c.xid, EVENTS.c.seq) > sa.tuple_(*reached)
        query = sa.select(EVENTS, self._database.is_settled.label("settled")).where(is_after)
        query = query.order_by(EVENTS.c.xid, EVENTS.c.seq).limit(limit)
        rows = ask(self._database.reading, lambda connection: connection.execute(query).all())
        settled, waiting = [row for row in rows if row.settled], next((row for row in rows if not row.settled), None)
        return Page(
            tuple(_raised(row) for row in settled if row.kind == _UPS),
            Cursor(settled[-1].xid, settled[-1].seq) if settled else cursor,
            has_more=len(settled) == limit,
            waits_for=Cursor(waiting.xid, waiting.seq) if waiting else None,
            subscriptions_changed=any(row.kind == _SUBSCRIPTIONS for row in settled),
        )

    def forget(self, connection: sa.Connection, now: datetime) -> int:
        """Delete what is older than `KEPT`; how many."""
        return connection.execute(sa.delete(EVENTS).where(EVENTS.c.at < dt_from_datetime(now - KEPT))).rowcount


class EventFeed:
    """Delivers everything from its start on, in order, from a thread of its own."""

    def __init__(
        self,
        database: Database,
        deliver: Callable[[Sequence[Raised]], None],
        *,
        on_subscriptions: Callable[[], None] = lambda: None,
        on_gap: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Parameters
        ----------
        deliver : gets events, never the same twice
        on_subscriptions : before the first event that follows a change of the subscriptions, made by whatever process
        on_gap : events may be gone, for the database was away for long, or are late: watchers must search again
        """
        self._database, self._log = database, EventLog(database)
        self._deliver, self._on_subscriptions, self._on_gap, self._clock = deliver, on_subscriptions, on_gap, clock
        self._stop = threading.Event()
        self._cursor = self._log.newest()
        self._read_at = clock()
        self._waits_for, self._waits_since, self._told_late_at = Cursor(), 0.0, 0.0
        self._thread = threading.Thread(target=self._work, name="store-feed", daemon=True)

    @property
    def late_s(self) -> float:
        """How long the oldest event that waits for a transaction to end has waited; 0.0 where none does."""
        return self._clock() - self._waits_since if self._waits_for != Cursor() else 0.0

    def start(self) -> None:
        """Deliver from now on; what was written since this object was made comes first."""
        self._thread.start()

    def stop(self) -> None:
        """Deliver what is there, then end."""
        self._stop.set()
        self._database.tell()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        pause_s = 0.0
        while True:
            is_last = self._stop.is_set()
            try:
                pause_s = self._pass(pause_s)
            except (sa.exc.SQLAlchemyError, StoreUnavailable) as error:
                _log.warning("events cannot be read: error=%s", type(error).__name__)
                pause_s = POLL_S / 4
            except Exception:  # noqa: BLE001 - the border of a loop that must go on
                _log.exception("telling of a change failed")
            if is_last:
                return
            if pause_s < POLL_S:
                self._stop.wait(pause_s)
            else:
                self._database.wait(pause_s)

    def _pass(self, pause_s: float) -> float:
        """Read and deliver until nothing settled is left; how long to wait."""
        delivered = 0
        while True:
            page = self._log.after(self._cursor)
            if self._clock() - self._read_at > KEPT.total_seconds() / 2:
                self._on_gap()
            self._read_at = self._clock()
            self._cursor = page.cursor
            if page.subscriptions_changed:
                self._on_subscriptions()
            if page.events:
                self._deliver(page.events)
                delivered += len(page.events)
                pause_s = _REST_S / 2
            if not page.has_more:
                break
        self._note_wait(page.waits_for or Cursor())
        if page.waits_for:  # it ends in a moment, and need not tell anybody of it
            return min(max(pause_s * 2, _SOON_S), POLL_S / 4)
        if delivered > _FEW:
            self._stop.wait(_REST_S)
        return POLL_S

    def _note_wait(self, waits_for: Cursor) -> None:
        """Say so where the same event is held back for long, and where that is over."""
        if waits_for != self._waits_for:
            if self._told_late_at:
                _log.warning("events are no longer held back")
            self._waits_for, self._waits_since, self._told_late_at = waits_for, self._clock(), 0.0
        elif self.late_s >= LATE_S and not self._told_late_at:
            _log.error("a transaction that does not end holds events back: age=%.0f s", self.late_s)
            self._told_late_at = self._clock()
        elif self._told_late_at and self._clock() - self._told_late_at >= SEARCH_AGAIN_S:
            self._told_late_at = self._clock()
            self._on_gap()


def rows_of(
    raised: Sequence[Raised], now: datetime, row: Mapping[str, Any] | None = None, text: str = ""
) -> list[dict[str, Any]]:
    """As they stand in the table, but for `xid`; `text`: the JSON of the `row` that they carry, where it is at hand."""
    at = dt_from_datetime(now)
    return [
        {
            "kind": _UPS,
            "uid": one.uid,
            "position": one.position,
            "frame": _frame(one, row, text),
            "before": _changed(one),
            "at": at,
        }
        for one in raised
    ]


def _frame(raised: Raised, row: Mapping[str, Any] | None, text: str) -> str:
    if row and raised.added and raised.added.keys().isdisjoint(row):
        return f"{text[:-1]},{_text(raised.added)[1:]}"
    return _text(raised.dataset)


def _text(dataset: Mapping[str, Any]) -> str:
    return json.dumps(dataset, ensure_ascii=False, separators=(",", ":"))


def _changed(raised: Raised) -> str:
    """The workitem as it was, as the attributes that differ; "" for a new one."""
    if raised.before is None:
        return ""
    before, after = raised.before, raised.dataset
    differing = {tag: before.get(tag) for tag in {*before, *after} if before.get(tag) != after.get(tag)}
    return _text(differing)


def _raised(row: sa.Row[Any]) -> Raised:
    return Raised(row.uid, row.position, frame=row.frame, changed=row.before)
