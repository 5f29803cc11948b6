"""The SQLite file: WAL, synchronous=FULL, one connection that writes, a pool that reads."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from worklist_hub.store.checkpoints import MOST_PAGES, Checkpoints
from worklist_hub.store.database import Job, QuickJob, StoreError, StoreUnavailable, V
from worklist_hub.store.quick import QuickSqlite
from worklist_hub.store.schema import EVENTS
from worklist_hub.store.up_to_date import NO_WORKLIST, NoTables, Schema, bring_up_to_date
from worklist_hub.store.writer import Writer, WriterClosed

BUSY_MS = 10_000
READERS = 8
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "fullfsync=1",
    "foreign_keys=1",
    f"wal_autocheckpoint={MOST_PAGES}",
    "mmap_size=1073741824",  # what is open lies scattered among years of history: read it without copying
)
_PROOF = sa.text("UPDATE alembic_version SET version_num = version_num")


class _Always:
    """One process has the file."""

    def is_held(self) -> bool:
        """Always."""
        return True

    def release(self) -> None:
        """Nothing to let go."""


class SqliteDatabase:
    """Implements `store.database.Database`."""

    name = "sqlite"

    def __init__(self, path: Path, schema: Schema = Schema.UPGRADE) -> None:
        """Raises `StoreError`."""
        self._writing, self.reading = open_engines(path, schema)
        self._told = threading.Event()
        self.writer = Writer(self._writing)
        self.checkpoints = Checkpoints(path, self._writing)
        self.transaction_id: sa.ColumnElement[int] = sa.literal(0)
        self.is_settled: sa.ColumnElement[bool] = EVENTS.c.xid == 0

    def do(self, job: Job[V]) -> V:
        """See `Database`."""
        with _writable():
            return self.writer.do(job)

    async def done(self, job: Job[V]) -> V:
        """See `Database`."""
        with _writable():
            return await asyncio.wrap_future(self.writer.submit(job))

    def do_quickly(self, job: QuickJob[V]) -> V:
        """See `Database`."""
        return self.do(lambda connection: job(_quick(connection)))

    async def done_quickly(self, job: QuickJob[V]) -> V:
        """See `Database`."""
        return await self.done(lambda connection: job(_quick(connection)))

    def insert(self, table: sa.Table) -> Any:
        """See `Database`."""
        return insert(table)

    def now(self, _connection: sa.Connection) -> datetime:
        """See `Database`."""
        return datetime.now(UTC)

    def tell(self) -> None:
        """See `Database`."""
        self._told.set()

    def wait(self, timeout_s: float) -> None:
        """See `Database`."""
        self._told.wait(timeout_s)
        self._told.clear()

    def lease(self, _name: str) -> _Always:
        """See `Database`."""
        return _Always()

    def durability(self) -> None:
        """See `Database`."""
        return

    def prove(self) -> None:
        """See `Database`."""
        self.do(lambda connection: connection.execute(_PROOF))

    def give_up(self) -> None:
        """See `Database`: one's own disk keeps nobody waiting."""

    def close(self) -> None:
        """See `Database`."""
        self.writer.close()
        self.checkpoints.close()
        self._told.set()
        self._writing.dispose()
        self.reading.dispose()


def _quick(connection: sa.Connection) -> QuickSqlite:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return QuickSqlite(driver)


@contextmanager
def _writable() -> Iterator[None]:
    try:
        yield
    except WriterClosed as error:
        raise StoreUnavailable(str(error)) from error
    except sa.exc.OperationalError as error:
        raise StoreUnavailable(f"the worklist's file cannot be written: {type(error.orig).__name__}") from error
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(f"the worklist's file cannot be written: {type(error).__name__}") from error


def open_engines(path: Path, schema: Schema = Schema.UPGRADE) -> tuple[sa.Engine, sa.Engine]:
    """(writer, readers) over one file, its schema brought up to date. Raises `StoreError`."""
    if schema is Schema.AS_IS and not path.exists():
        raise NoTables(f"{path}: {NO_WORKLIST}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    writer = _engine(path, pool_size=1, begin="BEGIN IMMEDIATE")
    readers = _engine(path, pool_size=READERS, begin="BEGIN")
    try:
        with writer.begin() as connection:
            bring_up_to_date(connection, str(path), schema)
    except (sa.exc.DatabaseError, StoreError) as error:
        writer.dispose()
        readers.dispose()
        if isinstance(error, StoreError):
            raise
        raise StoreError(f"{path}: {error.orig}") from error
    return writer, readers


def _engine(path: Path, *, pool_size: int, begin: str) -> sa.Engine:
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(path)),
        poolclass=sa.pool.QueuePool,
        pool_size=pool_size,
        max_overflow=0,
        hide_parameters=True,  # an error text with them would carry patient data into the log
        connect_args={"check_same_thread": False, "timeout": BUSY_MS / 1000},
    )
    sa.event.listen(engine, "connect", _set_up)
    sa.event.listen(engine, "begin", _beginner(begin))
    return engine


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we begin ourselves: Python's own BEGIN comes too late
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _beginner(begin: str) -> Callable[[sa.Connection], None]:
    def started(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return started
