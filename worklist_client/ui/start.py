"""The first step of the start, with as few imports as possible: find or start the hub in the background."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ups.codes import Person
from viewer.cancel import CancelToken
from viewer.tasks import TaskRunner
from worklist_client.worklist.embedded import HubAddress, start_or_join
from worklist_client.worklist.region import RegionError, about

__all__ = ["HubStart", "TaskRunner"]


class HubStart:
    """The hub on its way. Whoever listens is told on the main thread, once its event loop runs."""

    def __init__(self, runner: TaskRunner, data_dir: Path, url: str, token: str) -> None:
        self.embedded = not url
        self.reader: Person | None = None
        """Who the hub says that the token belongs to."""
        self._runner, self._data_dir = runner, data_dir
        self._given = HubAddress(url, token) if url else None
        self._ready: Callable[[HubAddress], None] | None = None
        self._failed: Callable[[Exception], None] | None = None
        self.begin()

    def listen(self, ready: Callable[[HubAddress], None], failed: Callable[[Exception], None]) -> None:
        """Say who wants to know. To be called before the event loop runs."""
        self._ready, self._failed = ready, failed

    def begin(self) -> None:
        """Start, or try again after a failure."""
        self._runner.submit(
            self._find,
            self._data_dir,
            lane="hub",
            owner=self,
            done=self._found,
            failed=self._lost,
        )

    def _find(self, data_dir: Path, token: CancelToken) -> HubAddress:
        if self._given is not None:
            if self._given.token:
                with suppress(RegionError):  # away: the list says so, and the settings say who reads
                    self.reader = about(self._given.url, self._given.token).reader
            return self._given
        return start_or_join(data_dir, cancelled=token.cancelled, wait=token.wait)

    def _found(self, address: HubAddress) -> None:
        if self._ready is not None:
            self._ready(address)

    def _lost(self, error: Exception) -> None:
        if self._failed is not None:
            self._failed(error)
