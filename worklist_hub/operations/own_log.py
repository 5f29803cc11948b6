"""The log of an embedded hub: a file that only its owner reads, of bounded size, for such a hub may run for weeks.

The hub writes it itself; what its process prints besides goes where the desk that started it says.
"""

from __future__ import annotations

import os
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

LOG_NAME: Final = "hub.log"
LIMIT_BYTES: Final = 1_000_000
KEPT: Final = 3
"""Older files: hub.log.1 to hub.log.3."""


class OwnLog(RotatingFileHandler):
    """Rotates at `LIMIT_BYTES`; each file is 0600."""

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        super().__init__(path, maxBytes=limit_bytes, backupCount=kept, encoding="utf-8")

    def _open(self) -> TextIOWrapper:
        handle = os.open(self.baseFilename, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        return TextIOWrapper(os.fdopen(handle, "ab"), encoding=self.encoding, errors=self.errors)
