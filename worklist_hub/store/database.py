"""The SQLite file: WAL, synchronous=FULL, one connection that writes, a pool that reads, and its schema version."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from worklist_hub.store.schema import HEAD, METADATA

BUSY_MS = 10_000
READERS = 8


class StoreError(Exception):
    """The worklist's file cannot be used; the text names the file and why."""


def open_engines(path: Path) -> tuple[sa.Engine, sa.Engine]:
    """(writer, readers) over one file, its schema brought up to date. Raises `StoreError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error
    writer = _engine(path, pool_size=1, begin="BEGIN IMMEDIATE")
    readers = _engine(path, pool_size=READERS, begin="BEGIN")
    try:
        _bring_up_to_date(path, writer)
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

    @sa.event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves: Python's own BEGIN comes too late
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "fullfsync=1", "foreign_keys=1"):
            connection.execute(f"PRAGMA {pragma}").close()

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _bring_up_to_date(path: Path, writer: sa.Engine) -> None:
    with writer.begin() as connection:
        version = schema_version(connection)
        if version == HEAD:
            return
        if version == "":
            METADATA.create_all(connection)
            connection.exec_driver_sql(
                "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
                " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
            )
            connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
            return
        from worklist_hub.store import migrate  # noqa: PLC0415 - alembic costs a quarter of a second at each start

        migrate.upgrade(connection, path)


def schema_version(connection: sa.Connection) -> str:
    """Of an open file; "" where it has no tables yet."""
    has_table = "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
    if not connection.execute(sa.text(has_table)).scalar_one():
        return ""
    return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one())
