"""Everything painted over the canvas of one viewport: states, hatch, texts, letters, ruler, annotations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from viewer.errors import ViewerError
from viewer.geometry.view import ViewTransform
from viewer.measure.spacing import resolve
from viewer.records import Annotation
from viewer.ui import palette
from viewer.ui.corner_texts import CornerTexts
from viewer.ui.image_texts import ShownFrame, block_text, corner_fields, orientation
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
from viewer.ui.shelf import Phase
from viewer.ui.status import ViewportStatus
from viewer.ui.viewport_model import ViewportModel

RULER_FROM_PX = 220
"""On a lower canvas the ruler would run into the texts of the corner below it."""
TRACK_PX = 6
"""Room at the right edge for the track that shows the place in the stack."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a viewport shows besides its model; replaced as one value."""

    label: StudyLabel = field(default_factory=StudyLabel)
    status: ViewportStatus = field(default_factory=lambda: ViewportStatus(Phase.EMPTY))
    oddity: str = ""
    link: str = ""
    note: str = ""
    """What is not a warning: the order of the images, why this render path draws."""
    gaps: tuple[float, ...] = ()
    annotations: tuple[Annotation, ...] = ()
    selected_id: str = ""
    texts_shown: bool = True


class ViewportOverlay:
    """Paints over one model; logical pixels."""

    def __init__(self, model: ViewportModel, texts: CornerTexts, tr: Callable[[str], str]) -> None:
        self._model, self._texts, self._tr = model, texts, tr
        self._lines = {line: tr(line) for line in texts.lines}

    def paint_without_image(self, painter: QPainter, area: QRectF, status: ViewportStatus) -> None:
        """A ground that is not black, and why there is nothing on it."""
        painter.fillRect(area, QColor(palette.GROUND))
        color = palette.DANGER if status.phase is Phase.FAILED else palette.TEXT
        paint_message(painter, area, status.title, status.detail, color)

    def paint_failure(self, painter: QPainter, area: QRectF, failure: str) -> None:
        """The hatch of one frame; the series goes on."""
        paint_hatch(painter, area)
        title = self._tr("Image {n} cannot be shown").format(n=self._model.state.index + 1)
        paint_message(painter, area, title, f"{self._tr(failure)}\n{self._tr('F5 tries again')}", palette.DANGER)

    def paint_texts(self, painter: QPainter, area: QRectF, around: Surroundings, transform: ViewTransform) -> None:
        """Track, badge, corners."""
        state, frame = self._model.state, self._model.frame
        paint_place(painter, area, state.index, state.count, around.gaps)
        if around.status.badge or around.oddity:
            warns = around.status.warns or bool(around.oddity)
            text = "  ·  ".join(part for part in (around.status.badge, around.oddity) if part)
            paint_badge(painter, area, text, palette.ATTENTION if warns else palette.TEXT_QUIET)
        if around.texts_shown and frame is not None:
            inner = area.adjusted(0, 0, -TRACK_PX, 0)
            fields = self.corner_fields(around, transform.zoom)
            paint_corners(painter, inner, self._texts.filled(fields, self._lines))

    def paint_directions(self, painter: QPainter, area: QRectF, transform: ViewTransform, ratio: float) -> None:
        """Orientation letters and ruler: only over an image that is really there."""
        frame = self._model.frame
        if frame is None:
            return
        inner = area.adjusted(0, 0, -TRACK_PX, 0)
        edges = orientation(frame, self._model.view)
        if edges is not None:
            paint_letters(painter, inner, edges)
        spacing = resolve(frame.header, frame.frame_index)
        # The ruler is vertical; as rows are drawn in their true proportion, one number holds for both directions.
        bar = scale_bar(spacing.column_mm / transform.zoom * ratio, inner.height(), spacing.unit_text)
        if spacing.is_physical and bar is not None and inner.height() >= RULER_FROM_PX:
            paint_scale_bar(painter, inner, bar)

    def paint_annotations(
        self, painter: QPainter, shown: tuple[Annotation, ...], selected_id: str, transform: ViewTransform, ratio: float
    ) -> None:
        """Annotations of the shown frame."""
        paint_annotations(painter, shown, selected_id, transform, ratio, self._tr)

    def corner_fields(self, around: Surroundings, magnification: float) -> dict[str, str]:
        """Fields of the corner texts for what is shown now."""
        model, frame = self._model, self._model.frame
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
            magnification=magnification,
            link="\n".join(part for part in (around.link, around.note) if part),
            block=block_text(model.images.label, self._tr) if model.images is not None else "",
            plane=model.plane,
        )
        return corner_fields(shown, self._tr)
