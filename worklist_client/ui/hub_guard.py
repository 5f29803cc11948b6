"""Where the hub of this desk dies while windows are open, another one is started or joined, and everything goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject

from ups.client import UpsClient
from viewer.cancel import CancelToken
from viewer.tasks import TaskRunner
from worklist_client.ui.list_feed import ListFeed
from worklist_client.worklist.embedded import HubAddress, start_or_join

_log = logging.getLogger("wl.desktop")


class HubGuard(QObject):
    """Watches the event channel. Each time it says that the hub is away (it does so again at each of its tries), the
    hub is looked for; one that still answers is simply found, so that a broken channel starts nothing."""

    def __init__(
        self,
        runner: TaskRunner,
        client: UpsClient,
        feed: ListFeed,
        data_dir: Path,
        parent: QObject | None = None,
        *,
        find: Callable[[Path, CancelToken], HubAddress] | None = None,
    ) -> None:
        super().__init__(parent)
        self._runner, self._client, self._feed, self._data_dir = runner, client, feed, data_dir
        self._find = find or _start_or_join
        self._is_looking = False
        self.address: HubAddress | None = None
        """Where the hub was found last; its process is held here where it was started from here."""
        feed.connection_changed.connect(self._look)

    def _look(self) -> None:
        if self._feed.connection.connected or self._is_looking:
            return
        self._is_looking = True
        self._runner.submit(
            self._find, self._data_dir, lane="hub", owner=self, priority=-2, done=self._found, failed=self._lost
        )

    def _found(self, address: HubAddress) -> None:
        self._is_looking = False
        self.address = address
        if address.url != self._client.base_url:
            _log.info("the hub of this desk was started anew")
        self._client.move(address.url, address.token)

    def _lost(self, error: Exception) -> None:
        """The channel tries again, and then so do we."""
        self._is_looking = False
        _log.warning("the hub of this desk does not start: error=%s", type(error).__name__)


def _start_or_join(data_dir: Path, token: CancelToken) -> HubAddress:
    return start_or_join(data_dir, cancelled=token.cancelled, wait=token.wait)
