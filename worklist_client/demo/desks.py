"""The desks of the demo's shared region: each a desktop in a process of its own. Closing the last one ends it all."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from worklist_client.demo.readers import LOGINS, READERS
from worklist_client.demo.shared import NO_KEYCHAIN, SharedRegion, prepare_desk, welcome

REQUESTS = "join"
"""Folder in which another terminal asks for a desk: one file each, named for its reader, removed when it opens."""
POLL_S = 0.3
TAKEN_WITHIN_S = 5.0
CLOSING_S = 20.0
Start = Callable[[str], subprocess.Popen[bytes]]


class Desks:
    """Opens desks, those that other terminals ask for too. `start(profile)` begins the process of one."""

    def __init__(self, region: SharedRegion, start: Start) -> None:
        self._region, self._start = region, start
        self._open: dict[str, subprocess.Popen[bytes]] = {}
        self._requests = region.folder / REQUESTS

    def open(self, login: str) -> str:
        """The first desk of this reader that is not open; its profile."""
        numbers = range(1, len(self._open) + 2)
        names = (login if number == 1 else f"{login}-{number}" for number in numbers)
        profile = next(name for name in names if name not in self._open)
        prepare_desk(self._region, profile, login)
        self._open[profile] = self._start(profile)
        return profile

    def watch(self, wait: Callable[[float], object] = time.sleep) -> None:
        """Until the last desk is closed; opens what is asked for meanwhile."""
        self._requests.mkdir(exist_ok=True, mode=0o700)
        for old in self._requests.iterdir():
            old.unlink()
        while self._still_open():
            for request in sorted(self._requests.iterdir()):
                login = request.name.partition(".")[0]
                request.unlink(missing_ok=True)
                if login in LOGINS:
                    print(f"A further desk opens: {self.open(login)}", flush=True)
            wait(POLL_S)

    def end(self) -> None:
        """Let those that are still open close; what does not is ended."""
        for process in self._open.values():
            try:
                process.wait(CLOSING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _still_open(self) -> bool:
        self._open = {profile: process for profile, process in self._open.items() if process.poll() is None}
        return bool(self._open)


def open_desks(region: SharedRegion, options: argparse.Namespace) -> int:
    """Say what to type, open a desk for each reader, and stay until all desks are closed."""
    print(welcome(region), flush=True)
    shown = ["--language", options.language, "--render", options.render]

    def start(profile: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "worklist_client", "--data-dir", str(region.desks), "--profile", profile]
        return subprocess.Popen([*command, *shown], stdin=subprocess.DEVNULL, env={**os.environ, **NO_KEYCHAIN})

    desks = Desks(region, start)
    try:
        for reader in READERS:
            desks.open(reader.login)
        desks.watch()
    except KeyboardInterrupt:  # Ctrl+C reached the desktops too: they are closing
        desks.end()
    print("All desktops are closed; the region ends.")
    return 0


def join(folder: Path, login: str, wait: Callable[[float], object] = time.sleep) -> int:
    """Ask a region that runs in `folder` for one desk more; 1 where none runs there."""
    requests = folder / REQUESTS
    request = requests / f"{login}.{uuid.uuid4().hex}"
    if requests.is_dir():
        request.touch(mode=0o600)
        for _ in range(round(TAKEN_WITHIN_S / POLL_S)):
            if not request.exists():
                print(f"A further desk opens for {login}; its password is that of the first one.")
                return 0
            wait(POLL_S)
        request.unlink(missing_ok=True)
    print(f"No region of two readers runs in {folder}. Start it first, with --two-readers.", file=sys.stderr)
    return 1
