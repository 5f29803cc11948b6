"""Writes audit events durably and chains them.

Three ways in: `write` inside the transaction of the change it tells of; `record` and `recorded`, which return once the
event is durable, many callers to a commit. The chain is continued by one thread: what is recorded is linked in the
same commit; what was written with a change is linked within `LINK_DELAY_S` of it, by this process or, where it is
killed before, by another one (`adoption`).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from worklist_hub.audit.adoption import UNLINKED, Adoption, Found, Linkable
from worklist_hub.audit.links import genesis, link_hash
from worklist_hub.audit.records import Action, AuditEvent, Subject
from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_HEADS, AUDIT_LINKS

_log = logging.getLogger("wl.hub.audit")
Transact = Callable[[Callable[[sa.Connection], None]], None]
"""Runs a job in a writing transaction and returns after its commit."""
LINK_DELAY_S = 0.2
BATCH = 500
GIVEN_UP_S = 120.0
"""A number that no commit has shown for so long was rolled back."""
ADOPT_EVERY_S = 60.0
ADOPT_SOON_S = 1.0
"""After the start, and between the pieces of what is old."""

_INSERT = sa.insert(AUDIT_EVENTS)


class AuditUnavailable(Exception):
    """The event could not be made durable; what it tells of must not be answered."""


def process_name(hub: str) -> str:
    """Of this process and this start of it: no two are alike, so that no two chains are."""
    host = socket.gethostname()[:32]
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{hub[:16]}@{host}/{os.getpid()}/{moment}-{secrets.token_hex(3)}"


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Written:
    """An event handed to somebody's transaction, not yet seen committed."""

    body: str
    at_s: float


@dataclass(frozen=True, slots=True)
class _End:
    """The end of this process's chain."""

    day: str
    seq: int
    hash: str


class Ledger:
    """One process's pen. Any thread may call."""

    def __init__(self, transact: Transact, *, process: str, clock: Callable[[], datetime] = _now) -> None:
        self.process = process
        self._transact, self._clock = transact, clock
        self._numbers = itertools.count(1)
        self._condition = threading.Condition()
        self._queue: list[tuple[tuple[AuditEvent, ...], Future[None]]] = []
        self._written: dict[int, _Written] = {}
        self._closed = False
        self._end = _End("", 0, genesis(process))
        self._is_unsure = False
        self.is_failing = False
        """Whether the last batch could not be written."""
        self.linked = 0
        """Links made, for metrics."""
        self._adoption = Adoption(clock)
        self._adopt_at = time.monotonic() + ADOPT_SOON_S
        self._thread = threading.Thread(target=self._work, name="audit-ledger", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Events that no link holds yet, for metrics."""
        with self._condition:
            return len(self._written) + sum(len(events) for events, _ in self._queue)

    def write(self, connection: sa.Connection, events: Sequence[AuditEvent]) -> None:
        """Within a change's own transaction: both are there after its commit, or neither."""
        if not events:
            return
        rows = self.rows_of(events)
        connection.execute(_INSERT, rows)
        self.wrote(rows)

    def rows_of(self, events: Sequence[AuditEvent]) -> list[dict[str, Any]]:
        """To be written with a change by somebody who then says so (`wrote`)."""
        return [self._row(event) for event in events]

    def wrote(self, rows: Sequence[dict[str, Any]]) -> None:
        """These rows are in the table, or in a transaction that may still end well: let them be linked."""
        moment = time.monotonic()
        with self._condition:
            sleeps = not self._written
            for row in rows:
                self._written[row["number"]] = _Written(row["body"], moment)
            if sleeps:  # else it links soon anyway: a wake for each change would cost more than its link
                self._condition.notify()

    def record(self, *events: AuditEvent) -> None:
        """Durable on return. Raises `AuditUnavailable`."""
        try:
            self._submit(events).result()
        except Exception as error:
            raise AuditUnavailable("the audit log cannot be written now") from error

    async def recorded(self, *events: AuditEvent) -> None:
        """Durable on return. Raises `AuditUnavailable`."""
        if not events:
            return
        try:
            await asyncio.wrap_future(self._submit(events))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            raise AuditUnavailable("the audit log cannot be written now") from error

    def finish(self, last: AuditEvent) -> None:
        """Close with a last event; where the database is away the event is given up, not the end of the process."""
        with contextlib.suppress(AuditUnavailable):
            self.record(last)
        self.close()

    def close(self) -> None:
        """Write and link what is waiting, then stop. The store must still be open."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        self._thread.join()

    def _submit(self, events: Sequence[AuditEvent]) -> Future[None]:
        future: Future[None] = Future()
        if not events:
            future.set_result(None)
            return future
        with self._condition:
            if self._closed:
                raise AuditUnavailable("the audit log is closed")
            self._queue.append((tuple(events), future))
            self._condition.notify()
        return future

    def _row(self, event: AuditEvent) -> dict[str, Any]:
        event = event.trimmed(self._clock().isoformat(timespec="milliseconds"))
        subject = event.subjects[0] if event.subjects else Subject()
        return {
            "process": self.process,
            "number": next(self._numbers),
            "at": event.at,
            "action": event.action.value,
            "reader": event.actor.code[:64],
            "patient": subject.patient[:160],
            "study_instance_uid": subject.study_instance_uid[:64],
            "workitem_uid": subject.workitem_uid[:64],
            "body": event.to_text(),
        }

    # The linking thread

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(self._is_due, timeout=max(self._adopt_at - time.monotonic(), 0.0))
                if not self._queue and self._written and not self._closed:
                    self._condition.wait_for(lambda: bool(self._queue) or self._closed, timeout=LINK_DELAY_S)
                queue, self._queue = self._queue[:BATCH], self._queue[BATCH:]
                numbers = sorted(self._written)[:BATCH]
                ending = self._closed and not self._queue
            is_done = self._batch(queue, numbers)
            if ending and (is_done or not queue):
                return

    def _is_due(self) -> bool:
        return bool(self._queue or self._written or self._closed)

    def _batch(self, queue: list[tuple[tuple[AuditEvent, ...], Future[None]]], numbers: list[int]) -> bool:
        """One commit; whether it succeeded."""
        adopts = time.monotonic() >= self._adopt_at
        rows = [self._row(event) for events, _ in queue for event in events]
        made: list[tuple[_End, list[int], Found | None]] = []

        def job(connection: sa.Connection) -> None:
            if self._is_unsure:
                self._end = self._found_end(connection)
            found = self._adoption.find(connection, BATCH) if adopts else None
            if rows:
                connection.execute(_INSERT, rows)
            elif self.is_failing:
                self._try_to_write(connection)
            committed = self._committed(connection, numbers)
            mine = set(self._written)
            linkable = [one for one in found.linkable if one[0] != self.process or one[1] not in mine] if found else []
            linkable += [(self.process, number, self._written[number].body) for number in committed]
            linkable += [(self.process, row["number"], row["body"]) for row in rows]
            made.append((self._link(connection, linkable), committed, found))

        try:
            if rows or numbers or adopts:
                self._transact(job)
        except Exception as error:  # noqa: BLE001 - the border of the thread: the askers get it
            _log.warning("audit batch failed kind=%s", type(error).__name__)
            self._is_unsure = self.is_failing = True
            self._adopt_at = min(self._adopt_at, time.monotonic() + ADOPT_SOON_S)
            for _, future in queue:
                future.set_exception(error)
            time.sleep(LINK_DELAY_S)  # a database that is away is asked again, not hammered
            return False
        if made:
            self._is_unsure = False
            self._end, committed, found = made[-1]
            self._forget(committed)
            if found is not None:
                self._adoption.done(found)
                self._adopt_at = time.monotonic() + (ADOPT_EVERY_S if self._adoption.is_through else ADOPT_SOON_S)
            self.is_failing = False
        for _, future in queue:
            future.set_result(None)
        return True

    def _try_to_write(self, connection: sa.Connection) -> None:
        """A line that is taken back: a hub that says that it is not ready is asked nothing that would tell."""
        attempt = connection.begin_nested()
        connection.execute(_INSERT, [self._row(AuditEvent(Action.OTHER))])
        attempt.rollback()

    def _committed(self, connection: sa.Connection, numbers: list[int]) -> list[int]:
        if not numbers:
            return []
        found = sa.select(AUDIT_EVENTS.c.number).where(
            AUDIT_EVENTS.c.process == self.process, AUDIT_EVENTS.c.number.in_(numbers), UNLINKED
        )
        return sorted(connection.execute(found).scalars())

    def _forget(self, committed: Sequence[int]) -> None:
        """What is linked, and what was rolled back long ago."""
        too_old = time.monotonic() - GIVEN_UP_S
        with self._condition:
            for number in committed:
                self._written.pop(number, None)
            for number in [one for one, written in self._written.items() if written.at_s < too_old]:
                del self._written[number]

    def _found_end(self, connection: sa.Connection) -> _End:
        """As the database has it: after an error nobody knows whether the last commit happened."""
        mine = sa.select(AUDIT_HEADS).where(AUDIT_HEADS.c.process == self.process)
        head = connection.execute(mine.order_by(AUDIT_HEADS.c.day.desc()).limit(1)).one_or_none()
        return _End(head.day, head.seq, head.hash) if head else _End("", 0, genesis(self.process))

    def _link(self, connection: sa.Connection, linkable: Sequence[Linkable]) -> _End:
        """Continue the chain; a new day starts a new one, chained to the day before. A clock that steps back, over a
        midnight or a year, starts none: the chain goes on under the day it has reached."""
        if not linkable:
            return self._end
        moment = self._clock()
        end = self._end
        day = max(end.day, moment.strftime("%Y%m%d"))
        start = end.hash
        seq, hash_so_far = (end.seq, end.hash) if end.day == day else (0, end.hash)
        links = []
        for process, number, body in linkable:
            seq += 1
            hash_so_far = link_hash(hash_so_far, self.process, day, seq, body)
            links.append((process, number, seq, hash_so_far))
        connection.execute(
            sa.insert(AUDIT_LINKS),
            [
                {"process": self.process, "day": day, "seq": seq, "event_process": process, "event_number": number}
                | {"hash": hash_}
                for process, number, seq, hash_ in links
            ],
        )
        head = {"seq": seq, "hash": hash_so_far, "at": moment.isoformat(timespec="milliseconds")}
        key = {"process": self.process, "day": day}
        if end.day == day:
            mine = (AUDIT_HEADS.c.process == self.process, AUDIT_HEADS.c.day == day)
            connection.execute(sa.update(AUDIT_HEADS).where(*mine).values(**head))
        else:
            connection.execute(sa.insert(AUDIT_HEADS).values(**key, **head, previous=start))
        self.linked += len(links)
        return _End(day, seq, hash_so_far)
