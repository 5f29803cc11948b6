"""The viewer as its reader uses it: fed from any thread, true in every state, moved by wheel, keys and pointer."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from tests.peers.viewer_images import Stack, unreadable
from viewer.records import AnnotationKind, DisplayedState, FrameRef, InstanceHeader
from viewer.tasks import TaskRunner
from viewer.ui import palette
from viewer.ui.actions import ACTIONS, UnknownAction
from viewer.ui.labels import StudyLabel
from viewer.ui.performing import DEEDS
from viewer.ui.shelf import Phase
from viewer.ui.text_field import TextField
from viewer.ui.viewer_widget import ViewerWidget

A, B = Stack(), Stack(study="2.25.200", series="2.25.200.1", base=180, patient="Beta^Bert")
BOTH = pytest.mark.parametrize("path", ["software", "vtk"])


class Reader:
    """Drives one viewer and looks at the screen."""

    def __init__(self, qtbot, folder: Path, path: str = "software") -> None:
        self.qtbot, self.folder = qtbot, folder
        self.runner = TaskRunner()
        self.uids = 0
        self.viewer = ViewerWidget(self.runner, render_path=path, new_uid=self._uid)
        self.viewer.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.viewer.resize(900, 500)
        self.viewer.set_layout(1, 2)
        self.viewer.show()
        qtbot.waitExposed(self.viewer)
        if path == "vtk" and self.viewer.render_path() != "vtk":
            pytest.skip("there is no OpenGL here")

    def _uid(self) -> str:
        self.uids += 1
        return f"2.25.7.{self.uids}"

    def feed(self, stack: Stack, *, expect: int | None = None, complete: bool = True) -> list[InstanceHeader]:
        headers = stack.headers(self.folder)
        self.viewer.expect(stack.study, stack.series, stack.slices if expect is None else expect)
        self.viewer.arrived(headers)
        if complete:
            self.viewer.complete(stack.study, stack.series)
        self.settle()
        return headers

    def settle(self) -> None:
        """Let the inbox, background sorting and one paint pass."""
        self.qtbot.wait(80)

    @property
    def viewports(self):
        return self.viewer.desk.grid.viewports

    def index(self, place: int = 0) -> int:
        return self.viewports[place].model.state.index

    def phase(self, place: int = 0) -> Phase:
        return self.viewports[place].surroundings.status.phase

    def canvas(self, place: int = 0):
        return self.viewports[place].canvas.widget()

    def at(self, column: float, row: float, place: int = 0) -> QPoint:
        x, y = self.viewports[place].transform().canvas_from_index((column, row))
        return QPoint(round(x), round(y))

    def drag(self, start: QPoint, end: QPoint, button=Qt.MouseButton.LeftButton, place: int = 0) -> None:
        canvas = self.canvas(place)
        QTest.mousePress(canvas, button, pos=start)
        for step in range(1, 5):
            QTest.mouseMove(canvas, start + (end - start) * step / 4)
        QTest.mouseRelease(canvas, button, pos=end)

    def wheel(self, delta: int, place: int = 0, modifiers=Qt.KeyboardModifier.NoModifier) -> None:
        canvas = self.canvas(place)
        middle = QPointF(canvas.rect().center())
        event = QWheelEvent(
            middle,
            canvas.mapToGlobal(middle),
            QPoint(),
            QPoint(0, delta),
            Qt.MouseButton.NoButton,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(canvas, event)

    def screen(self, place: int = 0) -> NDArray[np.uint8]:
        """What is really on the screen where a canvas is, as RGB."""
        canvas = self.canvas(place)
        corner, size = canvas.mapTo(self.viewer, QPoint(0, 0)), canvas.size()
        grabbed = QGuiApplication.primaryScreen().grabWindow(
            self.viewer.winId(), corner.x(), corner.y(), size.width(), size.height()
        )
        image = grabbed.toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()

    def gray_in(self, place: int = 0) -> set[int]:
        """Gray values of the middle of an image, clear of texts."""
        seen = self.screen(place)
        height, width = seen.shape[:2]
        patch = seen[height // 3 : height // 3 + 20, width // 3 : width // 3 + 20]
        return set(np.unique(patch).tolist())

    def close(self) -> None:
        self.viewer.close_down()
        self.viewer.close()
        self.viewer.deleteLater()
        QApplication.sendPostedEvents(None, 0)
        assert self.runner.shutdown() == []


@pytest.fixture
def reader(qtbot, tmp_path: Path) -> Iterator[Reader]:
    made = Reader(qtbot, tmp_path)
    yield made
    made.close()


@pytest.fixture
def reader_on(qtbot, tmp_path: Path, path: str) -> Iterator[Reader]:
    made = Reader(qtbot, tmp_path, path)
    yield made
    made.close()


def test_images_fed_from_another_thread_are_shown_and_told(reader: Reader) -> None:
    told: dict[str, list[object]] = {"first": [], "ready": [], "frames": []}
    reader.viewer.first_image_shown.connect(told["first"].append)
    reader.viewer.series_ready.connect(lambda *key: told["ready"].append(key))
    reader.viewer.frame_shown.connect(told["frames"].append)
    reader.viewer.hang(A.study)
    headers = A.headers(reader.folder)

    def source() -> None:
        reader.viewer.expect(A.study, A.series, len(headers))
        for header in headers:
            reader.viewer.arrived([header])
        reader.viewer.complete(A.study, A.series)

    thread = threading.Thread(target=source)
    thread.start()
    thread.join()
    reader.qtbot.waitUntil(lambda: bool(told["ready"] and told["first"]))
    assert told["first"] == [A.study]
    assert told["ready"] == [(A.study, A.series)]
    assert isinstance(told["frames"][0], DisplayedState)


def test_many_batches_are_taken_in_at_most_ten_times_a_second(reader: Reader) -> None:
    taken = []
    reader.viewer.fed.connect(taken.append)
    for header in replace(A, slices=200).headers(reader.folder):
        reader.viewer.arrived([header])
    reader.qtbot.waitUntil(lambda: sum(len(items) for items in taken) == 200)
    assert len(taken) <= 3


def test_a_viewport_says_what_is_so_from_empty_to_complete(reader: Reader) -> None:
    reader.viewer.set_study(A.study, StudyLabel("North"))
    assert reader.phase() is Phase.EMPTY
    reader.viewer.hang(A.study)
    reader.viewer.expect(A.study, A.series, 10)
    reader.settle()
    assert "first image" in reader.viewports[0].surroundings.status.detail
    headers = A.headers(reader.folder)
    reader.viewer.arrived(headers[:4])
    reader.settle()
    assert reader.phase() is Phase.LOADING
    assert "4 of 10 images from North" in reader.viewports[0].surroundings.status.badge
    reader.viewer.arrived(headers[4:])
    reader.settle()
    assert reader.phase() is Phase.LOADING  # all promised are here, but the origin has not said that this is all
    reader.viewer.complete(A.study, A.series)
    reader.settle()
    assert reader.phase() is Phase.COMPLETE
    assert reader.viewports[0].surroundings.status.badge == ""


def test_missing_images_make_it_partial_with_the_reason(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    headers = A.headers(reader.folder)
    reader.viewer.expect(A.study, A.series, 10)
    reader.viewer.arrived(headers[:-1])
    reader.viewer.missing(A.study, A.series, headers[-1].sop_instance_uid, "the PACS refused it")
    reader.settle()
    assert reader.phase() is Phase.PARTIAL
    assert "9 of 10" in reader.viewports[0].surroundings.status.badge
    assert "the PACS refused it" in reader.viewports[0].surroundings.status.badge


def test_a_missing_image_that_comes_after_all_completes_the_series(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    headers = A.headers(reader.folder)
    reader.viewer.expect(A.study, A.series, 10)
    reader.viewer.arrived(headers[:-1])
    reader.viewer.missing(A.study, A.series, headers[-1].sop_instance_uid, "time-out")
    reader.viewer.arrived(headers[-1:])
    reader.viewer.complete(A.study, A.series)
    reader.settle()
    assert reader.phase() is Phase.COMPLETE


def test_a_series_that_cannot_be_had_says_why(reader: Reader) -> None:
    reader.viewer.show_series(0, A.study, A.series)
    reader.viewer.missing(A.study, A.series, "", "South does not answer")
    reader.settle()
    assert reader.phase() is Phase.FAILED
    assert reader.viewports[0].surroundings.status.detail == "South does not answer"


@BOTH
def test_an_image_that_cannot_be_decoded_is_hatched_and_the_series_goes_on(reader_on: Reader) -> None:
    reader = reader_on
    headers = A.headers(reader.folder)
    headers[3] = unreadable(headers[3])
    reader.viewer.hang(A.study)
    reader.viewer.expect(A.study, A.series, 10)
    reader.viewer.arrived(headers)
    reader.viewer.complete(A.study, A.series)
    reader.settle()
    assert reader.phase() is Phase.DEGRADED
    for wanted, is_hatched in ((2, False), (3, True), (4, False)):
        reader.viewer.go_to(A.study, FrameRef(f"{A.series}.{wanted}"))
        reader.settle()
        assert bool(reader.viewports[0].failure) is is_hatched
        assert reader.gray_in() == {A.base + wanted} if not is_hatched else A.base + 2 not in reader.gray_in()
    assert FrameRef(f"{A.series}.3") not in {s.frame for s in reader.viewer.displayed_states(A.study)}


def test_asking_for_an_unreadable_image_again_is_passed_on(reader: Reader) -> None:
    asked = []
    reader.viewer.retry_wanted.connect(lambda *what: asked.append(what))
    headers = [unreadable(header) for header in A.headers(reader.folder)]
    reader.viewer.show_series(0, A.study, A.series)
    reader.viewer.arrived(headers)
    reader.settle()
    reader.viewer.perform("frame.retry")
    assert asked == [(A.study, f"{A.series}.0")]


@BOTH
def test_a_b_a_shows_nothing_of_b_under_the_name_of_a(reader_on: Reader) -> None:
    reader = reader_on
    for stack in (A, B):
        reader.viewer.set_study(stack.study, StudyLabel(stack.patient))
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.perform("scroll.last")
    reader.settle()
    assert reader.gray_in() == {A.base + 9}
    reader.viewer.hang(B.study)
    reader.settle()
    assert A.base + 9 not in reader.gray_in()  # B has no images yet: nothing of A may stay
    assert "Alpha" not in " ".join(reader.viewports[0].banner.lines())
    reader.feed(B)
    assert reader.gray_in() == {B.base}
    assert "Beta" in reader.viewports[0].banner.lines()[1]
    reader.viewer.hang(A.study)
    reader.settle()
    assert reader.gray_in() == {A.base}
    assert "Alpha" in reader.viewports[0].banner.lines()[1]


@BOTH
def test_a_removed_study_leaves_nothing_behind(reader_on: Reader) -> None:
    reader = reader_on
    reader.viewer.hang(A.study)
    headers = reader.feed(A)
    reader.viewer.set_tool("length")
    reader.drag(reader.at(10, 10), reader.at(40, 10))
    assert len(reader.viewer.annotations(A.study)) == 1
    reader.viewer.arrived(headers)  # still in the inbox when the study goes
    reader.viewer.remove_study(A.study)
    reader.settle()
    assert reader.viewer.annotations(A.study) == ()
    assert reader.viewer.displayed_states(A.study) == ()
    assert reader.viewer.desk.shelf.studies() == ()
    assert reader.viewer.desk.strip.widget.tiles() == ()
    assert reader.phase() is Phase.EMPTY
    assert A.base not in reader.gray_in()
    assert any(reader.viewports[0].banner.lines()) is False


def test_the_banner_names_patient_number_issuer_age_and_hospital(reader: Reader) -> None:
    label = StudyLabel("South", "#d98cb3", foreign=True, verdict_text="confirmed by you")
    reader.viewer.set_study(A.study, label)
    reader.viewer.hang(A.study)
    reader.feed(A)
    hospital, patient, study, verdict = reader.viewports[0].banner.lines()
    assert hospital == "South  ·  other hospital"
    for part in ("Alpha, Anna", "1960-02-29 (63)", "F", "12345 [NORTH]"):
        assert part in patient
    assert "2024-02-28" in study
    assert verdict == "confirmed by you"


def test_another_hospitals_viewport_has_its_color_as_a_border(reader: Reader) -> None:
    reader.viewer.set_study(A.study, StudyLabel("South", "#d98cb3", foreign=True))
    reader.viewer.hang(A.study)
    reader.feed(A)
    viewport = reader.viewports[0]
    edge = viewport.grab().toImage()
    colors = {edge.pixelColor(x, 1).name() for x in range(edge.width())}
    assert "#d98cb3" in colors
    assert len(colors) > 1  # dashed: told apart without color too


def test_the_wheel_keeps_the_remainder_and_loses_no_step(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    for _ in range(8):
        reader.wheel(-45)
    assert reader.index() == 3
    reader.wheel(-360)
    assert reader.index() == 6
    reader.wheel(120)
    assert reader.index() == 5


@pytest.mark.parametrize(
    ("key", "modifiers", "index"),
    [
        (Qt.Key.Key_Down, Qt.KeyboardModifier.NoModifier, 13),
        (Qt.Key.Key_Up, Qt.KeyboardModifier.NoModifier, 11),
        (Qt.Key.Key_PageDown, Qt.KeyboardModifier.NoModifier, 22),
        (Qt.Key.Key_PageUp, Qt.KeyboardModifier.NoModifier, 2),
        (Qt.Key.Key_Home, Qt.KeyboardModifier.NoModifier, 0),
        (Qt.Key.Key_End, Qt.KeyboardModifier.KeypadModifier, 29),
    ],
)
def test_keys_scroll_while_the_focus_is_in_the_viewer(reader: Reader, key, modifiers, index: int) -> None:
    reader.viewer.hang(A.study)
    reader.feed(replace(A, slices=30))
    reader.viewer.desk.arranger.go(0, 12)
    QTest.keyClick(reader.viewports[0], key, modifiers)
    assert reader.index() == index


def test_dragging_scrolls_and_the_right_button_windows(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.drag(QPoint(100, 100), QPoint(100, 260))
    assert reader.index() > 0
    before = reader.viewports[0].model.voi
    reader.drag(QPoint(100, 100), QPoint(160, 130), Qt.MouseButton.RightButton)
    after = reader.viewports[0].model.voi
    assert after.width > before.width
    assert after.center > before.center


def test_control_and_wheel_zoom_about_the_pointer(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    before = reader.viewports[0].transform()
    reader.wheel(120, modifiers=Qt.KeyboardModifier.ControlModifier)
    after = reader.viewports[0].transform()
    assert after.zoom > before.zoom
    assert reader.index() == 0


def test_presets_fit_one_to_one_turn_flip_invert_and_reset(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    model = reader.viewports[0].model
    QTest.keyClick(reader.viewports[0], Qt.Key.Key_2)
    assert (model.voi.center, model.voi.width) == (35, 80)
    for action in ("view.one_to_one", "view.rotate", "view.flip", "view.invert"):
        reader.viewer.perform(action)
    assert (model.view.zoom, model.view.rotation_deg, model.view.flipped, model.data.inverted) == (1.0, 90, True, True)
    reader.settle()
    state = reader.viewer.displayed_states(A.study)[-1]
    assert (state.rotation_deg, state.flipped, state.inverted, state.window.width) == (90, True, True, 80)
    reader.viewer.perform("view.reset")
    assert (model.view.zoom, model.view.rotation_deg, model.view.flipped, model.data.inverted) == (
        None,
        0,
        False,
        False,
    )
    assert model.voi.width == 255.0


def test_what_loads_in_the_background_moves_nothing(reader: Reader) -> None:
    """R15: selection, place, window and camera stay while more of the series and another study come in."""
    headers = replace(A, slices=40).headers(reader.folder)
    reader.viewer.hang(A.study)
    reader.viewer.expect(A.study, A.series, 40)
    reader.viewer.arrived(headers[10:30])
    reader.settle()
    reader.viewer.perform("scroll.page_next")
    reader.viewer.perform("window.preset.3")
    reader.viewer.perform("view.one_to_one")
    model = reader.viewports[0].model
    before = (model.frame.ref, model.voi, model.view, reader.viewer.desk.active)
    reader.viewer.arrived(headers[:10])
    reader.viewer.arrived(headers[30:])
    reader.feed(B)
    reader.viewer.complete(A.study, A.series)
    reader.settle()
    assert (model.frame.ref, model.voi, model.view, reader.viewer.desk.active) == before
    assert model.state.count == 40


def test_a_large_series_is_sorted_in_the_background_and_comes_out_whole(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    headers = replace(A, slices=300, rows=8, columns=8).headers(reader.folder)
    reader.viewer.expect(A.study, A.series, 300)
    for start in range(0, 300, 60):
        reader.viewer.arrived(headers[start : start + 60][::-1])
    reader.viewer.complete(A.study, A.series)
    reader.qtbot.waitUntil(lambda: reader.viewports[0].model.state.count == 300)
    frames = reader.viewports[0].model.images.frames
    assert [frame.header.sop_instance_uid for frame in frames] == [header.sop_instance_uid for header in headers]


def test_the_same_frame_of_reference_links_by_position(reader: Reader) -> None:
    prior = replace(B, spacing_mm=1.0, slices=40, start_mm=-4.0)
    reader.viewer.hang(A.study, B.study)
    reader.feed(A)
    reader.feed(prior)
    reader.viewer.desk.arranger.go(0, 5)
    assert reader.index(1) == 14  # 10 mm is slice 14 of a stack that begins at -4 mm
    assert reader.viewports[1].surroundings.link == "Linked by position"


def test_a_partner_is_not_called_linked_once_a_nearer_slice_has_come(reader: Reader) -> None:
    """It stays where it is, for nothing moves by itself; but it must not say that it shows the same place."""
    prior = replace(B, spacing_mm=1.0, slices=40)
    reader.viewer.hang(A.study, B.study)
    reader.feed(A)
    headers = prior.headers(reader.folder)
    reader.viewer.expect(prior.study, prior.series, 40)
    reader.viewer.arrived([headers[0], *headers[20:]])
    reader.settle()
    reader.viewer.desk.arranger.go(0, 8)
    shown = reader.viewports[1].model.frame.ref
    assert reader.viewports[1].surroundings.link == "Linked by position"
    reader.viewer.arrived(headers[1:20])
    reader.viewer.complete(prior.study, prior.series)
    reader.qtbot.waitUntil(lambda: reader.viewports[1].model.state.count == 40)
    reader.settle()
    assert reader.viewports[1].model.frame.ref == shown
    assert reader.viewports[1].surroundings.link == ""
    reader.viewer.desk.arranger.go(0, 7)
    assert reader.index(1) == 14
    assert reader.viewports[1].surroundings.link == "Linked by position"


def test_planes_more_than_five_degrees_apart_are_linked_as_nearest(reader: Reader) -> None:
    tilted = replace(B, column=(0.0, float(np.cos(0.2)), float(np.sin(0.2))))
    reader.viewer.hang(A.study, B.study)
    reader.feed(A)
    reader.feed(tilted)
    reader.viewer.desk.arranger.go(0, 5)
    assert reader.viewports[1].surroundings.link == "Linked by position, nearest"


def test_other_frames_of_reference_link_by_offset_and_come_back_in_step(reader: Reader) -> None:
    reader.viewer.hang(A.study, B.study)
    reader.feed(replace(A, slices=20))
    reader.feed(replace(B, slices=8, frame_of_reference="2.25.77"))
    reader.viewer.perform("link.toggle")
    reader.viewer.desk.arranger.go(1, 3)
    assert reader.index(0) == 0
    reader.viewer.perform("link.toggle")  # linked from here: +3
    reader.viewer.desk.arranger.go(0, 2)
    assert reader.index(1) == 5
    assert reader.viewports[1].surroundings.link == "Linked by offset, in mm"
    reader.viewer.desk.arranger.go(0, 15)
    assert reader.index(1) == 7
    reader.viewer.desk.arranger.go(0, 1)
    assert reader.index(1) == 4


@pytest.mark.parametrize("start_mm", [-4.0, 300.0])
def test_slices_of_different_distance_do_not_drift_apart(reader: Reader, start_mm: float) -> None:
    """Counted in images, 7.8 mm beside 9.0 mm was 29 mm off after 25 images."""
    reader.viewer.hang(A.study, B.study)
    reader.feed(replace(A, slices=40, spacing_mm=7.8))
    reader.feed(replace(B, slices=40, spacing_mm=9.0, start_mm=start_mm, frame_of_reference="2.25.77"))
    for place in (0, 25, 10, 30):
        reader.viewer.desk.arranger.go(0, place)
        assert abs(place * 7.8 - reader.index(1) * 9.0) <= 4.5
    assert reader.viewports[1].surroundings.link == "Linked by offset, in mm"


def test_planes_that_cross_are_linked_by_counting_images(reader: Reader) -> None:
    reader.viewer.hang(A.study, B.study)
    reader.feed(replace(A, slices=10))
    reader.feed(replace(B, slices=10, frame_of_reference="2.25.77", row=(0.0, 1.0, 0.0), column=(0.0, 0.0, -1.0)))
    reader.viewer.desk.arranger.go(0, 5)
    assert reader.index(1) == 5
    assert reader.viewports[1].surroundings.link == "Linked by offset +0 images"


@BOTH
def test_a_length_is_drawn_measured_moved_undone_and_deleted(reader_on: Reader) -> None:
    reader = reader_on
    changed, selected = [], []
    reader.viewer.annotations_changed.connect(changed.append)
    reader.viewer.annotation_selected.connect(selected.append)
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("length")
    reader.drag(reader.at(10, 20), reader.at(50, 20))
    (drawn,) = reader.viewer.annotations(A.study)
    assert drawn.kind is AnnotationKind.LENGTH
    assert drawn.values[0].value == pytest.approx(20.0, abs=0.3)
    assert drawn.values[0].unit_text == "mm"
    assert selected[-1] == drawn.annotation_id
    reader.drag(reader.at(30, 20), reader.at(30, 40))  # grasped in the middle: moved, whatever the tool
    (moved,) = reader.viewer.annotations(A.study)
    assert moved.annotation_id == drawn.annotation_id
    assert moved.points[0][1] == pytest.approx(40, abs=0.3)
    reader.drag(reader.at(*moved.points[1]), reader.at(70, 40))  # by its handle: longer
    (longer,) = reader.viewer.annotations(A.study)
    assert longer.values[0].value == pytest.approx(30.0, abs=0.3)
    for expected in (moved, drawn):
        reader.viewer.perform("annotation.undo")
        assert reader.viewer.annotations(A.study) == (expected,)
    reader.viewer.perform("annotation.undo")
    assert reader.viewer.annotations(A.study) == ()
    for _ in range(3):
        reader.viewer.perform("annotation.redo")
    assert reader.viewer.annotations(A.study) == (longer,)
    reader.viewer.select_annotation(longer.annotation_id)
    reader.viewer.perform("annotation.delete")
    assert reader.viewer.annotations(A.study) == ()
    assert set(changed) == {A.study}


@BOTH
def test_an_annotation_is_visible_in_both_render_paths(reader_on: Reader) -> None:
    reader = reader_on
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("rectangle")
    reader.drag(reader.at(20, 20), reader.at(40, 40))
    wanted = np.array([int(palette.ANNOTATION_SELECTED[n : n + 2], 16) for n in (1, 3, 5)])

    def colored() -> int:
        return int((np.abs(reader.screen().astype(int) - wanted).max(axis=2) < 40).sum())

    reader.qtbot.waitUntil(lambda: colored() > 100)


@pytest.mark.parametrize("tool", ["ellipse", "rectangle"])
def test_a_region_has_mean_deviation_extremes_and_area(reader: Reader, tool: str) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool(tool)
    reader.drag(reader.at(20, 20), reader.at(40, 40))
    (drawn,) = reader.viewer.annotations(A.study)
    values = {value.name: value for value in drawn.values}
    assert values["mean"].value == values["minimum"].value == values["maximum"].value == A.base
    assert values["standard_deviation"].value == 0
    assert values["mean"].unit_text == "HU"
    assert values["area"].unit_text == "mm²"


def test_an_arrow_asks_for_its_text_and_is_one_step_of_undo(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("arrow")
    reader.drag(reader.at(20, 20), reader.at(40, 40))
    assert reader.viewer.annotations(A.study) == ()
    field = reader.canvas().findChild(TextField)
    QTest.keyClicks(field, "lesion <b>3</b>")  # digits and letters are text here, not presets and tools
    QTest.keyClick(field, Qt.Key.Key_Return)
    (drawn,) = reader.viewer.annotations(A.study)
    assert drawn.text == "lesion <b>3</b>"
    assert reader.viewports[0].model.voi.width == 255.0
    reader.viewer.perform("annotation.undo")
    assert reader.viewer.annotations(A.study) == ()


def _edited_arrow(reader: Reader, text: str, end: Qt.Key) -> None:
    """Type into the field that is open now."""
    field = reader.canvas().findChild(TextField)
    assert field.text() == "lesion"
    QTest.keyClicks(field, text)
    QTest.keyClick(field, end)
    reader.settle()


@pytest.mark.parametrize("way", ["double click", "F2"])
def test_the_text_of_an_arrow_can_be_changed_afterwards_and_undone(reader: Reader, way: str) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("arrow")
    reader.drag(reader.at(20, 20), reader.at(40, 40))
    QTest.keyClicks(reader.canvas().findChild(TextField), "lesion\r")
    reader.settle()
    if way == "F2":
        QTest.keyClick(reader.viewports[0], Qt.Key.Key_F2)
    else:
        QTest.mouseDClick(reader.canvas(), Qt.MouseButton.LeftButton, pos=reader.at(30, 30))
        QTest.mouseRelease(reader.canvas(), Qt.MouseButton.LeftButton, pos=reader.at(30, 30))
    _edited_arrow(reader, "cyst", Qt.Key.Key_Return)
    (drawn,) = reader.viewer.annotations(A.study)
    assert drawn.text == "cyst"
    reader.viewer.perform("annotation.undo")
    assert [one.text for one in reader.viewer.annotations(A.study)] == ["lesion"]
    reader.viewer.select_annotation(drawn.annotation_id)
    reader.viewer.perform("annotation.edit_text")
    _edited_arrow(reader, "nothing", Qt.Key.Key_Escape)
    assert [one.text for one in reader.viewer.annotations(A.study)] == ["lesion"]


def test_a_length_has_no_text_to_edit(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("length")
    reader.drag(reader.at(20, 20), reader.at(40, 40))
    reader.viewer.perform("annotation.edit_text")
    assert reader.canvas().findChild(TextField) is None


def test_escape_gives_the_arrow_up(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("arrow")
    reader.drag(reader.at(20, 20), reader.at(40, 40))
    QTest.keyClick(reader.canvas().findChild(TextField), Qt.Key.Key_Escape)
    reader.settle()
    assert reader.viewer.annotations(A.study) == ()
    assert reader.viewports[0].preview is None


def test_a_click_draws_nothing(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    for tool in ("length", "ellipse", "rectangle", "arrow"):
        reader.viewer.set_tool(tool)
        reader.drag(reader.at(20, 20), reader.at(20, 20))
    assert reader.viewer.annotations(A.study) == ()


def test_measuring_on_an_incomplete_series_is_marked(reader: Reader) -> None:
    headers = A.headers(reader.folder)
    reader.viewer.hang(A.study)
    reader.viewer.expect(A.study, A.series, 10)
    reader.viewer.arrived(headers[:-1])
    reader.viewer.missing(A.study, A.series, headers[-1].sop_instance_uid, "lost")
    reader.settle()
    reader.viewer.set_tool("length")
    reader.drag(reader.at(10, 20), reader.at(50, 20))
    assert reader.viewer.annotations(A.study)[0].degraded == "incomplete series"


def test_a_restored_draft_is_shown_without_a_change_and_found_again(reader: Reader) -> None:
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.set_tool("length")
    reader.viewer.desk.arranger.go(0, 6)
    reader.drag(reader.at(10, 20), reader.at(50, 20))
    drawn = reader.viewer.annotations(A.study)
    reader.viewer.set_annotations(A.study, ())
    changed = []
    reader.viewer.annotations_changed.connect(changed.append)
    reader.viewer.set_annotations(A.study, drawn)
    reader.viewer.perform("scroll.first")
    assert reader.viewer.select_annotation(drawn[0].annotation_id)
    assert reader.index() == 6
    assert changed == []
    assert not reader.viewer.select_annotation("nobody")


def test_the_render_path_changes_while_running_and_nothing_else_does(qtbot, tmp_path: Path) -> None:
    reader = Reader(qtbot, tmp_path, "vtk")
    reader.viewer.hang(A.study)
    reader.feed(A)
    reader.viewer.perform("scroll.last")
    for path in ("software", "vtk", "software"):
        reader.viewer.set_render_path(path)
        reader.settle()
        assert reader.viewer.render_path() == path
        assert (reader.index(), reader.gray_in()) == (9, {A.base + 9})
    reader.close()


def test_a_gl_widget_that_is_not_ready_says_so(qtbot, qapp: object) -> None:
    runner = TaskRunner()
    viewer = ViewerWidget(runner, render_path="vtk")
    if viewer.render_path() == "vtk":
        viewport = viewer.desk.viewport
        assert viewport.canvas.not_ready()
        assert "not" in viewport._not_ready.text()
        assert not viewport._not_ready.isHidden()
    viewer.close_down()
    viewer.deleteLater()
    assert runner.shutdown() == []


def test_the_software_path_never_imports_vtk(qapp: object) -> None:
    import subprocess  # noqa: PLC0415 - only here
    import sys  # noqa: PLC0415

    code = (
        "import sys\n"
        "from PySide6.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from viewer.tasks import TaskRunner\n"
        "from viewer.ui.viewer_widget import ViewerWidget\n"
        "viewer = ViewerWidget(TaskRunner(), render_path='software')\n"
        "print(any(name.startswith('vtk') for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_layouts_keep_what_stays_and_empty_what_goes(reader: Reader) -> None:
    reader.viewer.hang(A.study, B.study)
    reader.feed(A)
    reader.feed(B)
    for action, count in (("layout.2x2", 4), ("layout.1x1", 1), ("layout.1x2", 2)):
        reader.viewer.perform(action)
        assert len(reader.viewports) == count
        assert reader.viewports[0].model.state.study_instance_uid == A.study
    reader.settle()
    assert reader.viewports[1].model.state.study_instance_uid == B.study


def test_thumbnails_count_mark_and_choose(reader: Reader) -> None:
    gap = [header for number, header in enumerate(A.headers(reader.folder)) if number not in (4, 5)]
    reader.viewer.expect(A.study, A.series, 10)
    reader.viewer.arrived(gap)
    reader.settle()
    (tile,) = reader.viewer.desk.strip.widget.tiles()
    assert tile.tile.count == "8/10"
    assert tile.tile.issues == ""  # a gap while loading is no oddity
    reader.viewer.expect(A.study, A.series, 8)
    reader.viewer.complete(A.study, A.series)
    reader.qtbot.waitUntil(lambda: tile.has_picture and tile.tile.phase is Phase.COMPLETE)
    assert "missing" in tile.tile.issues
    assert reader.viewports[0].model.gaps == ()
    reader.viewer.perform("viewport.next")
    QTest.mouseClick(tile, Qt.MouseButton.LeftButton)
    reader.settle()
    assert reader.viewports[1].model.state.series_instance_uid == A.series
    assert len(reader.viewports[1].surroundings.gaps) == 1
    assert tile.tile.hung


def test_every_action_does_something_known_and_unknown_ones_raise(reader: Reader) -> None:
    assert set(DEEDS) == {row.id for row in ACTIONS}
    for row in ACTIONS:
        if not row.id.startswith("render."):
            reader.viewer.perform(row.id)  # on an empty viewer: nothing to do is no error
    with pytest.raises(UnknownAction):
        reader.viewer.perform("report.sign")


def test_a_snapshot_has_banner_image_and_annotations(reader: Reader) -> None:
    reader.viewer.set_study(A.study, StudyLabel("North", "#4fb3a5"))
    reader.viewer.hang(A.study)
    reader.feed(A)
    image = reader.viewer.snapshot()
    canvas = reader.canvas().geometry()
    assert image.size() == reader.viewports[0].size()
    middle = QPoint(canvas.center().x() - 60, canvas.center().y() - 60)
    assert image.pixelColor(middle).red() == A.base
    colors = {image.pixelColor(x, 30).name() for x in range(120)}
    assert "#4fb3a5" in colors
