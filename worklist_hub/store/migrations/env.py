"""Alembic's entry: migrates over the connection that `migrate.upgrade` hands in."""

from __future__ import annotations

from alembic import context

from worklist_hub.store.schema import METADATA

_connection = context.config.attributes["connection"]
context.configure(connection=_connection, target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
