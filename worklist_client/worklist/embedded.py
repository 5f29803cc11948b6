"""The hub of one desk: started as a process of its own, or joined where another window started it (decision 4.13).

It outlives the window that started it for as long as others use it, so it is never stopped from here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from worklist_client.settings.session import Session
from worklist_client.worklist.region import RegionError, about

ADDRESS_FILE = "hub.json"
OUTPUT_FILE = "hub-output.log"
"""What the hub's process prints: why it could not start. Its log, `hub.log`, the hub writes itself, of bounded size."""
DEADLINE_S = 20.0
"""A cold start on a slow disk takes a few seconds; beyond this something is wrong."""
POLL_S = 0.02
RESTART_S = 0.25
ANSWER_TIMEOUTS_S = (1.0, 3.0)
_TAIL_BYTES = 600
_OUTPUT_LIMIT_BYTES = 100_000


class EmbeddedHubError(Exception):
    """The hub of this desk does not run. `reason` says what happened, `advice` what to do, in plain English."""

    def __init__(self, reason: str, advice: str) -> None:
        super().__init__(f"{reason}. {advice}")
        self.reason = reason
        self.advice = advice


@dataclass(frozen=True, slots=True)
class HubAddress:
    """Where the hub listens, and the token that it wants to see."""

    url: str
    token: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False, compare=False)
    session: Session | None = field(default=None, repr=False, compare=False)
    """Who signed in, where this hub wants that; the token is its."""
    """The child, where this call started it: kept by the owner, so that its end can be noticed."""


def start_or_join(
    data_dir: Path,
    *,
    command: Sequence[str] | None = None,
    deadline_s: float = DEADLINE_S,
    cancelled: Callable[[], bool] = lambda: False,
    wait: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> HubAddress:
    """A hub that answers, for the data in `data_dir`. Blocks for up to `deadline_s`. Raises `EmbeddedHubError`."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    running = answering_hub(data_dir)
    if running is not None:
        return running
    started = [*(command or hub_command()), "serve", "--embedded", "--data-dir", str(data_dir)]
    process = _start(data_dir, started)
    until = clock() + deadline_s
    while clock() < until and not cancelled():
        running = answering_hub(data_dir)
        if running is not None:
            return HubAddress(running.url, running.token, process if process.poll() is None else None)
        if process.poll() == 0:
            # Another window's hub holds the lock: it is about to answer, or about to end, and then ours is needed.
            wait(RESTART_S)
            process = _start(data_dir, started)
        elif process.poll():
            raise EmbeddedHubError(
                f"the worklist hub of this desk ended at once with code {process.returncode}{_output_tail(data_dir)}",
                f"Look into {data_dir / OUTPUT_FILE}; where hub.toml was changed, undo the change",
            )
        wait(POLL_S)
    if process.poll() is None:
        process.terminate()
        process.wait(5.0)
    raise EmbeddedHubError(
        f"the worklist hub of this desk did not answer within {deadline_s:g} seconds{_output_tail(data_dir)}",
        f"Start the program again; if that does not help, look into {data_dir / OUTPUT_FILE}",
    )


def hub_command() -> list[str]:
    """How to start the hub: in a frozen application its own executable lies beside ours, and `-m` is unknown."""
    if getattr(sys, "frozen", False):
        suffix = ".exe" if sys.platform == "win32" else ""
        return [str(Path(sys.executable).with_name("worklist-hub" + suffix))]
    return [sys.executable, "-m", "worklist_hub"]


def answering_hub(data_dir: Path) -> HubAddress | None:
    """The hub that the address file names, if it answers now with its token; None where there is none."""
    try:
        data = json.loads((data_dir / ADDRESS_FILE).read_text(encoding="utf-8"))
        address = HubAddress(str(data["url"]), str(data["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there yet, or just being written
    try:
        # A stale file may name a port that belongs to another program by now: only a hub that says so counts.
        said = about(address.url, address.token, timeouts_s=ANSWER_TIMEOUTS_S)
    except RegionError:
        return None
    return address if said.embedded else None


def _start(data_dir: Path, command: Sequence[str]) -> subprocess.Popen[bytes]:
    output = data_dir / OUTPUT_FILE
    # Appended, for the hub of another window may be writing it; begun anew where it has grown long.
    fresh = os.O_TRUNC if output.exists() and output.stat().st_size > _OUTPUT_LIMIT_BYTES else 0
    descriptor = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND | fresh, 0o600)
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            # Its own session: Ctrl+C in the terminal of one window must not end the hub of the others.
            start_new_session=sys.platform != "win32",
            creationflags=_detached() if sys.platform == "win32" else 0,
        )
    except OSError as error:
        raise EmbeddedHubError(
            f"the worklist hub of this desk cannot be started: {error.strerror or type(error).__name__}",
            f"Check that this file can be run: {command[0]}",
        ) from error
    finally:
        os.close(descriptor)


def _detached() -> int:
    """Windows: no console window, and no Ctrl+C from ours."""
    return getattr(subprocess, "CREATE_NO_WINDOW", 0) | getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


def _output_tail(data_dir: Path) -> str:
    try:
        with (data_dir / OUTPUT_FILE).open("rb") as output:
            output.seek(0, os.SEEK_END)
            output.seek(max(0, output.tell() - _TAIL_BYTES))
            lines = output.read().decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return f" ({lines[-1].strip()})" if lines else ""
