"""A copy of a SQLite worklist while it is in use; PostgreSQL has tools of its own for that (docs/operation.md)."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

_PAGES = 2000


class BackupError(Exception):
    """There is no copy; the text says why."""


def copy_of(database: Path, to: Path) -> None:
    """One consistent file at `to`, private, whole or not at all. Raises `BackupError`."""
    if not database.is_file():
        raise BackupError(f"{database}: no such file")
    if not to.absolute().parent.is_dir():
        raise BackupError(f"{to.absolute().parent}: no such folder")
    if to.exists():
        raise BackupError(f"{to}: is there already")
    half = to.with_name(f"{to.name}.part")
    try:
        os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        source, target = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True), sqlite3.connect(half)
        with contextlib.closing(source), contextlib.closing(target):
            source.backup(target, pages=_PAGES)
            if target.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                raise BackupError(f"{database}: the copy is damaged")
        descriptor = os.open(half, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        half.rename(to)
    except (OSError, sqlite3.Error) as error:
        half.unlink(missing_ok=True)
        raise BackupError(f"{to}: {error}") from error
