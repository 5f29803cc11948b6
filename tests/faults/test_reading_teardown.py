"""A reading window that goes leaves nothing behind: no thread, no object, no memory, and nothing that still draws.

A part that raised while a window closed left the rest of it alive: what still fed into it and a dead OpenGL surface
ended the program with a segmentation fault when the next study was opened.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtGui import QSurface
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import entry, header, services
from tests.peers.viewer_images import Stack
from viewer.records import PatientLabel
from viewer.tasks import TaskRunner
from viewer.ui.shelf import Phase
from viewer.ui.viewer_widget import ViewerWidget
from viewer.ui.viewport import Viewport
from worklist_client.commands import case_images
from worklist_client.ui.reading_window import ReadingWindow

MALFORMED = "05fa52f0e599f17b8186ff18fcdf2b5570a52206a75c4d03afebf5c475dc8758"
STUDIES = 50
GROWTH_MB = {"software": 24, "vtk": 160}
"""Far above what counting varies by, below 40 windows that stay: software rendering of OpenGL keeps pools that fill up
over the first fifty windows and then stay as they are (measured over 110)."""
STACK = Stack(study=STUDY, series=f"{STUDY}.1", slices=6, rows=512, columns=512)
PATHS = pytest.mark.parametrize("path", ["software", "vtk"])


class Reader:
    """Opens reading windows on one bench, one after the other."""

    def __init__(self, bench: Bench, qtbot: QtBot, path: str) -> None:
        self.bench, self.qtbot, self.path = bench, qtbot, path
        bench.runner = TaskRunner()

    def open(self, study: str = STUDY) -> ReadingWindow:
        desk = self.bench.desk
        desk.render_path = self.path
        window = ReadingWindow(desk, entry(study_instance_uid=study))
        window.session.priors._services = services(self.bench.peers)
        window.show()
        window.start(claim=True)
        if self.path == "vtk" and window.viewer.render_path() != "vtk":
            self.close(window)
            pytest.skip("there is no OpenGL here")
        return window

    def shown(self, window: ReadingWindow) -> None:
        """Wait for its image."""
        self.qtbot.waitUntil(lambda: bool(window.viewer.displayed_states(STUDY)), timeout=10_000)

    def close(self, window: ReadingWindow) -> None:
        window.close()
        self.gone(window)

    def gone(self, window: ReadingWindow) -> None:
        QApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
        self.qtbot.waitUntil(lambda: not isValid(window))


@pytest.fixture
def reader(
    tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Reader]:
    bench = Bench(tmp_path)
    patient = PatientLabel("Jánssen^Zoë", "N1")
    bench.holds(STUDY, STACK.slices)
    bench.worker.headers = [replace(one, patient=patient) for one in STACK.headers(tmp_path)]
    monkeypatch.setattr(case_images, "open_pacs", lambda connection, **_: bench.peers[connection.connection_id])
    made = Reader(bench, qtbot, getattr(request, "param", "software"))
    yield made
    assert bench.runner.shutdown() == []
    bench.journal.close()


def in_both_paths(function: Callable[..., None]) -> Callable[..., None]:
    """Once with each render path."""
    return pytest.mark.parametrize("reader", ["software", "vtk"], indirect=True)(function)


def parts_alive() -> int:
    """Windows and viewports that Python still holds."""
    gc.collect()
    return sum(isinstance(one, (ReadingWindow, ViewerWidget, Viewport)) for one in gc.get_objects())


def other_threads() -> set[str]:
    """Names of all threads but those of the runner's lanes: few, made on demand, and joined when the test ends."""
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith("task-")}


@in_both_paths
def test_fifty_studies_opened_and_closed_leave_no_memory_no_thread_and_no_widget(reader: Reader) -> None:
    process = psutil.Process()
    begun = parts_alive()
    for number in range(STUDIES):
        window = reader.open(MALFORMED if number % 5 == 1 else STUDY)
        if number % 5 != 1:
            reader.shown(window)
        reader.close(window)
        del window
        if number == 9:  # libraries are loaded, lanes have their threads, caches of Qt are full
            reader.qtbot.waitUntil(lambda: parts_alive() == begun)  # small images under way end first
            memory, threads = process.memory_full_info().pss, other_threads()
    reader.qtbot.waitUntil(lambda: parts_alive() == begun)
    assert other_threads() <= threads
    assert (process.memory_full_info().pss - memory) / 2**20 < GROWTH_MB[reader.path]


@in_both_paths
@pytest.mark.parametrize("part", ["cache", "viewer", "priors"])
def test_a_part_that_raises_while_a_window_closes_leaves_nothing_of_it_alive(
    reader: Reader, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("broken on purpose")

    for number in range(4):
        window = reader.open()
        reader.shown(window)
        viewer, images = window.viewer, window.session.images
        canvases = [viewport.canvas for viewport in viewer.desk.grid.viewports]
        with monkeypatch.context() as patch:
            if part == "cache":
                patch.setattr(type(reader.bench.cache), "close_study", broken)
            elif part == "priors":
                patch.setattr(window.session.priors, "cancel", broken)
            else:
                patch.setattr(viewer.desk.shelf, "remove_study", broken)
            window.close()
        assert all(viewport.canvas is None for viewport in viewer.desk.grid.viewports), number
        assert all(not isValid(canvas) or not canvas.isVisible() for canvas in canvases)  # type: ignore[union-attr]
        assert all(task.token.cancelled() or task.ended for one in images._loading.values() for task in one.tasks)
        viewer.arrived([header(STUDY, "9", 1)])  # a worker that has not noticed yet
        reader.gone(window)
    following = reader.open()
    reader.shown(following)
    reader.close(following)


def test_a_study_with_a_malformed_uid_says_what_it_means_and_what_to_do(reader: Reader) -> None:
    """It said "No images have come yet" for ever."""
    window = reader.open(MALFORMED)
    viewport = window.viewer.desk.viewport
    reader.qtbot.waitUntil(lambda: viewport.surroundings.status.phase is Phase.FAILED)
    status = viewport.surroundings.status
    for words in ("UID of this study is malformed", "none are shown", "administrator"):
        assert words in status.detail
        assert words in window.view.notice.text()
    reader.close(window)


def test_images_that_cannot_be_had_are_forgotten_as_soon_as_one_comes(reader: Reader) -> None:
    window = reader.open(MALFORMED)
    viewer = window.viewer
    reader.qtbot.waitUntil(lambda: viewer.desk.viewport.surroundings.status.phase is Phase.FAILED)
    viewer.hang(STUDY)
    viewer.missing(STUDY, "", "", "The archive is away")
    reader.qtbot.waitUntil(lambda: viewer.desk.viewport.surroundings.status.detail == "The archive is away")
    viewer.expect(STUDY, f"{STUDY}.1", STACK.slices)
    reader.qtbot.waitUntil(lambda: viewer.desk.viewport.surroundings.status.phase is not Phase.FAILED)
    reader.close(window)


@PATHS
def test_a_viewer_that_dies_without_a_word_takes_nothing_with_it(path: str, qtbot: QtBot, tmp_path: Path) -> None:
    """Its parent was deleted and nobody called `close_down`; news for it was on its way."""
    runner = TaskRunner()
    for _ in range(3):
        viewer = ViewerWidget(runner, render_path=path)
        viewer.show()
        qtbot.waitExposed(viewer)
        viewer.arrived(STACK.headers(tmp_path))
        viewer.hang(STUDY)
        qtbot.waitUntil(lambda: bool(viewer.displayed_states(STUDY)))  # noqa: B023 - awaited here
        held = [vars(one.canvas) for one in viewer.desk.grid.viewports]
        assert not any(isinstance(value, QSurface) for names in held for value in names.values())
        viewer.arrived([header(STUDY, "9", 1)])
        viewer.deleteLater()
        QApplication.sendPostedEvents(viewer, QEvent.Type.DeferredDelete)
        assert not isValid(viewer)
        QApplication.processEvents()
    assert runner.shutdown() == []
