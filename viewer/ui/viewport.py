"""One viewport: banner, canvas of either render path, overlays, truthful states. Shows a `ViewportModel`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QFocusEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from viewer.errors import ViewerError
from viewer.geometry.view import ViewTransform
from viewer.measure.spacing import resolve
from viewer.records import Annotation
from viewer.render.path import RenderPath
from viewer.ui import palette
from viewer.ui.banner import NAMELESS, Banner
from viewer.ui.corner_texts import CornerTexts
from viewer.ui.image_texts import ShownFrame, corner_fields, orientation
from viewer.ui.labels import StudyLabel
from viewer.ui.paint_annotations import paint_annotations
from viewer.ui.paint_texts import (
    paint_badge,
    paint_corners,
    paint_hatch,
    paint_letters,
    paint_message,
    paint_place,
    paint_scale_bar,
    scale_bar,
)
from viewer.ui.patient_banner import banner_text
from viewer.ui.shelf import Phase
from viewer.ui.status import ViewportStatus
from viewer.ui.viewport_model import ViewportModel

BORDER = 3
FOREIGN_DASH = (4.0, 2.0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a viewport shows besides its model; replaced as one value."""

    label: StudyLabel = field(default_factory=StudyLabel)
    status: ViewportStatus = field(default_factory=lambda: ViewportStatus(Phase.EMPTY))
    oddity: str = ""
    link: str = ""
    note: str = ""
    """Why this render path draws, where it is not the one asked for."""
    gaps: tuple[float, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    selected_id: str = ""
    texts_shown: bool = True


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
        self._texts, self._tr = texts, tr
        self._lines = {line: tr(line) for line in texts.lines}
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
        self.banner.show_text(banner_text(header, surroundings.label) if hung else NAMELESS, surroundings.label)
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
        frame, around = self.model.frame, self.surroundings
        if frame is None or self._transform is None:
            painter.fillRect(area, QColor(palette.GROUND))
            color = palette.DANGER if around.status.phase is Phase.FAILED else palette.TEXT
            paint_message(painter, area, around.status.title, around.status.detail, color)
            return
        if self._failure:
            paint_hatch(painter, area)
            number = self._tr("Image {n} cannot be shown").format(n=self.model.state.index + 1)
            paint_message(painter, area, number, self._failure + "\n" + self._tr("F5 tries again"), palette.DANGER)
        self._paint_texts(painter, area)
        if not self._failure:
            shown = self.shown_annotations()
            paint_annotations(painter, shown, around.selected_id, self._transform, self.pixel_ratio, self._tr)
            self._tell_painted()

    def _paint_texts(self, painter: QPainter, area: QRectF) -> None:
        around, state = self.surroundings, self.model.state
        paint_place(painter, area, state.index, state.count, around.gaps)
        if around.status.badge or around.oddity:
            warns = around.status.warns or not around.status.badge
            text = "  ·  ".join(part for part in (around.status.badge, around.oddity) if part)
            paint_badge(painter, area, text, palette.ATTENTION if warns else palette.TEXT_QUIET)
        frame = self.model.frame
        if not around.texts_shown or frame is None:
            return
        inner = area.adjusted(0, 0, -6, 0)
        paint_corners(painter, inner, self._texts.filled(self.corner_fields(), self._lines))
        edges = orientation(frame, self.model.view)
        if edges is not None and not self._failure:
            paint_letters(painter, inner, edges)
        self._paint_scale(painter, inner)

    def _paint_scale(self, painter: QPainter, area: QRectF) -> None:
        frame = self.model.frame
        if frame is None or self._transform is None or self._failure:
            return
        spacing = resolve(frame.header, frame.frame_index)
        if not spacing.is_physical:
            return
        # The ruler is vertical, and a pixel is as high on screen as its spacing says in either orientation.
        mm_per_px = spacing.column_mm / self._transform.zoom * self.pixel_ratio
        bar = scale_bar(mm_per_px, area.height(), spacing.unit_text)
        if bar is not None:
            paint_scale_bar(painter, area, bar)

    def corner_fields(self) -> dict[str, str]:
        """Fields of the corner texts for what is shown now."""
        frame, model = self.model.frame, self.model
        if frame is None:
            return {}
        try:
            voi = model.voi
        except ViewerError:
            voi = None  # the hatch already says why there are no pixels
        shown = ShownFrame(
            frame=frame,
            number=model.state.index + 1,
            count=model.state.count,
            voi=voi,
            inverted=model.data.inverted,
            smooth=model.smooth,
            magnification=1.0 if self._transform is None else self._transform.zoom,
            link="\n".join(part for part in (self.surroundings.link, self.surroundings.note) if part),
            block=model.images.label if model.images is not None else "",
            plane=model.planes[model.state.index] if model.planes else None,
        )
        return corner_fields(shown, self._tr)

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

    def changeEvent(self, event: QEvent) -> None:
        """Another screen may have another pixel ratio."""
        self.refresh(picture=False)
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The border: bright when active, dashed in the hospital's color around another hospital's study."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(palette.PANEL))
        label = self.surroundings.label
        inner = QRectF(self.rect()).adjusted(1.5, 1.5, -1.5, -1.5)
        if label.foreign:
            pen = QPen(QColor(label.site_color), 3)
            pen.setDashPattern(FOREIGN_DASH)
            painter.setPen(pen)
            painter.drawRect(inner)
        if self.active:
            painter.setPen(QPen(QColor(palette.ACTIVE), 1.5))
            painter.drawRect(inner.adjusted(-0.7, -0.7, 0.7, 0.7))
        elif not label.foreign:
            painter.setPen(QPen(QColor(palette.LINE), 1))
            painter.drawRect(inner)
        painter.end()
