"""Files of received objects: hashed names, checked UIDs, zeroed preamble, complete or not there at all."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path
from types import TracebackType

from pacs.errors import UnsafeName

_UID = re.compile(r"[0-9.]{1,64}\Z")

PREAMBLE_BYTES = 128


def check_uid(uid: str) -> str:
    """The UID itself. Raises `UnsafeName` unless it matches `^[0-9.]{1,64}$` (a received text never becomes a path)."""
    if not _UID.match(uid):
        raise UnsafeName("the peer sent a UID that is no UID")
    return uid


def file_name_of(sop_instance_uid: str) -> str:
    """Name of the file that holds this instance: SHA-256 of the UID, in hex, and `.dcm`. Raises `UnsafeName`."""
    return hashlib.sha256(check_uid(sop_instance_uid).encode("ascii")).hexdigest() + ".dcm"


class IncomingFile:
    """One object on its way to disk, under a temporary name until `keep` renames it. As a context manager it removes
    what was not kept."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._path = os.path.join(folder, f".incoming-{secrets.token_hex(8)}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._path, flags, 0o600)
        self.size_bytes = 0

    def __enter__(self) -> IncomingFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.discard()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append; raises OSError where the disk is full."""
        left = memoryview(data)
        while left:
            done = os.write(self._descriptor, left)
            self.size_bytes += done
            left = left[done:]

    def keep(self, sop_instance_uid: str) -> str:
        """Close and give the file its final name; the path. An older file of the same instance is replaced."""
        final = os.path.join(self._folder, file_name_of(sop_instance_uid))
        self._close()
        os.replace(self._path, final)
        return final

    def discard(self) -> None:
        """Close and remove; harmless after `keep`."""
        if self._descriptor >= 0:
            self._close()
            Path(self._path).unlink(missing_ok=True)

    def _close(self) -> None:
        os.close(self._descriptor)
        self._descriptor = -1


def sweep(folder: str) -> int:
    """Remove temporary files that a killed worker left behind in a folder that nobody writes to; how many."""
    left_over = [path for path in Path(folder).glob(".incoming-*") if path.is_file()]
    for path in left_over:
        path.unlink(missing_ok=True)
    return len(left_over)
