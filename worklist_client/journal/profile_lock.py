"""One process a profile: a lock file that the operating system frees when its holder dies, killed or not."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from worklist_client.journal.errors import ProfileInUse

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            # Far behind the text, for Windows locks are mandatory and the process number must stay readable.
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class ProfileLock:
    """Held from construction to `release`. Raises `ProfileInUse` where another holder lives."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
        if not _try_lock(self._descriptor):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            text = os.read(self._descriptor, 20).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise ProfileInUse(path, int(text) if text.isdigit() else 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        os.truncate(path, 0)
        os.write(self._descriptor, str(os.getpid()).encode("ascii"))

    def release(self) -> None:
        """Free the lock; the file stays, for removing it would race with the next holder."""
        os.close(self._descriptor)
