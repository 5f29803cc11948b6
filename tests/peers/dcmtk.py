"""DCMTK's `storescp` as a peer: a second, independent implementation that takes objects, or refuses."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pacs.site import DimseConnection
from tests.peers.orthanc import free_port

PROGRAM = shutil.which("storescp") or ""
START_DEADLINE_S = 10.0


@dataclass
class StoreScpPeer:
    """A running `storescp`, a context manager; `options` such as `--refuse` (every association is rejected)."""

    options: tuple[str, ...] = ("--accept-all",)
    port: int = field(default_factory=free_port)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="storescp-")))
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> StoreScpPeer:
        command = [PROGRAM, *self.options, "-aet", "DCMTK", "-od", str(self.folder), str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def connection(self, **changes: Any) -> DimseConnection:
        """A DIMSE connection to it."""
        return DimseConnection("dcmtk", "127.0.0.1", self.port, "DCMTK", **changes)
