"""One viewport: banner, canvas of either render path, overlays, truthful states. Shows a `ViewportModel`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from viewer.geometry.view import ViewTransform
from viewer.records import Annotation
from viewer.render.path import BACKGROUND, RenderPath
from viewer.render.software import image_of, paint_picture
from viewer.ui import palette
from viewer.ui.banner import NAMELESS, Banner
from viewer.ui.corner_texts import CornerTexts
from viewer.ui.labels import StudyLabel
from viewer.ui.patient_banner import banner_text
from viewer.ui.viewport_model import ViewportModel
from viewer.ui.viewport_overlay import Surroundings, ViewportOverlay

BORDER = 5
"""Outer 3: the hospital of a foreign study. Inner 2: the active viewport."""
FOREIGN_DASH = (4.0, 2.0)


class Viewport(QWidget):
    """Draws; decides nothing. Input comes through `viewport_input`, edits through the desk."""

    painted = Signal(object)
    """A `DisplayedState` that is on screen now; queued, so that no listener runs inside a paint."""

    def __init__(
        self, model: ViewportModel, texts: CornerTexts, tr: Callable[[str], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.model = model
        self.surroundings = Surroundings()
        self.preview: Annotation | None = None
        self.active = False
        self.overlay = ViewportOverlay(model, texts, tr)
        self._tr = tr
        self.canvas: RenderPath | None = None
        self._picture_stale = self._view_stale = True
        self._failure = ""
        self._transform: ViewTransform | None = None
        self._last_painted: object = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(180, 160)
        self._build()

    def _build(self) -> None:
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(BORDER, BORDER, BORDER, BORDER)
        self._layout.setSpacing(0)
        self.banner = Banner(self._tr, self)
        self._layout.addWidget(self.banner)
        self._not_ready = QLabel(self)
        self._not_ready.setObjectName("viewport_not_ready")
        self._not_ready.setTextFormat(Qt.TextFormat.PlainText)
        self._not_ready.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._not_ready.setStyleSheet(f"background: {palette.GROUND}; color: {palette.TEXT}; font-size: 14px;")
        self._not_ready.hide()

    def set_canvas(self, canvas: RenderPath) -> None:
        """Draw with another render path from now on; the old one is freed."""
        self.drop_canvas()
        self.canvas = canvas
        canvas.set_overlay(self._paint_over, self._prepare)
        canvas.widget().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._layout.addWidget(canvas.widget(), 1)
        canvas.widget().show()
        self._tell_readiness()
        self.refresh()

    def drop_canvas(self) -> None:
        """Free GL and pixels; before another canvas and before the widget dies."""
        if self.canvas is not None:
            self._layout.removeWidget(self.canvas.widget())
            self.canvas.dispose()
            self.canvas.widget().hide()
            self.canvas.widget().deleteLater()
            self.canvas = None

    def refresh(self, *, picture: bool = True) -> None:
        """Draw again soon; many calls between two paints cost one picture."""
        self._picture_stale = self._picture_stale or picture
        self._view_stale = True
        if self.canvas is not None:
            self.canvas.request_draw()

    def surround(self, surroundings: Surroundings) -> None:
        """Texts, state, annotations: draw again where they changed."""
        if surroundings == self.surroundings:
            return
        border = surroundings.label != self.surroundings.label
        self.surroundings = surroundings
        frame = self.model.frame
        header = None if frame is None else frame.header
        hung = bool(self.model.state.study_instance_uid)
        text = banner_text(header, surroundings.label) if hung else NAMELESS
        self.banner.show_text(text, surroundings.label if hung else StudyLabel())
        self._tell_readiness()
        if border:
            self.update()
        self.refresh(picture=False)

    def set_active(self, active: bool) -> None:
        """Whether keys and thumbnails act on this viewport."""
        if active != self.active:
            self.active = active
            self.update()

    @property
    def failure(self) -> str:
        """Why the frame to show cannot be shown; empty when it can."""
        return self._failure

    @property
    def pixel_ratio(self) -> float:
        """Device pixels per logical pixel of the canvas's own screen."""
        return 1.0 if self.canvas is None else self.canvas.widget().devicePixelRatioF()

    def canvas_px(self) -> tuple[int, int]:
        """Size of the canvas in device pixels."""
        if self.canvas is None:
            return (1, 1)
        widget, ratio = self.canvas.widget(), self.pixel_ratio
        return (max(1, round(widget.width() * ratio)), max(1, round(widget.height() * ratio)))

    def transform(self) -> ViewTransform | None:
        """Where the frame lies on the canvas now."""
        return self.model.transform(self.canvas_px())

    def shown_annotations(self) -> tuple[Annotation, ...]:
        """Annotations of the shown frame, the one being dragged in its present shape."""
        frame = self.model.frame
        if frame is None:
            return ()
        stored: Sequence[Annotation] = [a for a in self.surroundings.annotations if a.frame == frame.ref]
        if self.preview is None or self.preview.frame != frame.ref:
            return tuple(stored)
        others = [a for a in stored if a.annotation_id != self.preview.annotation_id]
        return (*others, self.preview)

    def snapshot(self) -> QImage:
        """What this viewport shows, banner and overlays included, drawn by software whatever the render path.

        QWidget.grab would miss what QPainter draws over a GL widget.
        """
        made = QImage(self.size(), QImage.Format.Format_RGB32)
        made.fill(QColor(palette.GROUND))
        painter = QPainter(made)
        self.banner.render(painter, self.banner.pos())
        if self.canvas is not None:
            corner = self.canvas.widget().geometry().topLeft()
            painter.setViewport(corner.x(), corner.y(), made.width(), made.height())
            painter.setClipRect(self.canvas.widget().rect())
            self._paint_whole(painter)
        painter.end()
        return made

    def _paint_whole(self, painter: QPainter) -> None:
        drawn, transform = self.model.picture(), self.transform()
        if drawn.picture is not None and transform is not None:
            painter.fillRect(0, 0, self.width(), self.height(), QColor(BACKGROUND))
            paint_picture(
                painter,
                image_of(drawn.picture),
                transform,
                smooth=self.model.smooth,
                pixel_ratio=self.pixel_ratio,
            )
        self._paint_over(painter)

    def _tell_readiness(self) -> None:
        why = self.canvas.not_ready() if self.canvas is not None else ""
        self._not_ready.setVisible(bool(why))
        if why and self.canvas is not None:
            self._not_ready.setText(self._tr("The image cannot be drawn yet") + f"\n{self._tr(why)}")
            self._not_ready.setGeometry(self.canvas.widget().geometry())
            self._not_ready.raise_()

    def _prepare(self) -> None:
        """At the start of every paint: the picture and where it lies, when they changed."""
        if self.canvas is None:
            return
        if self._picture_stale:
            drawn = self.model.picture()
            self._failure = drawn.failure
            self.canvas.mount(drawn.picture)
            self._picture_stale = False
        canvas_px = self.canvas_px()
        before = self._transform
        if self._view_stale or before is None or (before.canvas_width_px, before.canvas_height_px) != canvas_px:
            self._transform = self.model.transform(canvas_px)
            if self._transform is not None:
                self.canvas.apply_view(self._transform, smooth=self.model.smooth)
            self._view_stale = False

    def _paint_over(self, painter: QPainter) -> None:
        if self.canvas is None:
            return
        self._not_ready.setVisible(False)
        area = QRectF(self.canvas.widget().rect())
        around, transform = self.surroundings, self._transform
        if self.model.frame is None or transform is None:
            self.overlay.paint_without_image(painter, area, around.status)
            return
        if self._failure:
            self.overlay.paint_failure(painter, area, self._failure)
        self.overlay.paint_texts(painter, area, around, transform)
        if not self._failure:
            if around.texts_shown:
                self.overlay.paint_directions(painter, area, transform, self.pixel_ratio)
            shown = self.shown_annotations()
            self.overlay.paint_annotations(painter, shown, around.selected_id, transform, self.pixel_ratio)
            self._tell_painted()

    def _tell_painted(self) -> None:
        state = self.model.displayed(self.canvas_px())
        if state is not None and state != self._last_painted:
            self._last_painted = state
            self.painted.emit(state)

    def forget_painted(self) -> None:
        """Another series is mounted: its first paint is told even when it looks the same."""
        self._last_painted = None

    def focusInEvent(self, event: QFocusEvent) -> None:
        """The border follows the focus."""
        self.update()
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """The border tells that keys go elsewhere now."""
        self.update()
        super().focusOutEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        """Another screen may have another pixel ratio."""
        self.refresh(picture=False)
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The border: bright when active, dashed in the hospital's color around another hospital's study."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(palette.PANEL))
        label = self.surroundings.label
        outer = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        if label.foreign:
            pen = QPen(QColor(label.site_color), 3)
            pen.setDashPattern(FOREIGN_DASH)
            painter.setPen(pen)
            painter.drawRect(outer)
        if self.active:
            # Thick where keys act here; thin where the report has them and the tools would act here.
            painter.setPen(QPen(QColor(palette.ACTIVE), 2 if self.hasFocus() else 1))
            painter.drawRect(outer.adjusted(2.5, 2.5, -2.5, -2.5))
        elif not label.foreign:
            painter.setPen(QPen(QColor(palette.LINE), 1))
            painter.drawRect(outer.adjusted(2, 2, -2, -2))
        painter.end()
