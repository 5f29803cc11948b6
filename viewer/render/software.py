"""The software path: QImage over the array of display values, QPainter, no copy. Needs no OpenGL."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QTransform
from PySide6.QtWidgets import QWidget

from viewer.geometry.view import ViewTransform
from viewer.render.path import BACKGROUND, PaintOverlay, Picture, Prepare


def image_of(picture: Picture) -> QImage:
    """A QImage over the same memory; the picture must outlive it."""
    gray = picture.pixels.ndim == 2
    form = QImage.Format.Format_Grayscale8 if gray else QImage.Format.Format_RGB888
    stride = picture.columns * (1 if gray else 3)
    return QImage(picture.pixels.data, picture.columns, picture.rows, stride, form)


def paint_picture(
    painter: QPainter, image: QImage, transform: ViewTransform, *, smooth: bool, pixel_ratio: float
) -> None:
    """Draw an image where the transform says; the painter is in logical pixels."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
    to_logical = QTransform.fromScale(1 / pixel_ratio, 1 / pixel_ratio)
    painter.setTransform(QTransform(*transform.matrix()) * to_logical, True)
    painter.drawImage(0, 0, image)
    painter.restore()


class SoftwareCanvas(QWidget):
    """Implements `RenderPath` with QPainter."""

    name = "software"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self._picture: Picture | None = None
        self._image: QImage | None = None
        self._transform: ViewTransform | None = None
        self._smooth = True
        self._overlay: PaintOverlay | None = None
        self._prepare: Prepare | None = None

    def widget(self) -> QWidget:
        """This widget."""
        return self

    def mount(self, picture: Picture | None) -> None:
        """Show another picture."""
        self._image = None if picture is None else image_of(picture)
        self._picture = picture

    def apply_view(self, transform: ViewTransform, *, smooth: bool) -> None:
        """Where the picture lies."""
        self._transform, self._smooth = transform, smooth

    def set_overlay(self, paint: PaintOverlay, prepare: Prepare | None = None) -> None:
        """What is painted on top, and what runs before each paint."""
        self._overlay, self._prepare = paint, prepare

    def not_ready(self) -> str:
        """QPainter is always ready."""
        return ""

    def request_draw(self) -> None:
        """Paint soon."""
        self.update()

    def dispose(self) -> None:
        """Let go of the array and of whoever paints on top."""
        self._image = self._picture = self._overlay = self._prepare = None

    def paintEvent(self, event: QPaintEvent) -> None:
        """Ground, picture, overlay."""
        if self._prepare is not None:
            self._prepare()
        painter = QPainter(self)
        painter.fillRect(QRect(0, 0, self.width(), self.height()), QColor(BACKGROUND))
        if self._image is not None and self._transform is not None:
            ratio = self.devicePixelRatioF()
            paint_picture(painter, self._image, self._transform, smooth=self._smooth, pixel_ratio=ratio)
        if self._overlay is not None:
            self._overlay(painter)
        painter.end()
