"""Carries an older database forward with alembic. Imported only when there is something to migrate."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from worklist_hub.store.database import StoreError
from worklist_hub.store.schema import HEAD, schema_version

_SCRIPTS = Path(__file__).parent / "migrations"


def configuration(connection: sa.Connection | None = None) -> Config:
    """Alembic's configuration, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: sa.Connection, name: object) -> None:
    """To `HEAD`, inside the caller's transaction. Raises `StoreError` for a database of a newer hub."""
    version = schema_version(connection)
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if version and version not in known:
        raise StoreError(f"{name}: made by a newer version (schema {version}, this one knows {HEAD})")
    try:
        command.upgrade(configuration(connection), HEAD)
    except CommandError as error:
        raise StoreError(f"{name}: cannot be migrated to schema {HEAD}: {error}") from error
