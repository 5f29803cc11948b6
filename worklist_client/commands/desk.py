"""The desk: one bundle of everything a window may use. Composed once, in `worklist_client.app`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pacs.errors import PacsError
from pacs.site import Site
from ups.codes import Person
from worklist_client.report.model import Reader

if TYPE_CHECKING:  # types only: the windows must not wait for DICOM libraries at start
    from pacs.credentials import Credentials
    from pacs.workers import WorkerProcess
    from ups.client import UpsClient
    from viewer.tasks import TaskRunner
    from worklist_client.cache.store import Cache
    from worklist_client.delivery.service import DeliveryService
    from worklist_client.journal import Journal
    from worklist_client.settings.language import Translator
    from worklist_client.settings.store import Settings
    from worklist_client.worklist.claim import ClaimDesk
    from worklist_client.worklist.live import LiveList


class UnknownSite(PacsError):
    """The directory of sites has no such hospital; `site_id` says which. Its studies are shown, never opened."""

    def __init__(self, site_id: str) -> None:
        super().__init__(f"no hospital '{site_id}' in the directory of sites")
        self.site_id = site_id


class SiteDirectory:
    """The hospitals, as the hub last told them. Replaced as a whole; safe to read from any thread."""

    def __init__(self, sites: Iterable[Site] = ()) -> None:
        self._lock = threading.Lock()
        self._sites: dict[str, Site] = {site.site_id: site for site in sites}

    def replace(self, sites: Iterable[Site]) -> None:
        """Take over a newer directory."""
        newer = {site.site_id: site for site in sites}
        with self._lock:
            self._sites = newer

    def all(self) -> tuple[Site, ...]:
        """All hospitals, in the directory's order."""
        with self._lock:
            return tuple(self._sites.values())

    def get(self, site_id: str) -> Site:
        """One hospital. Raises `UnknownSite`."""
        with self._lock:
            site = self._sites.get(site_id)
        if site is None:
            raise UnknownSite(site_id)
        return site

    def name_of(self, site_id: str) -> str:
        """The hospital's name, or its id where the directory does not know it."""
        with self._lock:
            site = self._sites.get(site_id)
        return site.name if site is not None else site_id


@dataclass(frozen=True)
class Workers:
    """The worker processes. `images` fetch and decode (they may share one study); `reports` renders at signing."""

    images: tuple[WorkerProcess, ...]
    reports: WorkerProcess


def is_named(reader: Reader) -> bool:
    """Whether it is known who reads here. Until then studies can be looked at, neither claimed nor signed."""
    return bool(reader.name and reader.code)


@dataclass(eq=False)
class Desk:
    """What windows get. The services live as long as the application; only the reader may be named later."""

    runner: TaskRunner
    journal: Journal
    settings: Settings
    tr: Translator
    reader: Reader
    client: UpsClient
    claims: ClaimDesk
    live: LiveList
    sites: SiteDirectory
    cache: Cache
    workers: Workers
    delivery: DeliveryService
    calling_ae: str
    new_uid: Callable[[], str]
    """A fresh UID below 2.25."""
    now: Callable[[], datetime]
    """The wall clock with its offset; for display and stamps, never for deciding (design decision 10)."""
    render_path: str = "auto"
    """software, vtk or auto: handed to the viewer widget."""
    solo: bool = False
    """Whether the hub is embedded, so that nobody else sees these claims."""
    credentials: Callable[[str], Credentials | None] = lambda _connection_id: None
    """The secrets of a connection by its id; blocking (keychain), for background work only."""
    on_named: list[Callable[[], None]] = field(default_factory=list)
    """Who wants to know that the reader was named."""

    def name_reader(self, reader: Reader) -> None:
        """The reader has said who it is. Nothing is claimed before, so nothing is held under another name."""
        self.reader = reader
        self.client.known_as(Person(code=reader.code, name=reader.name, organisation=reader.organisation))
        self.live.known_as(reader.code, reader.name)
        for tell in tuple(self.on_named):
            tell()
