"""A hub as a process of its own, on a port that stays the same over kills and starts."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.peers.orthanc import free_port

ROOT = Path(__file__).resolve().parents[2]
READY_S = 30.0
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HubProcess:
    """`worklist-hub serve --config`. A context manager; `kill` and `start` may alternate.

    Parameters
    ----------
    folder : for hub.toml and, on SQLite, the file
    database : "" = a file in `folder`, else postgresql://...
    settings : more lines of [hub]
    """

    def __init__(self, folder: Path, database: str = "", *settings: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._config = folder / "hub.toml"
        self._log = folder / "hub.log"
        lines = ["[hub]", f'listen = "127.0.0.1:{self.port}"']
        if database:
            lines += [f'database = "{database}"', 'durability = "acknowledged claims may be lost"']
        self._config.write_text("\n".join([*lines, *settings, ""]))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> HubProcess:
        self.start()
        self.wait()
        return self

    def __exit__(self, *_error: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; returns at once."""
        command = [sys.executable, "-m", "worklist_hub", "serve", "--config", str(self._config)]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT)

    def wait(self) -> None:
        """Until it answers."""
        until = time.monotonic() + READY_S
        while True:
            try:
                _DIRECT.open(f"{self.url}/region/about", timeout=5).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"the hub did not start:\n{self.log()[-2000:]}") from None
                time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def terminate(self) -> int:
        """SIGTERM; its exit status."""
        assert self._process is not None
        self._process.terminate()
        status = self._process.wait(READY_S)
        self._process = None
        return status

    def log(self) -> str:
        """What it said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""
