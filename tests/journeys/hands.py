"""Hands of the robot for journeys: keys typed letter by letter, clicks on rows and buttons, drawing, signing."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLineEdit,
    QListWidget,
    QMessageBox,
    QPushButton,
    QWidget,
)

from viewer.records import Annotation
from viewer.ui.shelf import Phase
from worklist_client.demo.robot import Robot, drag, press_ok
from worklist_client.journal import PackageRow
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import StudyEntry

LEFT = Qt.MouseButton.LeftButton


def type_keys(widget: QWidget, text: str) -> None:
    """Every letter as a key press of its own, as a keyboard or an input method sends it."""
    for letter in text:
        key = Qt.Key.Key_Return if letter == "\n" else Qt.Key.Key_unknown
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(widget, QKeyEvent(kind, key, Qt.KeyboardModifier.NoModifier, letter))


def write(window: ReadingWindow, section: str, text: str) -> None:
    """Type into one section of the report."""
    edit = window.report.edit(section)
    edit.setFocus()
    type_keys(edit, text)


def double_click(robot: Robot, entry: StudyEntry) -> ReadingWindow:
    """Double-click the study's row with the mouse; the reading window."""
    before = set(robot.desktop.actions.windows())
    window = robot.desktop.window
    assert window is not None
    robot.select(entry)
    place = window.table.visualRect(window.table.currentIndex()).center()
    QTest.mouseClick(window.table.viewport(), LEFT, pos=place)
    robot.do(lambda: QTest.mouseDClick(window.table.viewport(), LEFT, pos=place))

    def opened() -> ReadingWindow | None:
        new = [one for one in robot.desktop.actions.windows() if one not in before]
        return new[0] if new and isinstance(new[0], ReadingWindow) else None

    reading = robot.until(opened, "the reading window")
    reading.setGeometry(0, 0, 1600, 950)
    return reading


def mine(robot: Robot, entry: StudyEntry) -> ReadingWindow:
    """Double-click, and wait until the claim is there, the report takes text and an image is shown."""
    reading = double_click(robot, entry)
    robot.until(lambda: reading.session.editable, "the claim")
    robot.viewport(reading, 0)
    return reading


def all_images(robot: Robot, reading: ReadingWindow) -> None:
    """Wait until every image of every open study is here and can be scrolled."""
    images, shelf = reading.session.images, reading.viewer.desk.shelf

    def here() -> bool:
        if not all(images.count(one).complete for one in images.studies()):
            return False
        return all(series.phase is Phase.COMPLETE for one in images.studies() for series in shelf.of_study(one))

    robot.until(here, "all images", 60)


def draw(
    robot: Robot, window: ReadingWindow, tool: str, start: tuple[float, float], end: tuple[float, float]
) -> Annotation:
    """Draw on the left image, with the mouse, between two places given as parts (0 to 1) of its width and height."""
    frame = robot.viewport(window, 0).model.frame
    assert frame is not None
    size = (frame.header.columns, frame.header.rows)
    return robot.draw(window, 0, tool, _at(start, size), _at(end, size))


def draw_arrow(
    robot: Robot, window: ReadingWindow, start: tuple[float, float], end: tuple[float, float], text: str
) -> Annotation:
    """Draw an arrow and type its text into the field that opens."""
    viewport = robot.viewport(window, 0)
    frame = viewport.model.frame
    assert frame is not None
    study = frame.header.study_instance_uid
    before = {one.annotation_id for one in window.viewer.annotations(study)}
    window.perform("tool.arrow")
    size = (frame.header.columns, frame.header.rows)
    drag(viewport, _at(start, size), _at(end, size))
    assert viewport.canvas is not None
    canvas = viewport.canvas.widget()
    field = robot.until(lambda: next(iter(canvas.findChildren(QLineEdit)), None), "the field for the arrow's text")
    robot.do(lambda: type_keys(field, f"{text}\n"))
    return robot.until(
        lambda: next((one for one in window.viewer.annotations(study) if one.annotation_id not in before), None),
        "the arrow",
    )


def insert_measurement(robot: Robot, window: ReadingWindow, place: int, section: str) -> None:
    """Put the cursor at the end of a section, choose a measurement of the list, and press the button."""
    window.report.edit(section).setFocus()
    window.report.edit(section).moveCursor(window.report.edit(section).textCursor().MoveOperation.End)
    rows = measurements(window)
    robot.until(lambda: rows.count() > place, "the measurement in the list")
    rows.setCurrentRow(place)
    button = window.report.findChild(QPushButton, "insert_measurement")
    assert isinstance(button, QPushButton)
    assert button.isEnabled()
    QTest.mouseClick(button, LEFT)


def follow_link(window: ReadingWindow, place: int) -> None:
    """Click a measurement of the list."""
    rows = measurements(window)
    QTest.mouseClick(rows.viewport(), LEFT, pos=rows.visualItemRect(rows.item(place)).center())


def measurements(window: ReadingWindow) -> QListWidget:
    """The list of measurements."""
    found = window.report.findChild(QListWidget, "measurements")
    assert isinstance(found, QListWidget)
    return found


def sign(robot: Robot, window: ReadingWindow, look: Callable[[QDialog], object] = lambda _dialog: None) -> PackageRow:
    """Sign: look at the dialog, press its button; the package once it is in the journal."""

    def act(dialog: QDialog) -> None:
        look(dialog)
        press_ok(dialog)

    robot.with_dialog("sign_dialog", act, lambda: window.commands.run("case.sign"))
    robot.until(lambda: window.session.signing.package, "the signed report", 60)
    package = window.session.signing.package
    assert package is not None
    return package


def delivered(robot: Robot, window: ReadingWindow, seconds: float = 60) -> PackageRow:
    """Wait until the report was read back from its archive."""
    robot.until(lambda: window.session.signing.delivered, "the proof that the report arrived", seconds)
    package = window.session.signing.package
    assert package is not None
    return package


def answer_question(dialog: QDialog, text: str) -> None:
    """Press the button of a question that says this."""
    assert isinstance(dialog, QMessageBox)
    button = next(one for one in dialog.buttons() if one.text() == text)
    button.click()


def tick(dialog: QDialog, count: int) -> None:
    """Tick this many identifiers of a card, with the mouse; each box is an identifier of another kind."""
    for box in dialog.findChildren(QCheckBox)[:count]:
        if not box.isChecked():
            QTest.mouseClick(box, LEFT, pos=QPoint(10, box.height() // 2))


def ok_button(dialog: QDialog) -> QPushButton:
    """The accepting button."""
    box = dialog.findChild(QDialogButtonBox)
    assert isinstance(box, QDialogButtonBox)
    return box.button(QDialogButtonBox.StandardButton.Ok)


def _at(part: tuple[float, float], size: tuple[int, int]) -> tuple[float, float]:
    return (float(round(part[0] * size[0])), float(round(part[1] * size[1])))
