"""A reader made of code: drives one real desktop through its commands, its mouse and its dialogs, and waits for what is
shown. The demo plays with it where nobody can look, pictures are made with it, and the journeys of the tests use it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEvent, QEventLoop, QPoint, QPointF, QRect, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QMouseEvent, QPixmap, QTextCursor
from PySide6.QtWidgets import QApplication, QCheckBox, QDialog, QDialogButtonBox, QWidget

from viewer.records import Annotation
from viewer.ui.viewport import Viewport
from worklist_client.commands.case_images import CaseImages
from worklist_client.ui.desktop import Desktop
from worklist_client.ui.reading_card import IdentityCard
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import StudyEntry

STEP_MS = 20
PATIENCE_S = 30.0

T = TypeVar("T")


class Stuck(Exception):
    """What the robot waited for did not come; `what` says it."""

    def __init__(self, what: str) -> None:
        super().__init__(f"waited in vain for: {what}")
        self.what = what


class Robot:
    """Drives `desktop`. Everything happens on the main thread, in nested event loops."""

    def __init__(self, desktop: Desktop) -> None:
        self.desktop = desktop

    def until(self, condition: Callable[[], T | None], what: str, seconds: float = PATIENCE_S) -> T:
        """Let the application run until the condition is true; its value. Raises `Stuck`."""
        return wait_until(condition, what, seconds)

    def do(self, act: Callable[[], object]) -> None:
        """Act from within an event loop of its own, as a click does. Qt deletes a closed window only there."""
        loop, broken = QEventLoop(), list[Exception]()

        def run() -> None:
            try:
                act()
            except Exception as error:  # noqa: BLE001 - a slot must not swallow it; raised again below
                broken.append(error)
            QTimer.singleShot(0, loop, loop.quit)

        QTimer.singleShot(0, loop, run)
        loop.exec()
        if broken:
            raise broken[0]

    def type(self, window: ReadingWindow, section: str, text: str) -> None:
        """Type at the end of a section of the report."""
        edit = window.report.edit(section)
        edit.moveCursor(QTextCursor.MoveOperation.End)
        edit.insertPlainText(text)

    def complete(self, window: ReadingWindow, place: int) -> Viewport:
        """A viewport that shows a series of which every image is here."""
        viewport = self.viewport(window, place)
        counts = window.session.images

        def whole() -> bool:
            study, images = viewport.model.state.study_instance_uid, viewport.model.images
            return (
                images is not None and counts.count(study).complete and _series(counts, viewport) == len(images.frames)
            )

        self.until(whole, f"the whole series in viewport {place + 1}", 60)
        return viewport

    def scroll_to(self, window: ReadingWindow, place: int, part: float) -> None:
        """Bring the frame at this part (0..1) of the shown series into view."""
        viewport = self.complete(window, place)
        images = viewport.model.images
        assert images is not None
        frame = images.frames[round(part * (len(images.frames) - 1))]
        window.viewer.go_to(frame.header.study_instance_uid, frame.ref)

    def pause(self, milliseconds: int) -> None:
        """Let the application run for a moment, so that a picture shows a settled window."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop, loop.quit)
        loop.exec()

    # --- the list ---

    def entries(self) -> tuple[StudyEntry, ...]:
        """Studies of the live list."""
        desk = self.desktop.desk
        return desk.live.entries if desk is not None else ()

    def entry(self, study_instance_uid: str) -> StudyEntry | None:
        """One study of the live list."""
        return next((one for one in self.entries() if one.study_instance_uid == study_instance_uid), None)

    def select(self, entry: StudyEntry) -> None:
        """Select its row, once the table shows it."""
        window = self.desktop.window
        assert window is not None
        model = window.rows.model

        def place() -> int | None:
            rows = enumerate(model.entries(), start=1)
            return next((number for number, row in rows if row.entry_id == entry.entry_id), None)

        row = self.until(place, "the study's row in the table") - 1
        window.table.setCurrentIndex(model.index(row, 0))

    def open(self, entry: StudyEntry, *, claim: bool = True) -> ReadingWindow:
        """Select it and run the command that a double-click runs; the reading window."""
        window = self.desktop.window
        assert window is not None
        self.select(entry)
        window.commands.run("study.claim_and_open" if claim else "study.look")
        return self.until(self.reading_window, "the reading window")

    def reading_window(self) -> ReadingWindow | None:
        """The one that was opened last."""
        windows = [one for one in self.desktop.actions.windows() if isinstance(one, ReadingWindow)]
        return windows[-1] if windows else None

    # --- the images ---

    def viewport(self, window: ReadingWindow, place: int) -> Viewport:
        """A viewport that shows an image."""

        def shows() -> Viewport | None:
            viewports = window.viewer.desk.grid.viewports
            if len(viewports) <= place or viewports[place].transform() is None:
                return None
            return viewports[place]

        return self.until(shows, f"an image in viewport {place + 1}")

    def draw(
        self, window: ReadingWindow, place: int, tool: str, start: tuple[float, float], end: tuple[float, float]
    ) -> Annotation:
        """Draw with the mouse from index `start` to `end` (column, row) of the shown frame; the annotation."""
        viewport = self.viewport(window, place)
        study = viewport.model.state.study_instance_uid
        before = {one.annotation_id for one in window.viewer.annotations(study)}
        window.perform(f"tool.{tool}")
        drag(viewport, start, end)
        return self.until(
            lambda: next((one for one in window.viewer.annotations(study) if one.annotation_id not in before), None),
            f"the drawn {tool}",
        )

    # --- dialogs ---

    def with_dialog(self, name: str, act: Callable[[QDialog], None], run: Callable[[], object]) -> None:
        """Run something that opens a modal dialog, and act on it (tick, accept) once it is there."""
        timer = QTimer()
        timer.setInterval(STEP_MS)
        acted: list[bool] = []

        def look() -> None:
            dialog = QApplication.activeModalWidget()
            if isinstance(dialog, QDialog) and dialog.objectName() == name and not acted:
                acted.append(True)
                timer.stop()
                act(dialog)

        timer.timeout.connect(look)
        timer.start()
        run()
        timer.stop()
        if not acted:
            raise Stuck(f"the dialog '{name}'")

    def confirm_card(
        self,
        window: ReadingWindow,
        candidate_id: tuple[str, str],
        before: Callable[[QDialog], None] | None = None,
    ) -> None:
        """Open a prior through its card: tick two identifiers that agree (each box is one of another kind), accept."""

        def tick(dialog: QDialog) -> None:
            assert isinstance(dialog, IdentityCard)
            for box in dialog.findChildren(QCheckBox)[:2]:
                box.setChecked(True)
            if before is not None:
                before(dialog)
            press_ok(dialog)

        self.with_dialog("identity_card", tick, lambda: window.choose_prior(candidate_id))

    # --- pictures ---

    def picture(self, path: Path, rectangle: QRect | None = None) -> None:
        """What the screen shows (drawn by whatever draws it), or the top window where no screen can be grabbed."""
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = self._grab(rectangle)
        if not picture.save(str(path)):
            raise OSError(f"the picture could not be written: {path}")

    def _grab(self, rectangle: QRect | None) -> QPixmap:
        if QGuiApplication.platformName() == "offscreen":
            window = QApplication.activeWindow() or QApplication.topLevelWidgets()[0]
            return window.grab()
        screen = QGuiApplication.primaryScreen()
        if rectangle is None:
            return screen.grabWindow(0)
        return screen.grabWindow(0, rectangle.x(), rectangle.y(), rectangle.width(), rectangle.height())


def wait_until(condition: Callable[[], T | None], what: str, seconds: float = PATIENCE_S) -> T:
    """Run the event loop until the condition is true; its value. Raises `Stuck`."""
    value = condition()
    if value:
        return value
    loop, timer, over = QEventLoop(), QTimer(), QTimer()
    found: list[T] = []
    broken: list[Exception] = []

    def look() -> None:
        try:
            now = condition()
        except Exception as error:  # noqa: BLE001 - a slot must not swallow it; raised again below
            broken.append(error)
            loop.quit()
            return
        if now:
            found.append(now)
            loop.quit()

    timer.timeout.connect(look)
    timer.start(STEP_MS)
    over.setSingleShot(True)
    over.timeout.connect(loop.quit)
    over.start(int(seconds * 1000))
    loop.exec()
    timer.stop()
    over.stop()
    if broken:
        raise broken[0]
    if not found:
        raise Stuck(what)
    return found[0]


def _series(counts: CaseImages, viewport: Viewport) -> int:
    """How many images of the series in this viewport have come."""
    state = viewport.model.state
    headers = counts.headers(state.study_instance_uid)
    return sum(header.series_instance_uid == state.series_instance_uid for header in headers)


def press_ok(dialog: QDialog) -> None:
    """Press the dialog's accepting button."""
    box = dialog.findChild(QDialogButtonBox)
    assert isinstance(box, QDialogButtonBox)
    box.button(QDialogButtonBox.StandardButton.Ok).click()


def drag(viewport: Viewport, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Press, move and release the left button between two index positions."""
    transform, canvas = viewport.transform(), viewport.canvas
    assert transform is not None
    assert canvas is not None
    ratio = viewport.pixel_ratio
    points = []
    for index in (start, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), end):
        x, y = transform.canvas_from_index(index)
        points.append(QPointF(x / ratio, y / ratio))
    widget = canvas.widget()
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    send(widget, QEvent.Type.MouseButtonPress, points[0], left, left)
    send(widget, QEvent.Type.MouseMove, points[1], none, left)
    send(widget, QEvent.Type.MouseMove, points[2], none, left)
    send(widget, QEvent.Type.MouseButtonRelease, points[2], left, none)


def send(widget: QWidget, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton, buttons: Qt.MouseButton) -> None:
    """One mouse event, as the window system would send it."""
    whole = QPointF(widget.mapToGlobal(QPoint(round(place.x()), round(place.y()))))
    event = QMouseEvent(kind, place, whole, button, buttons, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(widget, event)
