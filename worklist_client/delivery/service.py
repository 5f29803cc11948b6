"""Deliveries in the background: which report is next, when it is tried again, and what the windows may know.

Serve `work` more than once (`WORKERS`), so that one dead hospital holds up one worker for one time-out and nobody else:
each site has its own queue, at most one worker is at a site, and a site that is away is left alone until its time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from pacs.errors import Interrupted
from pacs.port import Cancelled, Pacs
from pacs.site import Connection, Site
from worklist_client.delivery.errors import Blocked, DeliveryError, Held, Later, Refused
from worklist_client.delivery.packing import rows_of
from worklist_client.delivery.reasons import reason_of
from worklist_client.delivery.status import DeliveryState, DeliveryStatus, is_overdue
from worklist_client.delivery.ways_out import WaysOut
from worklist_client.journal import JournalDamaged, JournalError, JournalFull, Outbox, PackageRow, PackageState
from worklist_client.report.draft_json import draft_to_json
from worklist_client.report.model import Draft, SignedReport

if TYPE_CHECKING:
    from worklist_client.delivery.steps import Courier, FenceDesk

_log = logging.getLogger("wl.delivery")

WORKERS = 3
"""How many times `work` should be served."""
BACK_OFF_S = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
IDLE_S = 5.0
FULL_DISK_S = 30.0

Emit = Callable[[DeliveryStatus], None]


class Token(Protocol):
    """What `work` needs of `viewer.cancel.CancelToken`."""

    def cancelled(self) -> bool:
        """Whether to stop."""

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Call back when asked to stop."""


def _silent(_status: DeliveryStatus) -> None:
    return


class DeliveryService:
    """The outbox at work. Every method is safe from any thread; none takes a destination."""

    def __init__(
        self,
        outbox: Outbox,
        desk: FenceDesk,
        sites: Callable[[], Sequence[Site]],
        open_pacs: Callable[[Connection], Pacs],
        now: Callable[[], datetime],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = lambda: 0.0,
        failpoint: Callable[[str], None] | None = None,
    ) -> None:
        """`sites` = the directory as it is now; `now` is for stamps, `monotonic` (seconds) for pauses, for a wall clock
        may be set; `jitter` = a fraction within ±0.2 added to each back-off; `failpoint` is told the name of every
        point between two steps (fault tests)."""
        self._outbox, self._desk, self._sites, self._open_pacs = outbox, desk, sites, open_pacs
        self._now, self._monotonic, self._jitter, self._failpoint = now, monotonic, jitter, failpoint
        self._changed = threading.Condition()
        self._busy: set[str] = set()
        self._away_until: dict[str, float] = {}
        self._due_at: dict[str, float] = {}
        """By report, in `monotonic` seconds. Not in the journal: after a start everything is tried at once."""
        self._nudges = 0
        self._is_started = False
        self._courier: Courier | None = None
        self._ways_out = WaysOut(outbox, desk, self._reach, now)

    def sign(
        self, report: SignedReport, draft: Draft, draft_uid: str, signed_at: datetime, *, stat: bool = False
    ) -> DeliveryStatus:
        """Write text, bytes, hashes and outbox rows in one transaction, then wake the workers.

        Raises what `Outbox.sign` raises; repeating it with the same report changes nothing.
        """
        package, objects = rows_of(report, draft_to_json(draft), signed_at, stat=stat)
        written = self._outbox.sign(package, objects, draft_uid)
        self.nudge()
        return self._status(written)

    def work(self, token: Token, emit: Emit) -> None:
        """Deliver until cancelled; for `TaskRunner.serve`."""
        self._unblock_once()
        token.on_cancel(self.nudge)
        while not token.cancelled():
            with self._changed:
                seen = self._nudges
            if not self.deliver_one(token.cancelled, emit):
                with self._changed:
                    self._changed.wait_for(lambda seen=seen: self._nudges != seen, self._pause_s())  # type: ignore[misc]

    def deliver_due(self, cancelled: Cancelled, emit: Emit = _silent) -> int:
        """One pass over what is due now; how many reports were tried."""
        count = 0
        while not cancelled() and self.deliver_one(cancelled, emit):
            count += 1
        return count

    def deliver_one(self, cancelled: Cancelled, emit: Emit = _silent) -> bool:
        """Try the next report whose site is free; whether there was one."""
        package = self._take()
        if package is None:
            return False
        try:
            self._attempt(package, cancelled, emit)
        finally:
            with self._changed:
                self._busy.discard(package.site_id)
                self._changed.notify_all()
        return True

    def nudge(self) -> None:
        """Look again now: something was signed, a clock was moved, or it is time to stop."""
        with self._changed:
            self._nudges += 1
            self._changed.notify_all()

    @property
    def ways_out(self) -> WaysOut:
        """What a person can do about a held report; call `nudge` after sending all the same."""
        return self._ways_out

    def try_again(self, report_id: str = "") -> None:
        """A person says: try again now (one report, or all). Leaves RETRY, BLOCKED and ATTENTION behind."""
        for package in self._outbox.undelivered():
            aside = package.state in (PackageState.RETRY, PackageState.BLOCKED, PackageState.ATTENTION)
            if aside and report_id in ("", package.report_id):
                with self._changed:
                    self._away_until.pop(package.site_id, None)
                    self._due_at.pop(package.report_id, None)
                self._outbox.resume(package.report_id, self._now())
        self.nudge()

    def undelivered(self) -> tuple[DeliveryStatus, ...]:
        """What quitting has to ask about, oldest first."""
        return tuple(self._status(package) for package in self._outbox.undelivered())

    def status_of(self, report_id: str) -> DeliveryStatus:
        """How far a report is. Raises `RowMissing`."""
        return self._status(self._outbox.get(report_id))

    def status_of_workitem(self, workitem_uid: str) -> DeliveryStatus | None:
        """How far the report of a study is; None where none was signed here."""
        packages = self._outbox.of_workitem(workitem_uid)
        return self._status(packages[-1]) if packages else None

    def wait_s(self, package: PackageRow) -> float | None:
        """Seconds until it is tried again by itself, at least 0; None where no pause is running."""
        with self._changed:
            left = self._wait_s(package.report_id)
        return max(0.0, left) if package.state is PackageState.RETRY and left > float("-inf") else None

    def _unblock_once(self) -> None:
        """What waited for a login or an AE title is tried once more at each start of the program."""
        with self._changed:
            if self._is_started:
                return
            self._is_started = True
            for package in self._outbox.undelivered():
                if package.state is PackageState.BLOCKED:
                    self._outbox.resume(package.report_id, self._now())

    def _take(self) -> PackageRow | None:
        with self._changed:
            for package in self._outbox.triable():
                is_fenced = package.reached is not PackageState.SIGNED
                is_due = self._wait_s(package.report_id) <= 0 and not (is_fenced and self._is_away(package.site_id))
                if is_due and package.site_id not in self._busy:
                    self._busy.add(package.site_id)
                    return package
        return None

    def _is_away(self, site_id: str) -> bool:
        away = self._away_until.get(site_id)
        return away is not None and away > self._monotonic()

    def _wait_s(self, report_id: str) -> float:
        """Seconds until its next try; not positive = due."""
        return self._due_at.get(report_id, float("-inf")) - self._monotonic()

    def _attempt(self, package: PackageRow, cancelled: Cancelled, emit: Emit) -> None:
        """One try. Where the disk is full nothing can be written down, so nothing is done: later, from where it stands.

        What may have been sent without a note of it is looked for at the archive before anything is sent again.
        """
        with self._changed:
            self._due_at.pop(package.report_id, None)
        try:
            self._carry(package, cancelled, emit)
        except JournalFull:
            _log.warning("a delivery waits: the disk is full")
            with self._changed:
                self._due_at[package.report_id] = self._monotonic() + FULL_DISK_S

    def _carry(self, package: PackageRow, cancelled: Cancelled, emit: Emit) -> None:
        report_id = package.report_id

        def moved() -> None:
            emit(self.status_of(report_id))

        try:
            self._carrier().carry(package, cancelled, moved)
            with self._changed:
                self._away_until.pop(package.site_id, None)
        except Interrupted:
            return
        except JournalDamaged as error:
            self._outbox.attention(report_id, error.reason, self._now())
            moved()
        except DeliveryError as error:
            self._set_aside(report_id, error)
            moved()
        except JournalError:
            raise
        except Exception as error:  # noqa: BLE001 - the border of one delivery: a poison report must not delay others
            _log.exception("delivery failed: error=%s", type(error).__name__)
            self._set_aside(
                report_id, Held("delivering failed inside the program: {error}", error=type(error).__name__)
            )
            moved()

    def _set_aside(self, report_id: str, error: DeliveryError) -> None:
        """Write down which way on an error is."""
        now, why = self._now(), error.why.to_text()
        if isinstance(error, Later):
            package = self._outbox.get(report_id)
            wait_s = BACK_OFF_S[min(package.tries, len(BACK_OFF_S) - 1)] * (1 + self._jitter())
            self._outbox.retry(report_id, why, now + timedelta(seconds=wait_s), now)
            with self._changed:
                due = self._due_at[report_id] = self._monotonic() + wait_s
                if error.site_wide:
                    self._away_until[package.site_id] = due
        elif isinstance(error, Refused):
            self._outbox.withdraw(report_id, why, now)
        elif isinstance(error, Blocked):
            self._outbox.block(report_id, why, now)
        else:
            assert isinstance(error, Held)
            self._outbox.attention(report_id, why, now)

    def _pause_s(self) -> float:
        """How long there is nothing to do, as far as the journal knows."""
        with self._changed:
            waits = [self._wait_s(package.report_id) for package in self._outbox.triable()]
        return min([IDLE_S, *(max(0.05, wait) for wait in waits if wait > float("-inf"))])

    def _reach(self, package: PackageRow) -> tuple[Site, Pacs]:
        destination, pacs = self._carrier().reach(package)
        return destination.site, pacs

    def _carrier(self) -> Courier:
        with self._changed:
            if self._courier is None:
                import_module("pydicom")  # whole, before its parts (see pacs.connect)
                from worklist_client.delivery.steps import Courier, nothing  # noqa: PLC0415 - pydicom costs a second

                self._courier = Courier(
                    self._outbox,
                    self._desk,
                    self._sites,
                    self._open_pacs,
                    self._now,
                    self._failpoint or nothing,
                    self._is_away,
                )
            return self._courier

    def _status(self, package: PackageRow) -> DeliveryStatus:
        status = DeliveryStatus(
            report_id=package.report_id,
            workitem_uid=package.workitem_uid,
            site_id=package.site_id,
            study_instance_uid=package.study_instance_uid,
            state=DeliveryState(package.state.value),
            reached=DeliveryState(package.reached.value),
            reason=reason_of(package.reason).english,
            attempts=package.tries,
            next_attempt_at=package.next_attempt,
            wait_s=self.wait_s(package),
            overdue=is_overdue(package, self._now()),
        )
        if package.reached in (PackageState.SIGNED, PackageState.FENCED):
            return status
        proofs = {row.proof for row in self._outbox.objects(package.report_id)}
        weakest = next((proof for proof in ("", "accepted", "found in archive") if proof in proofs), "read back")
        return replace(status, proof=weakest)
