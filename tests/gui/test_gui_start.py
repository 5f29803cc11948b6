"""The program itself: it starts with its own hub, shows what the hub tells, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from worklist_client.app import main, parse

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 40.0


def until(true: Callable[[], bool], what: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert process.poll() is None, f"ended with {process.returncode} while waiting for {what}"
        assert time.monotonic() < deadline, f"no {what} within {DEADLINE_S} s"
        process_wait(process)


def process_wait(process: subprocess.Popen[bytes]) -> None:
    """Poll without busy waiting: until the process ends, a tenth of a second at most."""
    try:
        process.wait(0.1)
    except subprocess.TimeoutExpired:
        return


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "worklist_client", "--data-dir", str(folder), *arguments]
    return subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)})


def end_hub(folder: Path) -> None:
    """Its own sixty seconds are long for a test."""
    address = folder / "hub.json"
    if address.is_file():
        hub = psutil.Process(int(json.loads(address.read_text(encoding="utf-8"))["pid"]))
        hub.terminate()
        hub.wait(10)


def workers_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [
        child for child in psutil.Process(process.pid).children() if "worklist_hub" not in " ".join(child.cmdline())
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="ends the program by a signal")
def test_it_starts_with_its_own_hub_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process = start(tmp_path, "--profile", "night", "--language", "nl")
    try:
        until((tmp_path / "hub.json").is_file, "hub", process)
        until(lambda: len(workers_of(process)) >= 3, "worker processes", process)
        workers = workers_of(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        gone, alive = psutil.wait_procs(workers, 10)
        assert alive == []
        assert len(gone) == len(workers)
        journal = sqlite3.connect(tmp_path / "profiles" / "night" / "journal.sqlite")
        assert journal.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        journal.close()
        log = (tmp_path / "profiles" / "night" / "client.log").read_text(encoding="utf-8")
        assert "ERROR" not in log
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        end_hub(tmp_path)


class AsksToSignIn(BaseHTTPRequestHandler):
    """A hub that wants a name and a password, and nothing else."""

    def do_GET(self) -> None:
        content = b'{"methods": [{"kind": "password"}]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.server.asked.set()  # type: ignore[attr-defined]

    def log_message(self, *_told: object) -> None:
        return


@pytest.mark.skipif(sys.platform == "win32", reason="ends the program by a signal")
def test_it_ends_by_a_signal_also_while_it_waits_for_somebody_to_sign_in(tmp_path: Path) -> None:
    """As Ctrl+C in the terminal that it was started from."""
    with ThreadingHTTPServer(("127.0.0.1", 0), AsksToSignIn) as server:
        server.asked = threading.Event()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        process = start(tmp_path, "--hub", f"http://127.0.0.1:{server.server_port}")
        try:
            until(server.asked.is_set, "question how one signs in", process)  # type: ignore[attr-defined]
            used = [-1.0, -2.0, -3.0]

            def is_still() -> bool:
                times = psutil.Process(process.pid).cpu_times()
                used.append(round(times.user + times.system, 1))
                return used[-1] == used[-4]

            until(is_still, "stillness", process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            server.shutdown()
            if process.poll() is None:
                process.kill()
                process.wait()


def test_the_windows_start_without_libraries_of_images_and_networks() -> None:
    code = (
        "import sys, worklist_client.app, worklist_client.ui.start, worklist_client.ui.desktop;"
        "print([m for m in ('vtk','vtkmodules','pydicom','pynetdicom','highdicom','numpy','imagecodecs','sqlalchemy')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_token_without_a_hub_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse(["--token", "x"])
    assert end.value.code == 2
    assert "--token needs --hub" in capsys.readouterr().err


def test_a_bad_profile_name_is_refused_before_anything_starts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--profile", "../x"]) == 2
    assert "letters, digits" in capsys.readouterr().err
