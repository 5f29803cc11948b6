"""Guards that hold for every test: a display for windows, no network beyond loopback, no thread left behind."""

from __future__ import annotations

import gc
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from viewer.garbage import held

ROOT = Path(__file__).resolve().parent.parent
pytest_plugins = ["tests.peers.fixtures"] if (ROOT / "tests/peers/fixtures.py").is_file() else []

os.environ["WORKLIST_TEST"] = "1"
os.environ["PATH"] += ":/usr/sbin:/sbin"
for _name in ("QT_QPA_PLATFORM", "QT_STYLE_OVERRIDE", "WAYLAND_DISPLAY"):
    os.environ.pop(_name, None)


class _Display:
    """One Xvfb for the whole run, started where no display is set, ended with the run."""

    process: subprocess.Popen[bytes] | None = None


def pytest_configure(config: pytest.Config) -> None:
    """Give windows a display before any Qt module is imported."""
    if os.environ.get("DISPLAY") or shutil.which("Xvfb") is None:
        return
    read_end, write_end = os.pipe()
    command = ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1920x1080x24", "-nolisten", "tcp"]
    _Display.process = subprocess.Popen(command, pass_fds=[write_end], stderr=subprocess.DEVNULL)
    os.close(write_end)
    with os.fdopen(read_end) as stream:
        os.environ["DISPLAY"] = f":{stream.readline().strip()}"


LONG = ("tests/faults/test_hub_chaos.py", "tests/faults/test_client_kill.py", "tests/faults/", "tests/journeys/")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long ones first, so that two lanes of tests end together; within that, the order stays left to chance."""
    items.sort(
        key=lambda item: next((rank for rank, name in enumerate(LONG) if item.nodeid.startswith(name)), len(LONG))
    )


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the display that we started."""
    if _Display.process is not None:
        _Display.process.terminate()
        _Display.process.wait()


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real DICOM data; skips where it is absent (each such test has a synthetic twin)."""
    folder = Path(os.environ.get("WORKLIST_TEST_DATA", ROOT.parent / "shared" / "data")) / "dicom"
    if not folder.is_dir():
        pytest.skip("no real DICOM data here: set WORKLIST_TEST_DATA to a folder that holds 'dicom/'")
    return folder


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that speaks to anything but this machine fails."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "::1", "localhost")):
            pytest.fail(f"a test tried to reach {address[0]}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def fresh_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings, caches and keys of the person who runs the tests are neither read nor written."""
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(home))


@pytest.fixture(autouse=True)
def collected_on_the_main_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test with Qt objects leaves is collected here: a thread, of a peer for instance, must not destroy them."""
    if "qapp" not in request.fixturenames:
        yield
        return
    with held():
        yield
        gc.collect()
        if gc.get_freeze_count() == 0:
            gc.freeze()  # the libraries; without them the next ones take a few milliseconds


LEFT_S = 5.0


@pytest.fixture(autouse=True)
def no_thread_survives(request: pytest.FixtureRequest) -> Iterator[None]:
    """A thread that outlives its test fails it (threads of session fixtures exist before and are left alone)."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + LEFT_S
    left = _left(before)
    while left and time.monotonic() < deadline:
        left[0].join(0.05)
        left = _left(before)
    if left:
        pytest.fail(f"threads survived the test: {', '.join(thread.name for thread in left)}")


def _left(before: set[threading.Thread]) -> list[threading.Thread]:
    ignored = ("pydevd", "ThreadPoolExecutor")
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before and thread.is_alive() and not thread.name.startswith(ignored)
    ]
