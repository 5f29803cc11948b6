"""Looks for claims whose holder is silent: shows them as stale, releases those of which no report was started."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

import sqlalchemy as sa

from worklist_hub.store.database import StoreUnavailable
from worklist_hub.store.workitems import LostRace, WorkitemStore
from worklist_hub.workitem.hearing import Hearing
from worklist_hub.workitem.protocol import Caller, Sweep

SWEEP_S: Final = 5.0
LOOK_AGAIN_S: Final = 30.0
_PAGE: Final = 5000
_ITSELF = Caller(ae_title="HUB")
_log = logging.getLogger("wl.hub.claims")


class _Held(Protocol):
    def is_held(self) -> bool: ...

    def release(self) -> None: ...


class Sweeper:
    """A thread of its own; of several hub processes one sweeps, and two that do would only find less to do."""

    def __init__(
        self, store: WorkitemStore, *, pause_s: float = SWEEP_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store, self._pause_s = store, pause_s
        self._clock = clock
        self._hearing = Hearing(clock)
        self._looked_at: dict[str, float] = {}
        """Claims that were looked at a moment ago: nothing changes while somebody is silent for hours."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="claims-sweeper", daemon=True)

    def start(self) -> None:
        """Sweep from now on. Nobody was heard before."""
        self.listen()
        self._thread.start()

    def listen(self) -> None:
        """Note that the hub hears, or from when on it hears again. Also where another process sweeps: a claim may be
        taken over, for its silence, through every process."""
        since = self._hearing.tick(self._store.now())
        if since != self._store.rules.heard_since:
            self._store.rules = replace(self._store.rules, heard_since=since)

    def stop(self) -> None:
        """End, after the claim at hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def sweep(self) -> int:
        """One pass over everybody who is silent; how many claims were looked at."""
        since = self._store.now() - self._store.rules.stale_after
        moment = self._clock()
        self._looked_at = {uid: at for uid, at in self._looked_at.items() if moment - at < LOOK_AGAIN_S}
        uids = [uid for uid in self._store.silent_claims(since, limit=_PAGE) if uid not in self._looked_at]
        for uid in uids:
            if self._stop.is_set():
                break
            try:
                self._store.carry_out(uid, Sweep(), _ITSELF)
                self._looked_at[uid] = moment
            except LostRace:
                continue  # it is changing, so somebody is alive
        return len(uids)

    def _work(self) -> None:
        lease: _Held = self._store.lease("claims")
        try:
            while not self._stop.wait(self._pause_s):
                try:
                    self.listen()
                    if lease.is_held():
                        self.sweep()
                except (StoreUnavailable, sa.exc.SQLAlchemyError) as error:
                    _log.warning("silent claims cannot be looked at: error=%s", type(error).__name__)
                except Exception:  # noqa: BLE001 - the border of a loop that must go on
                    _log.exception("looking at silent claims failed")
        finally:
            lease.release()
