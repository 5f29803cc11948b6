"""PostgreSQL 15 or newer, shared by several hub processes: pools, commits that are not believed too soon, retries."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import sqlalchemy as sa
from psycopg import errors
from psycopg.pq import TransactionStatus
from sqlalchemy.dialects.postgresql import insert

from worklist_hub.store.database import (
    Durability,
    Held,
    Job,
    OutcomeUnknown,
    QuickJob,
    StoreError,
    StoreUnavailable,
    V,
)
from worklist_hub.store.quick import QuickPostgres
from worklist_hub.store.schema import EVENTS
from worklist_hub.store.session import Listener, Session
from worklist_hub.store.turns import Turns
from worklist_hub.store.up_to_date import Schema, bring_up_to_date

OLDEST: Final = 150000
WRITERS, READERS = 10, 8
ASKERS = 40
"""So many requests may wait for one of the writing connections; the next ones wait for a thread."""
POOL_TIMEOUT_S = 2.0
"""Where all connections are busy for so long, the asker is told to come back."""
GIVE_UP_S = 2.0
"""So long asking the server to let a connection go may take."""
TRIES = 3
_MIGRATION_LOCK = 0x574C4D47
_DOUBT = "doubt"
_SETTINGS = {
    "application_name": "worklist-hub",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "3",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "read-write",
}
_OPTIONS = (
    "-c timezone=UTC -c lock_timeout=2000 -c idle_in_transaction_session_timeout=15000"
    " -c plan_cache_mode=force_custom_plan"  # a plan for any state would walk through two years to find what is open
)
"""No statement_timeout: cut short while it waits for a standby, a COMMIT reports success."""
_PROOF = sa.select(sa.func.pg_logical_emit_message(sa.true(), "worklist-hub", sa.cast("", sa.Text)))
"""Goes into the log of the server and nowhere else; its commit waits as every other one."""
_HORIZON = """coalesce(
    (SELECT min(running::text::bigint) FROM pg_snapshot_xip(pg_current_snapshot()) AS running
     WHERE (running::text::bigint & 4294967295) NOT IN (
        SELECT backend_xid::text::bigint FROM pg_stat_activity
        WHERE backend_xid IS NOT NULL AND datid <> (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL
        SELECT transaction::text::bigint FROM pg_prepared_xacts WHERE database <> current_database())),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint)"""
"""The oldest transaction that may still write events: of those that run in the snapshot of the very statement, but for
those that are seen to belong to another database of the cluster. One that ended since the snapshot is seen nowhere, and
counts: what it wrote is not in the snapshot either."""


class PostgresDatabase:
    """Implements `store.database.Database`."""

    name = "postgresql"

    def __init__(self, url: str, schema: Schema = Schema.UPGRADE) -> None:
        """Raises `StoreError`."""
        self._place = _without_password(url)
        self._conninfo = self._checked(url)
        self._lock = threading.Lock()
        self._opened: weakref.WeakSet[psycopg.Connection[Any]] = weakref.WeakSet()
        """Connections of the pools, some of them closed."""
        self._writing = self._engine(WRITERS)
        self._turns = Turns(WRITERS)
        self.reading = self._engine(READERS, isolation_level="AUTOCOMMIT")
        self.transaction_id: sa.ColumnElement[int] = sa.cast(
            sa.cast(sa.func.pg_current_xact_id(), sa.Text), sa.BigInteger
        )
        self.is_settled: sa.ColumnElement[bool] = EVENTS.c.xid < sa.literal_column(_HORIZON, sa.BigInteger)
        try:
            self._prepare(schema)
        except sa.exc.SQLAlchemyError as error:
            self._dispose()
            raise StoreError(f"{self._place}: {str(getattr(error, 'orig', error)).strip()}") from error
        except StoreError:
            self._dispose()
            raise
        self._askers = ThreadPoolExecutor(ASKERS, "store-asker")
        self._session = Session(self._connect)
        self._listener = Listener(self._connect)

    def do(self, job: Job[V]) -> V:
        """See `Database`."""
        return self._repeated(lambda: self._do(job))

    async def done(self, job: Job[V]) -> V:
        """See `Database`."""
        return await asyncio.get_running_loop().run_in_executor(self._askers, self.do, job)

    def do_quickly(self, job: QuickJob[V]) -> V:
        """See `Database`."""
        return self._repeated(lambda: self._quickly(job))

    async def done_quickly(self, job: QuickJob[V]) -> V:
        """See `Database`."""
        return await asyncio.get_running_loop().run_in_executor(self._askers, self.do_quickly, job)

    def insert(self, table: sa.Table) -> Any:
        """See `Database`."""
        return insert(table)

    def now(self, connection: sa.Connection) -> datetime:
        """See `Database`."""
        moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)

    def tell(self) -> None:
        """See `Database`."""
        self._listener.told.set()
        self._session.tell()

    def wait(self, timeout_s: float) -> None:
        """See `Database`."""
        self._listener.told.wait(timeout_s)
        self._listener.told.clear()

    def lease(self, name: str) -> Held:
        """See `Database`."""
        return self._session.lease(name)

    def durability(self) -> Durability:
        """What the server promises of a commit. Raises `StoreUnavailable`."""
        wanted = ("fsync", "full_page_writes", "synchronous_commit", "synchronous_standby_names")
        try:
            with self._writing.connect() as connection:
                found = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in wanted]
                standbys = connection.exec_driver_sql("SELECT count(*) FROM pg_stat_replication").scalar_one()
        except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
            raise StoreUnavailable("the database cannot be asked") from error
        return Durability(found[0] == "on", found[1] == "on", found[2], found[3], standbys)

    def prove(self) -> None:
        """See `Database`."""
        self.do(lambda connection: connection.execute(_PROOF))

    def give_up(self) -> None:
        """See `Database`. A commit that waits for its standby then reports success, and warns (`_watch_notices`)."""
        with self._lock:
            opened = list(self._opened)
        for connection in opened:
            if not connection.closed and connection.info.transaction_status is TransactionStatus.ACTIVE:
                with contextlib.suppress(psycopg.Error):
                    connection.cancel_safe(timeout=GIVE_UP_S)

    def close(self) -> None:
        """See `Database`."""
        self._askers.shutdown()
        self._listener.stop()
        self._session.close()
        self._listener.join()
        self._dispose()

    def _repeated(self, attempt: Callable[[], V]) -> V:
        for _ in range(TRIES - 1):
            try:
                return attempt()
            except _Again:
                continue
        try:
            return attempt()
        except _Again as error:
            raise StoreUnavailable(f"the database refuses: {error}") from error

    def _quickly(self, job: QuickJob[V]) -> V:
        with self._borrowed() as borrowed:
            driver = borrowed.driver_connection
            assert isinstance(driver, psycopg.Connection)
            quick = QuickPostgres(driver)
            try:
                driver.autocommit = True
                borrowed.info.pop(_DOUBT, None)
                result = job(quick)
                if borrowed.info.pop(_DOUBT, False):
                    raise OutcomeUnknown("no standby has confirmed the change")
                return result
            except psycopg.Error as error:
                is_lost = driver.closed or driver.broken
                if is_lost:
                    borrowed.invalidate(error)
                if is_lost and quick.is_writing:
                    raise OutcomeUnknown("the connection was lost during the change") from error
                raise self._meaning(error, is_lost=is_lost) from error
            finally:
                if not driver.closed:
                    driver.autocommit = False

    @contextmanager
    def _borrowed(self) -> Iterator[sa.PoolProxiedConnection]:
        """A connection of the writing pool, past the expressions of SQLAlchemy."""
        with self._turn():
            try:
                borrowed = self._writing.raw_connection()
            except psycopg.Error as error:
                raise StoreUnavailable(f"the database refuses: {type(error).__name__}") from error
            with closing(borrowed):
                yield borrowed

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One of the writing connections will be free."""
        with ExitStack() as stack:
            try:
                stack.enter_context(self._turns.turn(POOL_TIMEOUT_S))
            except TimeoutError as error:
                raise StoreUnavailable("all connections are busy") from error
            yield

    def _meaning(self, error: BaseException, *, is_lost: bool) -> BaseException:
        """Of an error before anything was made durable."""
        if isinstance(error, (errors.ReadOnlySqlTransaction, errors.CannotConnectNow)):
            self._writing.dispose()  # a server that is primary no longer: the next connection finds the new one
            return _Again("it is read-only")
        if is_lost or isinstance(error, (errors.SerializationFailure, errors.DeadlockDetected)):
            return _Again(type(error).__name__)
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return StoreUnavailable(f"the database refuses: {type(error).__name__}")
        return error

    def _do(self, job: Job[V]) -> V:
        is_committing = False
        try:
            with self._turn(), self._writing.connect() as connection:
                result = job(connection)
                connection.info.pop(_DOUBT, None)
                is_committing = True
                connection.commit()
                if connection.info.pop(_DOUBT, False):
                    raise OutcomeUnknown("no standby has confirmed the change")
                return result
        except sa.exc.TimeoutError as error:
            raise StoreUnavailable("all connections are busy") from error
        except sa.exc.DBAPIError as error:
            if is_committing:
                raise OutcomeUnknown("the connection was lost during the commit") from error
            meaning = self._meaning(error.orig or error, is_lost=error.connection_invalidated)
            raise error if meaning is error.orig else meaning from error

    def _checked(self, url: str) -> str:
        try:
            given = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.ProgrammingError as error:
            raise StoreError(f"{self._place}: not an address that libpq understands") from error
        settings: dict[str, Any] = {**_SETTINGS, **given, "options": f"{_OPTIONS} {given.get('options', '')}".strip()}
        return psycopg.conninfo.make_conninfo(**settings)

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self._conninfo, autocommit=True)

    def _opened_one(self) -> psycopg.Connection[Any]:
        made = psycopg.connect(self._conninfo)
        with self._lock:
            self._opened.add(made)
        return made

    def _engine(self, size: int, **options: Any) -> sa.Engine:
        engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=self._opened_one,
            pool_size=size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_use_lifo=True,
            **options,
            hide_parameters=True,  # an error text with them would carry patient data into the log
        )
        sa.event.listen(engine, "connect", _watch_notices)
        return engine

    def _prepare(self, schema: Schema) -> None:
        with self._writing.begin() as connection:
            version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one())
            if version < OLDEST:
                raise StoreError(f"{self._place}: PostgreSQL {version // 10000} is too old, 15 is the oldest")
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            bring_up_to_date(connection, self._place, schema)
            if schema is Schema.AS_IS:
                return
            # A restored dump keeps transaction numbers of another cluster: its events would never be settled.
            newest = sa.cast(sa.cast(sa.func.pg_snapshot_xmax(sa.func.pg_current_snapshot()), sa.Text), sa.BigInteger)
            connection.execute(sa.delete(EVENTS).where(EVENTS.c.xid > newest))

    def _dispose(self) -> None:
        self._writing.dispose()
        self.reading.dispose()


class _Again(Exception):
    """Nothing was changed, and another try may succeed."""


def _watch_notices(connection: psycopg.Connection[Any], record: Any) -> None:
    """A COMMIT whose wait for the standby is cut short succeeds with a warning: that is no success for us."""

    def noticed(notice: psycopg.errors.Diagnostic) -> None:
        if notice.severity_nonlocalized == "WARNING":
            record.info[_DOUBT] = True

    connection.add_notice_handler(noticed)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
