"""Hands linked events to their receivers, each chain in order, each receiver with a cursor of its own.

A chain grows at its end only, by one process, without gaps: reading it from the cursor on misses nothing. A line is
delivered at least once; receivers know a repeated one by process, day and seq.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa

from worklist_hub.audit.dicom_xml import Origin, audit_messages
from worklist_hub.audit.ledger import Transact
from worklist_hub.audit.records import AuditEvent
from worklist_hub.audit.settings import ExportTarget
from worklist_hub.audit.syslog import SyslogSender, frame
from worklist_hub.audit.tables import AUDIT_EVENTS, AUDIT_EXPORTS, AUDIT_HEADS, AUDIT_LINKS

_log = logging.getLogger("wl.hub.audit")
PAGE = 200
PASS_EVERY_S = 1.0
LONGEST_PAUSE_S = 60.0


@dataclass(frozen=True, slots=True)
class Line:
    """One linked event."""

    process: str
    day: str
    seq: int
    hash: str
    event: AuditEvent

    def as_json(self) -> str:
        """One line of JSON: the event, and which link it is. `hash` is over the whole event, not a hospital's part."""
        told: dict[str, Any] = json.loads(self.event.to_text())
        chain = {"process": self.process, "day": self.day, "seq": self.seq, "hash": self.hash}
        return json.dumps({**told, "chain": chain}, ensure_ascii=False, separators=(",", ":"))


class Receiver(Protocol):
    """Takes lines; returns when they are safe there. Raises `OSError` or `SyslogUnavailable`."""

    def take(self, lines: Sequence[Line]) -> None:
        """Deliver."""
        ...

    def close(self) -> None:
        """No more for now."""
        ...


class JsonFiles:
    """A file a day in a folder, 0600, with fsync."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, lines: Sequence[Line]) -> None:
        """See `Receiver`."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        by_day: dict[str, list[Line]] = {}
        for line in lines:
            by_day.setdefault(line.day, []).append(line)
        for day, some in by_day.items():
            path = self._folder / f"audit-{day}.jsonl"
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write("".join(f"{line.as_json()}\n" for line in some).encode())
                file.flush()
                os.fsync(file.fileno())

    def close(self) -> None:
        """See `Receiver`."""


class SyslogLines:
    """DICOM audit messages to a collector."""

    def __init__(self, sender: SyslogSender, source: str, site_id: str) -> None:
        self._sender, self._source, self._site_id = sender, source, site_id

    def take(self, lines: Sequence[Line]) -> None:
        """See `Receiver`."""
        frames = []
        for line in lines:
            origin = Origin(self._source, line.process, line.day, line.seq, line.hash, self._site_id)
            for message in audit_messages(line.event, origin):
                frames.append(frame(message, at=line.event.at, application="worklist-hub"))
        self._sender.send(frames)

    def close(self) -> None:
        """See `Receiver`."""
        self._sender.close()


def receiver_of(target: ExportTarget, source: str) -> Receiver:
    """For a target of hub.toml; `source` = the hub's AE title."""
    if target.collector is not None:
        return SyslogLines(SyslogSender(target.collector), source, target.site)
    return JsonFiles(target.folder or Path())


class Exporter:
    """Brings one target up to date. `may_run`: one process of a region at a time holds the right (a lease)."""

    def __init__(self, target: ExportTarget, receiver: Receiver, reading: sa.Engine, transact: Transact) -> None:
        self.target = target
        self._receiver, self._reading, self._transact = receiver, reading, transact

    def run_once(self) -> int:
        """Everything linked so far; how many lines were passed. Raises `OSError`, `SyslogUnavailable`."""
        passed = 0
        for process, day, seq in self._behind():
            at = seq
            while lines := self._page(process, day, at):
                wanted = [_for(self.target.site, line) for line in lines if _is_wanted(self.target.site, line)]
                if wanted:
                    self._receiver.take(wanted)
                at = lines[-1].seq
                self._move_cursor(process, day, at)
                passed += len(lines)
        return passed

    def behind(self) -> int:
        """How many linked events this target has not got, for metrics."""
        with self._reading.connect() as connection:
            query = sa.select(sa.func.sum(AUDIT_HEADS.c.seq - _CURSOR)).select_from(_joined(self.target.name))
            return int(connection.execute(query).scalar_one() or 0)

    def close(self) -> None:
        """No more for now."""
        self._receiver.close()

    def _behind(self) -> list[tuple[str, str, int]]:
        columns = (AUDIT_HEADS.c.process, AUDIT_HEADS.c.day, _CURSOR)
        query = sa.select(*columns).select_from(_joined(self.target.name)).where(AUDIT_HEADS.c.seq > _CURSOR)
        with self._reading.connect() as connection:
            rows = connection.execute(query.order_by(AUDIT_HEADS.c.day, AUDIT_HEADS.c.at)).all()
        return [(row[0], row[1], row[2]) for row in rows]

    def _page(self, process: str, day: str, after: int) -> list[Line]:
        with self._reading.connect() as connection:
            return list(lines_of(connection, process, day, after, PAGE))

    def _move_cursor(self, process: str, day: str, seq: int) -> None:
        key = {"target": self.target.name, "process": process, "day": day}

        def job(connection: sa.Connection) -> None:
            mine = [AUDIT_EXPORTS.c[name] == value for name, value in key.items()]
            if not connection.execute(sa.update(AUDIT_EXPORTS).where(*mine).values(seq=seq)).rowcount:
                connection.execute(sa.insert(AUDIT_EXPORTS).values(**key, seq=seq))

        self._transact(job)


def lines_of(connection: sa.Connection, process: str, day: str, after: int, limit: int) -> Iterator[Line]:
    """Of one chain, in order."""
    joined = AUDIT_LINKS.join(
        AUDIT_EVENTS,
        sa.and_(
            AUDIT_EVENTS.c.process == AUDIT_LINKS.c.event_process, AUDIT_EVENTS.c.number == AUDIT_LINKS.c.event_number
        ),
    )
    query = (
        sa.select(AUDIT_LINKS.c.seq, AUDIT_LINKS.c.hash, AUDIT_EVENTS.c.body)
        .select_from(joined)
        .where(AUDIT_LINKS.c.process == process, AUDIT_LINKS.c.day == day, AUDIT_LINKS.c.seq > after)
        .order_by(AUDIT_LINKS.c.seq)
        .limit(limit)
    )
    for seq, hash_, body in connection.execute(query):
        yield Line(process, day, seq, hash_, AuditEvent.from_text(body))


_CURSOR = sa.func.coalesce(AUDIT_EXPORTS.c.seq, 0)


def _joined(target: str) -> sa.FromClause:
    same_chain = (AUDIT_EXPORTS.c.process == AUDIT_HEADS.c.process, AUDIT_EXPORTS.c.day == AUDIT_HEADS.c.day)
    return AUDIT_HEADS.outerjoin(AUDIT_EXPORTS, sa.and_(AUDIT_EXPORTS.c.target == target, *same_chain))


def _is_wanted(site: str, line: Line) -> bool:
    return not site or site in line.event.sites


def _for(site: str, line: Line) -> Line:
    return Line(line.process, line.day, line.seq, line.hash, line.event.for_site(site)) if site else line


class ExportThreads:
    """One thread a target: waits for its lease, exports, pauses longer after each failure."""

    def __init__(self, exporters: Sequence[Exporter], lease: Callable[[str], Any]) -> None:
        self._exporters, self._lease = exporters, lease
        self._stop = threading.Event()
        self.failing: dict[str, bool] = {one.target.name: False for one in exporters}
        self._threads = [
            threading.Thread(target=self._work, args=(one,), name=f"audit-export-{one.target.name}", daemon=True)
            for one in exporters
        ]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what is not delivered yet is delivered by whoever comes next."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def lag(self) -> Mapping[str, int]:
        """Events not yet delivered, by target."""
        return {one.target.name: one.behind() for one in self._exporters}

    def _work(self, exporter: Exporter) -> None:
        held = self._lease(f"audit-export:{exporter.target.name}")
        pause = PASS_EVERY_S
        try:
            while not self._stop.wait(pause):
                if not held.is_held():
                    pause = PASS_EVERY_S
                    continue
                try:
                    exporter.run_once()
                    pause, self.failing[exporter.target.name] = PASS_EVERY_S, False
                except Exception as error:  # noqa: BLE001 - the border of the thread: it goes on
                    self.failing[exporter.target.name] = True
                    pause = min(pause * 2, LONGEST_PAUSE_S)
                    kind = type(error).__name__
                    _log.warning("audit export failed target=%s kind=%s", exporter.target.name, kind)
        finally:
            exporter.close()
            with contextlib.suppress(Exception):
                held.release()
