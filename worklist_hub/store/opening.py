"""Opens the worklist's database, of whichever kind it is."""

from __future__ import annotations

from worklist_hub.store.database import Address, Database, StoreError, is_server
from worklist_hub.store.sqlite import SqliteDatabase


def open_database(address: Address) -> Database:
    """Its schema brought up to date. Raises `StoreError`."""
    if isinstance(address, str):
        if not is_server(address):
            raise StoreError("a database is a file or postgresql://...")
        from worklist_hub.store.postgres import PostgresDatabase  # noqa: PLC0415 - the desk has no PostgreSQL

        return PostgresDatabase(address)
    return SqliteDatabase(address)
