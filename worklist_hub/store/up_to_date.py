"""The tables of an open database, as this version needs them."""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from worklist_hub.accounts import tables as account_tables
from worklist_hub.audit import tables as audit_tables
from worklist_hub.store.database import StoreError
from worklist_hub.store.schema import HEAD, METADATA, schema_version

NO_WORKLIST = "there is no worklist yet; `worklist-hub serve` or `migrate` makes it"


class Schema(StrEnum):
    """What may be done to a database that is not as this version needs it."""

    UPGRADE = "upgrade"
    """Make its tables, or migrate them: `serve` and `migrate`."""
    MAKE = "make"
    """Make its tables where it has none: commands that write something."""
    AS_IS = "as is"
    """Nothing: commands that look. An older hub may be serving from it."""


class NoTables(StoreError):
    """There is no worklist in it yet."""


def bring_up_to_date(connection: sa.Connection, name: str, schema: Schema = Schema.UPGRADE) -> None:
    """Make the tables or migrate them, in the caller's transaction. Raises `StoreError` for a newer hub's, and for what
    `schema` does not allow."""
    version = schema_version(connection)
    if version == HEAD:
        return
    if version == "" and schema is Schema.AS_IS:
        raise NoTables(f"{name}: {NO_WORKLIST}")
    if version > HEAD:
        raise StoreError(f"{name}: made by a newer version (schema {version}, this one knows {HEAD})")
    if version and schema is not Schema.UPGRADE:
        raise StoreError(
            f"{name}: has schema {version}, and this version needs {HEAD}; nothing was changed. Stop the hubs that"
            " still run an older version, then `worklist-hub migrate` (or `serve`) brings it up to date"
        )
    if version == "":
        # Tables made elsewhere belong to the same schema.
        assert audit_tables.AUDIT_EVENTS.metadata is account_tables.ACCOUNTS.metadata is METADATA
        METADATA.create_all(connection)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
            " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
        return
    from worklist_hub.store import migrate  # noqa: PLC0415 - alembic costs a quarter of a second at each start

    migrate.upgrade(connection, name)
