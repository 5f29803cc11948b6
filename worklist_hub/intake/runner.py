"""Polls the sites, each in a thread of its own, so that one that is away stops nobody else.

The one module of the hub that makes threads for intake (the hub is a server; `viewer.tasks` belongs to the desktop).
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pacs.errors import PacsError
from pacs.port import Pacs
from pacs.site import Site
from worklist_hub.intake import asking
from worklist_hub.intake.gaps import NO_PAST, Past
from worklist_hub.intake.pace import Chance, Pace
from worklist_hub.intake.poller import OpenPacs, Poller, SiteState
from worklist_hub.intake.rules import RuleBook
from worklist_hub.store.database import Held
from worklist_hub.store.port import Feed

__all__ = ["Intake", "OpenPacs", "Past", "Poller", "SiteState", "own_pacs"]

STOP_S: Final = 5.0
LEASE_LOOK_S: Final = 1.0
"""How often a process that may not poll a site looks whether it may now."""

_log = logging.getLogger("wl.hub.intake")
Lease = Callable[[str], Held]


class _Alone:
    """Where no other process polls."""

    def is_held(self) -> bool:
        """Always."""
        return True

    def release(self) -> None:
        """Nothing to let go."""


def own_pacs(calling_ae: str, secrets_file: Path | None = None) -> OpenPacs:
    """Opens a site's own PACS (`asking.own_pacs`)."""

    def opened(site: Site) -> Pacs:
        return asking.own_pacs(site, calling_ae, secrets_file)

    return opened


class Intake:
    """All sites, a thread each. `start` once, `stop` once."""

    def __init__(
        self,
        feed: Feed,
        sites: Sequence[Site],
        rules: RuleBook,
        *,
        opened: OpenPacs,
        poll_s: float = 10.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease: Lease = lambda _name: _Alone(),
        chance: Chance = random.random,
        monotonic: Callable[[], float] = time.monotonic,
        told: Callable[[str, SiteState], None] = lambda _site_id, _state: None,
        past: Past = NO_PAST,
    ) -> None:
        """
        Parameters
        ----------
        opened : how to open a site's PACS, such as `own_pacs(ae_title)`
        poll_s : seconds between the starts of two polls of a site
        clock : what is new and what is due; `monotonic`: how long anything takes, whoever sets the clock
        lease : of several hub processes one polls a site: `WorkitemStore.lease`
        chance : spreads polls and the return of hospitals that were away
        told : hears after each poll how it went
        past : what earlier polls came to, and how far back it is made good for
        """
        self._told = told
        self._pollers = [
            Poller(site, feed, rules, opened, clock, monotonic, past) for site in sites if site.connections
        ]
        self._pace, self._lease = Pace(poll_s), lease
        self._clock, self._chance, self._monotonic = clock, chance, monotonic
        self._whole_at: dict[str, float] = {}
        """When the last whole poll of each site began."""
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to poll; returns at once."""
        for poller in self._pollers:
            name = f"intake-{poller.site.site_id}"
            thread = threading.Thread(target=self._work, args=(poller,), name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Stop and wait; a poll in progress is canceled."""
        self._stop.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def states(self) -> dict[str, SiteState]:
        """How polling goes, by site."""
        return {poller.site.site_id: poller.state for poller in self._pollers}

    def _work(self, poller: Poller) -> None:
        lease = self._lease(f"poll {poller.site.site_id}")
        try:
            while not self._stop.is_set():
                pause_s = self._polled(poller) if lease.is_held() else min(self._pace.poll_s, LEASE_LOOK_S)
                self._stop.wait(pause_s)
        finally:
            lease.release()

    def _polled(self, poller: Poller) -> float:
        """Poll once; how long to wait then."""
        began = self._monotonic()
        site_id = poller.site.site_id
        is_whole = site_id not in self._whole_at or self._pace.is_whole(began - self._whole_at[site_id])
        try:
            poller.poll(self._stop.is_set, is_glance=not is_whole)
            if is_whole:
                self._whole_at[site_id] = began
            poller.state = SiteState(polled_at=self._clock(), undated=poller.undated, gap=poller.gap)
        except Exception as error:  # noqa: BLE001 - the border of a loop that must go on
            if not self._stop.is_set():
                failures = poller.state.failures + 1
                was = poller.state
                poller.state = SiteState(failures, type(error).__name__, was.polled_at, poller.undated, was.gap)
                log = _log.warning if isinstance(error, PacsError) else _log.exception
                log("poll failed: site=%s error=%s failures=%d", poller.site.site_id, type(error).__name__, failures)
        self._told(poller.site.site_id, poller.state)
        return self._pace.pause_s(poller.state.failures, self._monotonic() - began, self._chance, poller.new)
