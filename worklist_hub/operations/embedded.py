"""The embedded hub's address file and its lock (design decision 4.13): one hub a data directory, joined by the rest."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK_NAME, ADDRESS_NAME = "hub.lock", "hub.json"
JOIN_S = 10.0
"""How long a second start waits for a hub that is between starting and listening, or between ending and gone."""
_POLL_S = 0.02


class DataDirectory:
    """The lock and the address file of one data directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[bytes] | None = None

    @property
    def address_file(self) -> Path:
        """hub.json: url, token, pid; only its owner may read it."""
        return self.folder / ADDRESS_NAME

    def take_or_join(self, wait: Callable[[float], object] = time.sleep) -> bool:
        """True: we hold the lock and serve. False: another hub does, and hub.json names it."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        until = time.monotonic() + JOIN_S
        while not self._take():
            if self.address_file.exists() or time.monotonic() > until:
                return False
            wait(_POLL_S)
        self.address_file.unlink(missing_ok=True)  # of a hub that was killed
        return True

    def publish(self, url: str, token: str) -> None:
        """Write hub.json, whole or not at all."""
        temporary = self.folder / f"{ADDRESS_NAME}.new"
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump({"url": url, "token": token, "pid": os.getpid()}, file)
        temporary.replace(self.address_file)

    def withdraw(self) -> None:
        """Take hub.json away: from now on nobody joins."""
        self.address_file.unlink(missing_ok=True)

    def release(self) -> None:
        """Let the next one in."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take(self) -> bool:
        handle = os.fdopen(os.open(self.folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        try:
            if sys.platform == "win32":
                msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.close()
            return False
        self._lock = handle
        return True
