"""What keeps one hub process accountable and observable: its ledger, exports, metrics and readiness."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

import sqlalchemy as sa
from starlette.middleware import Middleware

from worklist_hub.audit.ledger import Ledger, process_name
from worklist_hub.audit.records import Action, Actor, AuditEvent
from worklist_hub.audit.trail import AuditTrail
from worklist_hub.config import HubConfig
from worklist_hub.operations.commits import Commits
from worklist_hub.operations.door import LATE, OperationsDoor, Traffic, is_ready
from worklist_hub.operations.metrics import Registry
from worklist_hub.store.database import Database
from worklist_hub.store.feed import LATE_S

if TYPE_CHECKING:
    from worklist_hub.audit.export import ExportThreads

ENDING_S = 10.0
"""How long a stop waits for requests in progress."""


class Upkeep:
    """Of one hub.

    Parameters
    ----------
    waiting_frames : how many frames the event channels have not sent yet
    late_s : how long the oldest event has been held back (`EventFeed.late_s`)
    tries_commits : False for the hub of one desk: nobody asks it for /ready
    """

    def __init__(
        self,
        config: HubConfig,
        database: Database,
        waiting_frames: Callable[[], int],
        late_s: Callable[[], float] = lambda: 0.0,
        *,
        tries_commits: bool = True,
    ) -> None:
        self._config, self._database = config, database
        self._waiting_frames, self._late_s, self._tries_commits = waiting_frames, late_s, tries_commits
        self.process = process_name(config.ae_title)
        self.ledger = Ledger(database.do, process=self.process)
        self.registry = Registry()
        self.traffic = Traffic()
        self.commits = Commits(database)
        self._exports: ExportThreads | None = None
        self._is_stopping = False
        self._begun = time.time()
        self._describe()

    def middleware(self) -> list[Middleware]:
        """For the outside of the application, outermost first."""
        settings = self._config.operations
        return [
            Middleware(
                OperationsDoor,
                settings=settings,
                readiness=self.readiness,
                registry=self.registry,
                traffic=self.traffic,
            ),
            Middleware(AuditTrail, ledger=self.ledger),
        ]

    async def begin(self) -> None:
        """With the event loop: the first line of the chain, and the exports."""
        await self.ledger.recorded(AuditEvent(Action.START, Actor(self._config.ae_title), text=self._version()))
        if self._config.audit.exports:
            self._exports = await asyncio.to_thread(self._new_exports)
            self._exports.start()
        if self._tries_commits:
            self.commits.start()

    async def drain(self) -> None:
        """A stop was asked for: say so to the proxy, wait until it has seen it, and let requests in progress end."""
        self._is_stopping = True
        await asyncio.sleep(self._config.operations.drain_s)
        self.traffic.is_closed = True
        until = time.monotonic() + ENDING_S
        while self.traffic.in_progress and time.monotonic() < until and not self.commits.problem():
            await asyncio.sleep(0.01)
        if self.traffic.in_progress:
            self.commits.limit_ending(0.0)

    def limit_ending(self) -> None:
        """Requests are over: whatever the end of the process waits for, it does not wait for ever."""
        self.commits.limit_ending()

    def end(self) -> None:
        """After the last answer, before the store is closed."""
        if self._exports is not None:
            self._exports.stop()
        self.ledger.finish(AuditEvent(Action.STOP, Actor(self._config.ae_title), text=self._version()))

    def ended(self) -> None:
        """The store is closed."""
        self.commits.end()

    def wait_until_exported(self, timeout_s: float) -> bool:
        """Whether every receiver has got every line that was there when this was asked."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if not self.ledger.waiting and not any(self._lag().values()):
                return True
            time.sleep(0.05)
        return False

    def readiness(self) -> Mapping[str, str]:
        """See `door.Readiness`. It reads; whether the database can be written shows in the last audit batch and in the
        last commit that was tried."""
        found = {"stopping": "yes" if self._is_stopping else "ok", "database": "ok"}
        try:
            with self._database.reading.connect() as connection:
                connection.execute(sa.select(1))
        except sa.exc.SQLAlchemyError:
            found["database"] = "does not answer"
        if self.ledger.is_failing:
            found["audit"] = "cannot be written"
        if problem := self.commits.problem():
            found["commits"] = problem
        late_s = self._late_s()
        if late_s >= LATE_S:
            found["events"] = f"{LATE}a transaction of the database has not ended for {late_s:.0f} s"
        return found

    def _new_exports(self) -> ExportThreads:
        from worklist_hub.audit import export  # noqa: PLC0415 - TLS and XML: only where something is exported

        database, source = self._database, self._config.ae_title
        make = partial(export.Exporter, reading=database.reading, transact=database.do)
        exporters = [make(one, export.receiver_of(one, source)) for one in self._config.audit.exports]
        return export.ExportThreads(exporters, database.lease)

    def _describe(self) -> None:
        sample, ledger = self.registry.sample, self.ledger
        info: dict[tuple[str, ...], float] = {(self._config.ae_title, self._version()): 1.0}
        sample("worklist_hub_info", "Which hub", lambda: info, labels=("ae_title", "version"))
        sample("worklist_hub_ready", "1 where /ready says yes", self._ready)
        sample("worklist_hub_start_time_seconds", "Started at", lambda: self._begun)
        sample("worklist_hub_audit_linked_total", "Audit events chained", lambda: ledger.linked, kind="counter")
        sample("worklist_hub_audit_waiting", "Audit events not chained yet", lambda: ledger.waiting)
        sample("worklist_hub_event_frames_waiting", "Frames that event channels have to send", self._waiting_frames)
        sample("worklist_hub_event_late_seconds", "For so long the oldest event is held back", self._late_s)
        sample("worklist_hub_audit_export_behind", "Audit events a receiver has not got", self._lag, labels=("target",))
        sample("worklist_hub_audit_export_failing", "1 where the last try failed", self._failing, labels=("target",))
        sample("process_cpu_seconds_total", "CPU time", time.process_time, kind="counter")
        sample("process_resident_memory_bytes", "Resident memory", _resident)
        sample("process_open_fds", "Open files", lambda: len(os.listdir("/proc/self/fd")))

    def _ready(self) -> float:
        return float(is_ready(self.readiness()))

    def _lag(self) -> Mapping[tuple[str, ...], float]:
        return {(name,): number for name, number in self._exports.lag().items()} if self._exports else {}

    def _failing(self) -> Mapping[tuple[str, ...], float]:
        return {(name,): float(is_so) for name, is_so in self._exports.failing.items()} if self._exports else {}

    @staticmethod
    def _version() -> str:
        return f"version {metadata.version('universal-radiology-worklist')}"


def _resident() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * float(os.sysconf("SC_PAGE_SIZE"))
