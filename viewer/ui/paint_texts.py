"""Texts, letters, scale bar and states painted over an image with QPainter; logical pixels, crisp in both paths."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPainter, QPen

from viewer.geometry.orientation import EdgeLetters
from viewer.ui import palette

MARGIN = 8.0
LETTER_ROOM_PX = 16.0
"""Half the room of an orientation letter in the middle of an edge."""
SCALE_STEPS_MM = (1, 2, 5, 10, 20, 50, 100, 200)
SCALE_SHARE = 0.25
SCALE_SHORTEST_PX = 20
"""The scale bar is the longest step that fits into this share of the canvas; one shorter than this says nothing."""


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A length in mm, how long it is on the canvas in logical pixels, and its text."""

    length_px: float
    text: str


def scale_bar(mm_per_px: float, canvas_height: float, unit_text: str) -> ScaleBar | None:
    """The bar for a canvas, None where no step has a useful length."""
    if not (mm_per_px > 0 and math.isfinite(mm_per_px)):
        return None
    fitting = [mm for mm in SCALE_STEPS_MM if mm / mm_per_px <= canvas_height * SCALE_SHARE]
    if not fitting or fitting[-1] / mm_per_px < SCALE_SHORTEST_PX:
        return None
    mm = fitting[-1]
    text = f"{mm // 10} {unit_text.replace('mm', 'cm', 1)}" if mm >= 10 else f"{mm} {unit_text}"
    return ScaleBar(mm / mm_per_px, text)


def font(size_px: int = 12, *, bold: bool = False) -> QFont:
    """The one face of the viewer, in pixels so that texts keep clear of tissue on every display."""
    made = QFont()
    made.setPixelSize(size_px)
    made.setBold(bold)
    made.setStyleHint(QFont.StyleHint.SansSerif)
    return made


def shadowed(painter: QPainter, rect: QRectF, flags: int, text: str, color: str = palette.TEXT) -> None:
    """Plain text with a black edge: readable on bright bone and on air."""
    painter.setPen(QColor(palette.SHADOW))
    for dx, dy in ((1, 1), (-1, -1)):
        painter.drawText(rect.translated(dx, dy), flags, text)
    painter.setPen(QColor(color))
    painter.drawText(rect, flags, text)


def paint_corners(painter: QPainter, area: QRectF, corners: Mapping[str, Sequence[str]]) -> None:
    """Lines of the four corners, each aligned to its corner and kept to its half: they never run into each other."""
    painter.setFont(font())
    inner = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
    half = inner.width() / 2 - LETTER_ROOM_PX
    for corner, lines in corners.items():
        if not lines:
            continue
        vertical = Qt.AlignmentFlag.AlignTop if corner.startswith("top") else Qt.AlignmentFlag.AlignBottom
        horizontal = Qt.AlignmentFlag.AlignLeft if corner.endswith("left") else Qt.AlignmentFlag.AlignRight
        left = inner.left() if corner.endswith("left") else inner.right() - half
        box = QRectF(left, inner.top(), half, inner.height())
        shadowed(painter, box, int(vertical | horizontal | Qt.TextFlag.TextWordWrap), "\n".join(lines))


def paint_letters(painter: QPainter, area: QRectF, edges: EdgeLetters) -> None:
    """Orientation letters in the middle of each edge."""
    painter.setFont(font(14, bold=True))
    inner = area.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
    centered, middle = Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignVCenter
    for text, flags in (
        (edges.left, Qt.AlignmentFlag.AlignLeft | middle),
        (edges.right, Qt.AlignmentFlag.AlignRight | middle),
        (edges.top, Qt.AlignmentFlag.AlignTop | centered),
        (edges.bottom, Qt.AlignmentFlag.AlignBottom | centered),
    ):
        shadowed(painter, inner, int(flags), text, palette.TEXT_QUIET)


def paint_scale_bar(painter: QPainter, area: QRectF, bar: ScaleBar) -> None:
    """A vertical ruler at the right edge, its text above it."""
    x = area.right() - MARGIN - 2
    top = area.center().y() + 24
    ends = QPointF(x, top), QPointF(x, top + bar.length_px)
    for color, width in ((palette.SHADOW, 3.0), (palette.TEXT_QUIET, 1.0)):
        painter.setPen(QPen(QColor(color), width))
        painter.drawLine(QLineF(*ends))
        for end in ends:
            painter.drawLine(QLineF(end.x() - 6, end.y(), end.x(), end.y()))
    painter.setFont(font(11))
    text = QRectF(area.left(), ends[1].y() + 2, x - area.left() + 2, 16)
    shadowed(painter, text, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop), bar.text, palette.TEXT_QUIET)


def paint_hatch(painter: QPainter, area: QRectF) -> None:
    """The ground of an image that cannot be shown: never black, never the image before."""
    painter.fillRect(area, QColor(palette.GROUND))
    painter.fillRect(area, QBrush(QColor(palette.HATCH), Qt.BrushStyle.BDiagPattern))


def paint_message(painter: QPainter, area: QRectF, title: str, text: str = "", color: str = palette.TEXT) -> None:
    """A sentence in the middle on a plate of its own, with what to do beneath it."""
    width = min(area.width() - 2 * MARGIN, 460.0)
    title_font, text_font = font(14, bold=True), font(12)
    inside = QRectF(0, 0, width - 24, 2000)
    flags = int(Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter)
    title_box = QFontMetricsF(title_font).boundingRect(inside, flags, title)
    text_box = QFontMetricsF(text_font).boundingRect(inside, flags, text) if text else QRectF()
    height = title_box.height() + (text_box.height() + 6 if text else 0) + 20
    plate = QRectF(area.center().x() - width / 2, area.center().y() - height / 2, width, height)
    painter.setPen(QPen(QColor(palette.LINE), 1))
    painter.setBrush(QColor(palette.BANNER))
    painter.drawRoundedRect(plate, 4, 4)
    painter.setFont(title_font)
    painter.setPen(QColor(color))
    painter.drawText(plate.adjusted(12, 10, -12, 0), flags, title)
    if text:
        painter.setFont(text_font)
        painter.setPen(QColor(palette.TEXT_QUIET))
        painter.drawText(plate.adjusted(12, 16 + title_box.height(), -12, 0), flags, text)


def paint_badge(painter: QPainter, area: QRectF, text: str, color: str) -> None:
    """One line at the top middle: loading 12/250, partial, degraded; it stays off the orientation letter."""
    painter.setFont(font(12, bold=True))
    metrics = QFontMetricsF(painter.font())
    width = min(metrics.horizontalAdvance(text) + 20, area.width() - 2 * MARGIN)
    plate = QRectF(area.center().x() - width / 2, area.top() + 28, width, metrics.height() + 8)
    painter.setPen(QPen(QColor(color), 1))
    ground = QColor(palette.GROUND)
    ground.setAlpha(225)
    painter.setBrush(ground)
    painter.drawRoundedRect(plate, 4, 4)
    painter.setPen(QColor(color))
    shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, width - 12)
    painter.drawText(plate, int(Qt.AlignmentFlag.AlignCenter), shown)


def paint_place(painter: QPainter, area: QRectF, index: int, count: int, gaps: Sequence[float]) -> None:
    """Where in the stack: a thin track at the right edge with a thumb; gaps (0..1) are marked."""
    if count < 2:
        return
    track = QRectF(area.right() - 4, area.top(), 4, area.height())
    painter.fillRect(track, QColor(palette.PANEL))
    for gap in gaps:
        painter.fillRect(QRectF(track.left(), track.top() + gap * track.height() - 1, 4, 3), QColor(palette.ATTENTION))
    height = max(10.0, track.height() / count)
    top = track.top() + (track.height() - height) * index / (count - 1)
    painter.fillRect(QRectF(track.left(), top, 4, height), QColor(palette.ACTIVE))
