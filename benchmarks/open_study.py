"""Double-click to first image and to a 250-slice CT that can be scrolled, in the real desktop, from a real Orthanc.

Each round fetches the study with `curl` (WADO-RS to nothing) and with DCMTK's `getscu` (to disk) and then opens it in
the desktop by mouse, claim included, with an empty image cache; the study is released between rounds. First image = the
viewer says that its picture has been painted; ready = the viewer says that every image promised is here and sorted.
A stall is a gap between ticks of a one-millisecond timer on the main thread, from the double-click until ready; the
processor time of the main thread in the busiest of these gaps says what of it is ours, however busy the machine is.
Memory: proportional set size (PSS) of client, workers and hub over its value before the very first opening, the highest
value until every slice has been shown once. Sampled in a round of its own, since sampling takes time.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from _graveyard import bury
from _region import CALLING_AE, DECODED_BYTES, await_quiet, data_dir, display, hospital, large_ct, say, study_uid
from PySide6.QtCore import QEvent, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from tests.peers.orthanc import OrthancPeer
from worklist_client import app
from worklist_client.demo.robot import Robot, Stuck
from worklist_client.settings.declarations import READER_CODE, READER_NAME
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui.desktop import Desktop, run
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status, StudyEntry

ACCEPT = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
QUIET_MS = 1500
"""Between rounds, so that the end of one is not measured in the next."""
KINDS = ("dicomweb", "c_get")


def by_curl(peer: OrthancPeer) -> float:
    """Seconds for `curl` to fetch the study by WADO-RS to nothing."""
    command = ["curl", "-s", "-f", "-o", os.devnull, "-w", "%{time_total}", "-H", ACCEPT]
    command += ["-u", f"{peer.user}:{peer.password}", f"{peer.base_url}/studies/{study_uid()}"]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def by_getscu(peer: OrthancPeer) -> float:
    """Seconds for DCMTK `getscu` to fetch the study to disk, without Nagle's delay and with 128 KiB PDUs."""
    folder = tempfile.mkdtemp(prefix="bench-getscu-")
    keys = ["-k", "0008,0052=STUDY", "-k", f"0020,000D={study_uid()}"]
    command = ["getscu", "-aet", CALLING_AE, "-aec", peer.ae_title, "-S", "+B", "-pdu", "131072", "-od", folder, *keys]
    started = time.perf_counter()
    subprocess.run([*command, "127.0.0.1", str(peer.dicom_port)], env={**os.environ, "TCP_NODELAY": "1"}, check=True)
    took = time.perf_counter() - started
    bury(folder)
    shutil.rmtree(folder, ignore_errors=True)
    return took


class Stalls:
    """The longest time for which the main thread did not come back to its event loop."""

    def __init__(self) -> None:
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._tick)
        self._last = self._last_cpu = 0.0
        self.gaps: list[float] = []
        self.busy: list[float] = []
        """Processor time of each gap."""

    def start(self) -> None:
        """From now on."""
        self.gaps, self.busy = [], []
        self._last, self._last_cpu = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> None:
        """Until now."""
        self._tick()
        self._timer.stop()

    def longest(self) -> float:
        """Seconds."""
        return max(self.gaps, default=0.0)

    def _tick(self) -> None:
        now, now_cpu = time.perf_counter(), time.thread_time()
        self.gaps.append(now - self._last)
        self.busy.append(now_cpu - self._last_cpu)
        self._last, self._last_cpu = now, now_cpu


@dataclass
class Opened:
    """What one opening took; moments of `time.perf_counter`."""

    clicked: float = 0.0
    first: float = 0.0
    ready: float = 0.0
    stall: float = 0.0
    busy: float = 0.0
    """Seconds of processor in the busiest turn of the event loop."""
    window: ReadingWindow | None = None
    seen: set[str] = field(default_factory=set)
    """Instances that were painted."""


@dataclass
class Bench:
    """One desktop that opens the same study again and again."""

    desktop: Desktop
    robot: Robot
    stalls: Stalls = field(default_factory=Stalls)

    def warm(self) -> None:
        """Wait until the program has done what it does after its start."""
        robot = self.robot
        robot.until(lambda: self.ready_entry(), "the study on the list", 60)
        window = self.desktop.window
        assert window is not None
        window.setGeometry(0, 0, 1600, 950)
        robot.pause(6000)

    def ready_entry(self) -> StudyEntry | None:
        """The study, when it can be claimed."""
        entry = self.robot.entry(study_uid())
        return entry if entry is not None and entry.status is Status.AVAILABLE else None

    def open(self) -> Opened:
        """Double-click; until the series is ready."""
        opened = Opened()
        application = QApplication.instance()
        assert isinstance(application, QApplication)

        def look() -> bool:
            if opened.window is None:
                windows = [one for one in self.desktop.actions.windows() if isinstance(one, ReadingWindow)]
                if windows:
                    opened.window = windows[-1]
                    opened.window.viewer.frame_shown.connect(
                        lambda state: opened.seen.add(state.frame.sop_instance_uid)
                    )
                    opened.window.viewer.first_image_shown.connect(lambda _study: first())
                    opened.window.viewer.series_ready.connect(lambda *_key: ready())
            return opened.ready > 0

        def first() -> None:
            opened.first = opened.first or time.perf_counter()

        def ready() -> None:
            opened.ready = opened.ready or time.perf_counter()
            self.stalls.stop()

        # The window is listened to before anything of it can be painted: its opener is called within the click.
        self.desktop.actions.windows_changed.connect(look)
        self.robot.select(self.robot.until(self.ready_entry, "the study to be available", 30))
        self.robot.pause(300)
        self.stalls.start()
        opened.clicked = time.perf_counter()
        double_click(self._table())
        self.robot.until(look, "the series to be ready", 60)
        self.desktop.actions.windows_changed.disconnect(look)
        opened.stall, opened.busy = self.stalls.longest(), max(self.stalls.busy, default=0.0)
        window = opened.window
        assert window is not None
        return opened

    def close(self, opened: Opened) -> None:
        """Give the study back, close the window, empty the cache."""
        window = opened.window
        assert window is not None
        robot = self.robot
        robot.until(lambda: window.session.editable, "the claim")
        images = window.session.images
        robot.until(lambda: images.count(study_uid()).complete, "the end of loading", 30)
        window.session.claim.release()
        robot.until(self.ready_entry, "the study given back")
        window.commands.run("case.close")
        # Within nested event loops Qt would keep the closed window until the outermost one is back.
        QApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
        robot.until(lambda: not self.desktop.actions.windows(), "the window to close")
        desk = self.desktop.desk
        assert desk is not None
        bury(desk.cache.folder)
        desk.cache.wipe()
        if desk.cache.usage().studies:
            raise SystemExit("the image cache could not be emptied")
        robot.pause(QUIET_MS)

    def _table(self) -> tuple[QWidget, QPointF]:
        window = self.desktop.window
        assert window is not None
        table = window.table
        center = table.visualRect(table.currentIndex()).center()
        return table.viewport(), QPointF(center.x(), center.y())


def double_click(where: tuple[QWidget, QPointF]) -> None:
    """What a mouse sends."""
    widget, at = where
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    for kind, held in (
        (QEvent.Type.MouseButtonPress, left),
        (QEvent.Type.MouseButtonRelease, none),
        (QEvent.Type.MouseButtonDblClick, left),
        (QEvent.Type.MouseButtonRelease, none),
    ):
        event = QMouseEvent(kind, at, widget.mapToGlobal(at), left, held, Qt.KeyboardModifier.NoModifier)
        QApplication.postEvent(widget, event)


def process_tree(data_folder: Path) -> list[psutil.Process]:
    """This client, its workers and its hub; not the hospital, not the display."""
    own = psutil.Process()
    mine = [own]
    for child in own.children(recursive=True):
        words = " ".join(child.cmdline())
        if "pacs.workers" in words or str(data_folder) in words:
            mine.append(child)
    return mine


def pss_mb(processes: list[psutil.Process]) -> float:
    """Proportional set size together, in 10⁶ bytes."""
    total = 0
    for process in processes:
        with process.oneshot():
            total += process.memory_full_info().pss
    return total / 1e6


def memory_round(bench: Bench, folder: Path) -> dict[str, float]:
    """Growth while opening and scrolling once through everything."""
    processes = process_tree(folder)
    idle = pss_mb(processes)
    highest = idle
    timer = QTimer()

    def sample() -> None:
        nonlocal highest
        highest = max(highest, pss_mb(processes))

    timer.timeout.connect(sample)
    timer.start(100)
    opened = bench.open()
    window = opened.window
    assert window is not None
    model = window.viewer.desk.grid.viewports[0].model
    window.viewer.perform("scroll.first")
    for frame in model.images.frames if model.images is not None else ():
        wanted = frame.header.sop_instance_uid
        bench.robot.until(lambda wanted=wanted: wanted in opened.seen, "a slice to be painted")
        window.viewer.perform("scroll.next")
    sample()
    timer.stop()
    say(f"memory: idle {idle:.0f} MB in {len(processes)} processes, highest {highest:.0f} MB")
    bench.close(opened)
    return {"growth_mb": highest - idle, "very_first_ms": (opened.first - opened.clicked) * 1e3}


def play(peer: OrthancPeer, kind: str, rounds: int) -> dict[str, float]:
    """All rounds of one kind in one desktop."""
    with data_dir(peer, kind) as folder:
        arguments = ["--data-dir", str(folder), "--language", "en", "--render", "software"]
        options = app.parse(arguments)
        profile = open_profile(options.profile, options.data_dir)
        settings = Settings.load(profile.settings_path)
        settings.set(READER_NAME, "Benchmark^Reader")
        settings.set(READER_CODE, "900001")
        runner, hub = app.start_hub(options, profile, settings)
        figures: dict[str, float] = {}
        stuck: list[Exception] = []

        def played(desktop: Desktop) -> None:
            robot = Robot(desktop)
            robot.until(lambda: desktop.window, "the worklist window")
            try:
                figures.update(measure(Bench(desktop, robot), peer, folder, rounds))
            except (Stuck, SystemExit, AssertionError) as error:
                stuck.append(error)

        run(options, profile, settings, runner, hub, script=played)
        if stuck:
            raise SystemExit(f"{kind}: {stuck[0]}")
    return figures


def measure(bench: Bench, peer: OrthancPeer, folder: Path, rounds: int) -> dict[str, float]:
    """Medians over the rounds; the very first opening, with nothing seen before, is a figure of its own."""
    bench.warm()
    memory = memory_round(bench, folder)
    rows: list[dict[str, float]] = []
    for _number in range(rounds):
        await_quiet()
        row = {"curl_ms": by_curl(peer) * 1e3, "getscu_ms": by_getscu(peer) * 1e3}
        bench.robot.pause(300)
        await_quiet()
        opened = bench.open()
        row |= {
            "first_image_ms": (opened.first - opened.clicked) * 1e3,
            "ready_ms": (opened.ready - opened.clicked) * 1e3,
            "longest_stall_ms": opened.stall * 1e3,
            "busiest_turn_cpu_ms": opened.busy * 1e3,
        }
        say("  ".join(f"{name} {value:.0f}" for name, value in row.items()))
        bench.close(opened)
        rows.append(row)
    figures = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    figures["longest_stall_worst_round_ms"] = max(row["longest_stall_ms"] for row in rows)
    figures["very_first_image_ms"] = memory["very_first_ms"]
    figures["memory_growth_mb"] = memory["growth_mb"]
    figures["memory_over_decoded"] = memory["growth_mb"] * 1e6 / DECODED_BYTES
    return figures


def one_kind(rounds: int, kind: str) -> dict[str, float]:
    """One desktop and its hospital in this process."""
    with display(), hospital() as peer:
        peer.load(large_ct())
        say(kind)
        figures = play(peer, kind, rounds)
        application = QApplication.instance()
        if application is not None:
            application.shutdown()  # before the display goes
    figures = {f"{kind}_{name}": value for name, value in figures.items()}
    if kind == "dicomweb":
        figures["dicomweb_ready_over_curl"] = figures["dicomweb_ready_ms"] / figures["dicomweb_curl_ms"]
    else:
        figures["c_get_ready_over_getscu"] = figures["c_get_ready_ms"] / figures["c_get_getscu_ms"]
    return {name: round(value, 2) for name, value in figures.items()}


def both_kinds(rounds: int) -> dict[str, float]:
    """Each in a process of its own, for a process holds one desktop."""
    figures: dict[str, float] = {}
    for kind in KINDS:
        command = [sys.executable, __file__, "--rounds", str(rounds), "--kind", kind]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        figures |= json.loads(done.stdout.splitlines()[-1])["figures"]
    return figures


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--kind", choices=KINDS, help="only this one")
    chosen = parser.parse_args()
    figures = one_kind(chosen.rounds, chosen.kind) if chosen.kind else both_kinds(chosen.rounds)
    print(json.dumps({"benchmark": "open_study", "figures": figures}))


if __name__ == "__main__":
    main()
