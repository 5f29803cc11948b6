"""The tables of an open database, as this version needs them."""

from __future__ import annotations

import sqlalchemy as sa

from worklist_hub.accounts import tables as account_tables
from worklist_hub.audit import tables as audit_tables
from worklist_hub.store.schema import HEAD, METADATA, schema_version


def bring_up_to_date(connection: sa.Connection, name: str) -> None:
    """Make the tables or migrate them, in the caller's transaction. Raises `StoreError` for a newer hub's."""
    version = schema_version(connection)
    if version == HEAD:
        return
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
