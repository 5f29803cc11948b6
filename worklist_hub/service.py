"""One hub process put together: store, channels, guard and routes as an application, and uvicorn to serve it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from worklist_hub.access.entrance import check_reach, open_entrance, renew_certificates
from worklist_hub.config import ConfigError, HubConfig
from worklist_hub.edited import CurrentConfig
from worklist_hub.intake.states import IntakeStates
from worklist_hub.operations.serving import DrainingServer
from worklist_hub.operations.upkeep import Upkeep
from worklist_hub.store import durability
from worklist_hub.store.database import StoreError, StoreUnavailable
from worklist_hub.store.feed import EventFeed
from worklist_hub.store.feeding import Feed
from worklist_hub.store.intake_states import StoredStates
from worklist_hub.store.retention import Housekeeper
from worklist_hub.store.subscriptions import SubscriptionStore
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.sweeper import Sweeper
from worklist_hub.web.assignable import Assignable
from worklist_hub.web.channels import Channels
from worklist_hub.web.drafts import DraftKeys
from worklist_hub.web.guard import Guard
from worklist_hub.web.handing import Handing
from worklist_hub.web.presence import Presence
from worklist_hub.web.server import PatientProtocol
from worklist_hub.web.transactions import Transactions
from worklist_hub.web.urls import routes
from worklist_hub.web.watching import Watching

if TYPE_CHECKING:
    from worklist_hub.intake.runner import Intake

_log = logging.getLogger("wl.hub")
KEEP_ALIVE_S = 75
GRACEFUL_S = 1
GRACEFUL_REGION_S = 10
"""How long requests in progress may take to end."""
IDLE_CHECK_S = 0.25
EDITED_CHECK_S = 1.0
INTAKE_DELAY_S = 0.25
"""Loading DICOM libraries takes a second of this process; the first answers to the desk come before that. No longer,
for in a new data directory the first studies come from there."""
BACKLOG = 256


class Hub:
    """A hub that serves on a socket it already holds. `run` blocks; `stop` may be called from any thread."""

    def __init__(
        self,
        config: HubConfig,
        *,
        token: str = "",
        embedded: bool = False,
        store: WorkitemStore | None = None,
        on_ending: Callable[[], None] = lambda: None,
        edited: Path | None = None,
    ) -> None:
        """`edited` is the hub.toml whose later changes are followed."""
        self.config, self.embedded = config, embedded
        self.current = CurrentConfig(config, edited)
        self._on_ending = on_ending
        check_reach(config)
        self.presence = Presence()
        self.channels = Channels()
        self.intake_states = IntakeStates(lambda: datetime.now(UTC))
        self.stopping = threading.Event()
        self.socket = _listen(config)
        try:
            self.store = store or open_store(config)
        except BaseException:
            self.socket.close()
            raise
        try:
            self.entrance = open_entrance(config, self.store.database, token)
        except BaseException:
            self.socket.close()
            self.store.close()
            raise
        self.admission = self.entrance.admission
        self.store.rules = config.claims
        self.stored_states = StoredStates(self.store, lambda: datetime.now(UTC))
        self.sweeper = Sweeper(self.store)
        self.housekeeper = Housekeeper(self.store, kept=config.kept)
        told = (self.channels.waiting, lambda: self.feed.late_s)
        self.upkeep = Upkeep(config, self.store.database, *told, tries_commits=not embedded)
        self.store.ledger = self.upkeep.ledger
        self._server = self._new_server()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.socket.getsockname()[:2]
        scheme = "https" if self.config.tls.is_on else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def run(self) -> None:
        """Serve until `stop`, a signal, or, embedded, until nobody has been there for `idle_s`."""
        try:
            self._server.run(sockets=[self.socket])
        finally:
            self.stopping.set()
            self.socket.close()
            self.upkeep.end()
            self.store.close()
            self.upkeep.ended()

    def stop(self) -> None:
        """End `run`; open channels are closed."""
        self._server.should_exit = True

    def _new_server(self) -> DrainingServer:
        return DrainingServer(
            uvicorn.Config(
                self._application(),
                log_config=None,  # uvicorn's own would print what it was sent, and exceptions whole
                access_log=False,  # URLs of searches hold names
                ws="websockets-sansio",
                ws_max_size=65536,
                ws_ping_interval=15.0,
                ws_ping_timeout=15.0,
                ws_per_message_deflate=False,
                http=PatientProtocol,
                loop="asyncio",
                lifespan="on",
                server_header=False,
                **({"proxy_headers": False} | self.entrance.server),
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACEFUL_S if self.embedded else GRACEFUL_REGION_S,
                h11_max_incomplete_event_size=65536,
            ),
            self._drain,
        )

    def _application(self) -> Starlette:
        subscriptions = SubscriptionStore(self.store, most=self.config.limits.subscriptions)
        self.feed = EventFeed(
            self.store.database,
            self.channels.publish,
            on_subscriptions=lambda: self.channels.set_subscribers(subscriptions.subscribers()),
            on_gap=self.channels.cut_off_all,
        )
        self.channels.set_subscribers(subscriptions.subscribers())
        transactions, watching = Transactions(self.store), Watching(self.store, subscriptions, self.channels)
        handing = Handing(self.store, DraftKeys(None if self.config.database_url else self.config.database))
        readers = Assignable(self.entrance.known, lambda: [site.site_id for site in self.current.now().sites])
        self.routes = [
            *routes(
                transactions,
                watching,
                self.current,
                self.intake_states,
                embedded=self.embedded,
                further=(*handing.rows, *readers.rows),
            ),
            *self.entrance.routes,
        ]
        return Starlette(
            routes=self.routes,
            middleware=[
                *self.upkeep.middleware(),
                Middleware(Guard, admission=self.admission, presence=self.presence, limits=self.config.limits),
            ],
            lifespan=self._lifespan,
        )

    async def _drain(self) -> None:
        """Between a signal and the end: out of the proxy's list, requests end, and what channels owe is sent."""
        await self.upkeep.drain()
        await asyncio.to_thread(self.feed.stop)  # it delivers what is there first
        await self.channels.say_going_down()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self.channels.bind(asyncio.get_running_loop())
        await self.upkeep.begin()
        self.feed.start()
        self.sweeper.start()
        self.housekeeper.start()
        certificates = renew_certificates(lambda: self._server.config.ssl, self.config.tls)
        running = [asyncio.create_task(self._intake()), asyncio.create_task(certificates)]
        if self.embedded:
            running.append(asyncio.create_task(self._end_when_idle()))
        try:
            yield
        finally:
            self.upkeep.limit_ending()
            self._on_ending()
            self.stopping.set()
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asyncio.to_thread(self.sweeper.stop)
            await asyncio.to_thread(self.housekeeper.stop)
            await asyncio.to_thread(self.feed.stop)

    async def _end_when_idle(self) -> None:
        while self.presence.idle_s() < self.config.idle_s:
            await asyncio.sleep(min(IDLE_CHECK_S, self.config.idle_s / 4))
        _log.info("nobody is there any more")
        self._on_ending()  # before anything else, so that nobody joins a hub that is leaving
        self.stop()

    async def _intake(self) -> None:
        """Start intake a moment after the first screens; it polls in threads of its own until the hub ends, or the
        hospitals or rules were edited: then it begins anew."""
        await asyncio.sleep(INTAKE_DELAY_S)
        while True:
            config = self.config = self.current.now()
            intake = None
            if config.intake_enabled and any(site.connections for site in config.sites):
                intake = await asyncio.to_thread(self._new_intake)
                intake.start()
            try:
                asked = tuple(intake.states()) if intake is not None else ()
                self.intake_states.follow(partial(self.stored_states.of, asked), asked)
                while self.current.now() is config:
                    await asyncio.sleep(EDITED_CHECK_S)
            finally:
                if intake is not None:
                    await asyncio.to_thread(intake.stop)  # waits for polls in progress; the event loop must not

    def _new_intake(self) -> Intake:
        from worklist_hub.intake.runner import Intake, Past, own_pacs  # noqa: PLC0415 - loads pydicom: one to two seconds

        config = self.config
        opened = own_pacs(config.ae_title, config.secrets_file)
        return Intake(
            Feed(self.store),
            config.sites,
            config.rules,
            opened=opened,
            poll_s=config.poll_s,
            lease=self.store.lease,
            told=self.stored_states.note,
            past=Past(self.stored_states.heard_at, config.catch_up),
        )


def open_store(config: HubConfig) -> WorkitemStore:
    """The configured database. Raises `StoreError`, also where a region could lose what it acknowledged."""
    store = WorkitemStore(config.database_address)
    try:
        durability.check(store.database, config.durability)
    except StoreUnavailable as error:
        store.close()
        raise StoreError(str(error)) from error
    except BaseException:
        store.close()
        raise
    return store


def new_token() -> str:
    """For an embedded hub: 256 bits, known to this data directory's owner only."""
    return secrets.token_urlsafe(32)


def embedded_config(data_dir: Path, loaded: HubConfig | None) -> HubConfig:
    """Loopback and a port of the system's choosing, whatever hub.toml says of them."""
    if loaded is None:
        return HubConfig(database=data_dir / "worklist.sqlite")
    return HubConfig(
        database=loaded.database,
        database_url=loaded.database_url,
        durability=loaded.durability,
        ae_title=loaded.ae_title,
        claims=loaded.claims,
        kept=loaded.kept,
        idle_s=loaded.idle_s,
        audit=loaded.audit,
        operations=loaded.operations,
        sites=loaded.sites,
        poll_s=loaded.poll_s,
        intake_enabled=loaded.intake_enabled,
        catch_up=loaded.catch_up,
        rules=loaded.rules,
        source=loaded.source,
    )


def _listen(config: HubConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    made = socket.socket(
        family, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )  # else asyncio leaves Nagle on: 40 ms an answer
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((config.host, config.port))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise ConfigError(f"cannot listen on {config.host}:{config.port}: {error.strerror}") from error
    return made
