"""Both render paths put the same display values on the screen as an independent numpy reference, pixel by pixel."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage, QPainter
from PySide6.QtWidgets import QWidget

from viewer.errors import RenderError
from viewer.geometry.view import ViewTransform
from viewer.render.choice import make_canvas
from viewer.render.gl_format import install_default_format
from viewer.render.path import Picture, RenderPath, snapped

WIDTH, HEIGHT = 301, 240
PATHS = ("software", "vtk")


def needs_a_screen() -> None:
    if QGuiApplication.platformName() in ("offscreen", "minimal"):
        pytest.skip("there is no X display; a GL widget stays blank without one")


class Stage:
    """A canvas in a window of its own, and what is really on the screen there."""

    def __init__(self, qtbot, path: str) -> None:
        self.qtbot = qtbot
        self.window = QWidget()
        self.window.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.window.setFixedSize(WIDTH, HEIGHT)
        self.canvas: RenderPath = make_canvas(path, self.window)
        self.canvas.widget().setGeometry(0, 0, WIDTH, HEIGHT)
        self.window.show()
        qtbot.waitExposed(self.window)
        qtbot.waitUntil(lambda: self.canvas.not_ready() == "", timeout=5000)

    def grab(self) -> NDArray[np.uint8]:
        screen = QGuiApplication.primaryScreen()
        image = screen.grabWindow(self.window.winId()).toImage().convertToFormat(QImage.Format.Format_RGB888)
        rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
        return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()

    def shows(self, expected: NDArray[np.uint8]) -> None:
        seen: list[NDArray[np.uint8]] = []

        def is_there() -> bool:
            self.canvas.widget().update()
            seen[:] = [self.grab()]
            return bool(np.array_equal(seen[0], expected))

        try:
            self.qtbot.waitUntil(is_there, timeout=20_000)
        except self.qtbot.TimeoutError:
            wrong = int(np.any(seen[0] != expected, axis=2).sum())
            pytest.fail(f"{wrong} of {expected[:, :, 0].size} pixels differ from the numpy reference")

    def close(self) -> None:
        self.canvas.dispose()
        self.window.close()
        self.window.deleteLater()


@pytest.fixture(params=PATHS)
def stage(request, qtbot) -> Iterator[Stage]:
    needs_a_screen()
    install_default_format()
    made = Stage(qtbot, request.param)
    yield made
    made.close()


def gray(rows: int = 96, columns: int = 130) -> NDArray[np.uint8]:
    return np.random.default_rng(7).integers(0, 256, (rows, columns), dtype=np.uint8)


def reference(
    pixels: NDArray[np.uint8], turns: int = 0, flipped: bool = False, factor: int = 1, pan: tuple[int, int] = (0, 0)
) -> NDArray[np.uint8]:
    """What must be on the screen: rotated clockwise, flipped, magnified, in the middle, rounded half up."""
    picture = np.rot90(pixels, -turns)
    if flipped:
        picture = np.fliplr(picture)
    picture = np.repeat(np.repeat(picture, factor, axis=0), factor, axis=1)
    if picture.ndim == 2:
        picture = np.repeat(picture[:, :, None], 3, axis=2)
    height, width = picture.shape[:2]
    left = int(np.floor((WIDTH - width) / 2 + pan[0] + 0.5))
    top = int(np.floor((HEIGHT - height) / 2 + pan[1] + 0.5))
    screen = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    source = picture[max(0, -top) : HEIGHT - top, max(0, -left) : WIDTH - left]
    screen[max(0, top) :, max(0, left) :][: source.shape[0], : source.shape[1]] = source
    return screen


def transform(pixels: NDArray[np.uint8], **changes: object) -> ViewTransform:
    values: dict[str, object] = {
        "rows": pixels.shape[0],
        "columns": pixels.shape[1],
        "canvas_width_px": WIDTH,
        "canvas_height_px": HEIGHT,
    }
    return snapped(ViewTransform(**(values | changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_every_orientation_at_one_to_one_is_exact(stage: Stage, turns: int, flipped: bool) -> None:
    pixels = gray()
    stage.canvas.mount(Picture(pixels))
    stage.canvas.apply_view(transform(pixels, rotation_deg=90 * turns, flipped=flipped), smooth=False)
    stage.shows(reference(pixels, turns, flipped))


def test_smooth_drawing_at_one_to_one_changes_no_value(stage: Stage) -> None:
    pixels = gray()
    stage.canvas.mount(Picture(pixels))
    stage.canvas.apply_view(transform(pixels), smooth=True)
    stage.shows(reference(pixels))


def test_magnified_nearest_pixels_stay_whole(stage: Stage) -> None:
    pixels = gray()
    stage.canvas.mount(Picture(pixels))
    stage.canvas.apply_view(transform(pixels, zoom=2.0), smooth=False)
    stage.shows(reference(pixels, factor=2))


def test_a_panned_image_larger_than_the_canvas_is_cut_exactly(stage: Stage) -> None:
    pixels = gray(400, 500)
    stage.canvas.mount(Picture(pixels))
    stage.canvas.apply_view(transform(pixels, pan_px=(-31.0, 17.0)), smooth=False)
    stage.shows(reference(pixels, pan=(-31, 17)))


def test_color_is_drawn_as_it_is(stage: Stage) -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (90, 101, 3), dtype=np.uint8)
    stage.canvas.mount(Picture(pixels))
    stage.canvas.apply_view(transform(pixels), smooth=False)
    stage.shows(reference(pixels))


def test_every_gray_value_arrives_unchanged(stage: Stage) -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :], 40, axis=0)
    stage.canvas.mount(Picture(ramp))
    stage.canvas.apply_view(transform(ramp), smooth=False)
    stage.shows(reference(ramp))


def test_the_next_picture_replaces_the_last_one_wholly(stage: Stage) -> None:
    first, second = gray(), gray(60, 70)
    stage.canvas.mount(Picture(first))
    stage.canvas.apply_view(transform(first), smooth=False)
    stage.shows(reference(first))
    stage.canvas.mount(Picture(second))
    stage.canvas.apply_view(transform(second), smooth=False)
    stage.shows(reference(second))
    stage.canvas.mount(None)
    stage.shows(np.zeros((HEIGHT, WIDTH, 3), np.uint8))


def test_the_overlay_is_painted_on_top(stage: Stage) -> None:
    pixels = gray()

    def paint(painter: QPainter) -> None:
        painter.fillRect(0, 0, 20, 10, QColor("#ff0000"))

    stage.canvas.set_overlay(paint)
    stage.canvas.mount(Picture(pixels))
    stage.canvas.apply_view(transform(pixels), smooth=False)
    expected = reference(pixels)
    expected[:10, :20] = (255, 0, 0)
    stage.shows(expected)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((8, 8), np.uint8)[:, ::2],
        np.zeros((0, 4), np.uint8),
    ],
    ids=["16 bit", "four samples", "strided", "empty"],
)
def test_what_would_be_drawn_as_garbage_is_refused(pixels: NDArray[np.uint8]) -> None:
    with pytest.raises(RenderError):
        Picture(pixels)
