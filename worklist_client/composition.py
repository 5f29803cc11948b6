"""Composes the desk of one profile. The one place that knows every service by its class."""

from __future__ import annotations

import random
import socket
import uuid
from datetime import datetime

from pacs.connect import open_pacs
from pacs.port import Pacs
from pacs.site import Connection
from pacs.workers import WorkerProcess
from ups.client import UpsClient
from ups.codes import Person
from viewer.tasks import TaskRunner
from worklist_client.cache.store import Cache
from worklist_client.commands.desk import Desk, SiteDirectory, Workers
from worklist_client.delivery.service import DeliveryService
from worklist_client.journal import Journal
from worklist_client.report.model import Reader
from worklist_client.settings.declarations import (
    CACHE_BUDGET_GB,
    IMAGE_WORKERS,
    READER_ORGANISATION,
    RENDER_PATH,
)
from worklist_client.settings.keychain import Secrets
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import Profile, ae_title_of, reader_name_and_code
from worklist_client.settings.store import Settings
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.embedded import HubAddress
from worklist_client.worklist.live import LiveList

GIGABYTE = 1_000_000_000


def reader_of(settings: Settings, profile: str) -> Reader:
    """Who reads and signs at this desk."""
    name, code = reader_name_and_code(settings, profile)
    return Reader(name=name, code=code, organisation=settings.get(READER_ORGANISATION) or socket.gethostname())


def signed_in_reader(address: HubAddress) -> Reader | None:
    """Who signed in: the hub's word, for it is the hub that writes who claimed; None where nobody must."""
    told = address.session.reader if address.session is not None else {}
    if not told.get("code"):
        return None
    return Reader(name=told.get("name", ""), code=told["code"], organisation=told.get("organisation", ""))


def new_uid() -> str:
    """A fresh UID below 2.25 (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid4().int}"


def local_now() -> datetime:
    """The wall clock with its offset."""
    return datetime.now().astimezone()


def compose(
    runner: TaskRunner,
    profile: Profile,
    settings: Settings,
    journal: Journal,
    tr: Translator,
    address: HubAddress,
    *,
    solo: bool,
    render_path: str = "",
    known: Person | None = None,
) -> Desk:
    """Put the desk together. Nothing is started and nothing is asked of anybody yet. `known` is the reader that the
    hub knows by the token: its word counts more than the settings."""
    reader = (
        Reader(known.name, known.code, known.organisation)
        if known is not None
        else signed_in_reader(address) or reader_of(settings, profile.name)
    )
    calling_ae = ae_title_of(settings, profile.name)
    client = UpsClient(
        address.url,
        token=address.session or address.token,
        reader=Person(code=reader.code, name=reader.name, organisation=reader.organisation),
        calling_ae=calling_ae,
    )
    sites = SiteDirectory()
    claims = ClaimDesk(journal, client, new_uid, local_now)
    credentials = Secrets(profile.secrets_files)
    return Desk(
        runner=runner,
        journal=journal,
        settings=settings,
        tr=tr,
        reader=reader,
        client=client,
        claims=claims,
        live=LiveList(reader.code, name=reader.name, holds=claims.holds),
        sites=sites,
        cache=Cache(profile.folder / "cache", int(settings.get(CACHE_BUDGET_GB) * GIGABYTE)),
        workers=_workers(calling_ae, settings.get(IMAGE_WORKERS)),
        delivery=_delivery(journal, claims, sites, calling_ae, credentials),
        calling_ae=calling_ae,
        new_uid=new_uid,
        now=local_now,
        render_path=render_path or settings.get(RENDER_PATH),
        solo=solo,
        credentials=credentials,
    )


def _delivery(
    journal: Journal, claims: ClaimDesk, sites: SiteDirectory, calling_ae: str, credentials: Secrets
) -> DeliveryService:
    def opened(connection: Connection) -> Pacs:
        return open_pacs(connection, calling_ae=calling_ae, credentials=credentials(connection.connection_id))

    def jitter() -> float:
        return random.uniform(-0.2, 0.2)

    return DeliveryService(journal.outbox, claims, sites.all, opened, local_now, jitter=jitter)


def _workers(calling_ae: str, images: int) -> Workers:
    """Not started yet; each imports ahead what its first job needs."""
    return Workers(
        images=tuple(WorkerProcess(calling_ae=calling_ae, preload=("viewer.dicom.ingest",)) for _ in range(images)),
        reports=WorkerProcess(calling_ae=calling_ae, preload=("worklist_client.report.signing",)),
    )
