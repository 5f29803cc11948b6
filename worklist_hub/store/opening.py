"""Opens the worklist's database, of whichever kind it is."""

from __future__ import annotations

from worklist_hub.store.database import Address, Database, StoreError, is_server
from worklist_hub.store.sqlite import SqliteDatabase
from worklist_hub.store.up_to_date import Schema

NO_PSYCOPG = "for PostgreSQL the library psycopg is needed, which is not installed: pip install 'psycopg[binary]>=3.2'"


def open_database(address: Address, schema: Schema = Schema.UPGRADE) -> Database:
    """Its schema brought up to date, as far as `schema` allows. Raises `StoreError`, also where it would have to be and
    may not."""
    if isinstance(address, str):
        if not is_server(address):
            raise StoreError("a database is a file or postgresql://...")
        try:
            from worklist_hub.store.postgres import PostgresDatabase  # noqa: PLC0415 - the desk has no PostgreSQL
        except ModuleNotFoundError as error:
            if error.name != "psycopg":
                raise
            raise StoreError(NO_PSYCOPG) from error
        return PostgresDatabase(address, schema)
    return SqliteDatabase(address, schema)
