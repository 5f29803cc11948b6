"""The first step of the start, with as few imports as possible: find or start the hub in the background."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ups.codes import Person
from viewer.cancel import CancelToken
from viewer.tasks import TaskRunner
from worklist_client.settings.session import KeychainVault, Session
from worklist_client.settings.sign_in import Method, SignInError, methods
from worklist_client.worklist.embedded import HubAddress, start_or_join
from worklist_client.worklist.region import RegionError, about

__all__ = ["HubStart", "SignInNeeded", "TaskRunner"]


class SignInNeeded(Exception):
    """Somebody must sign in first; `reason` says why the last time does not do, "" where there was none."""

    def __init__(self, hub_url: str, session: Session, methods: tuple[Method, ...], reason: str = "") -> None:
        super().__init__(reason)
        self.hub_url, self.session, self.methods, self.reason = hub_url, session, methods, reason


def let_in(hub_url: str, session: Session) -> bool:
    """Whether this hub wants a sign-in, and there is one. Blocks. Raises `SignInNeeded`, `SignInError`."""
    if not session.is_signed_in and not session.restore():
        offered = methods(hub_url)
        if not offered:
            return False
        raise SignInNeeded(hub_url, session, offered)
    try:
        session.introduce()
    except SignInError as error:
        if error.is_final:
            raise SignInNeeded(hub_url, session, methods(hub_url), error.reason) from error
        if not session.reader:
            raise
    return True


class HubStart:
    """The hub on its way. Whoever listens is told on the main thread, once its event loop runs."""

    def __init__(self, runner: TaskRunner, data_dir: Path, url: str, token: str, *, profile: str = "") -> None:
        self.embedded = not url
        self.reader: Person | None = None
        """Who the hub says that the token belongs to."""
        self._runner, self._data_dir = runner, data_dir
        session = Session(url, KeychainVault(profile)) if url and not token else None
        self._given = HubAddress(url, token, session=session) if url else None
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
            if self._given.session is not None and not let_in(self._given.url, self._given.session):
                return HubAddress(self._given.url, "")
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
