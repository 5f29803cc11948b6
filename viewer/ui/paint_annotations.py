"""Annotations over an image: crisp lines, handles of the selected one, values beside it on a legible ground."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from viewer.geometry.view import ViewTransform
from viewer.measure.hit import outline_points
from viewer.records import Annotation, AnnotationKind, MeasuredValue, Point2
from viewer.tools.shapes import handles
from viewer.ui import palette
from viewer.ui.paint_texts import font, shadowed

Translate = Callable[[str], str]
ARROW_HEAD_PX = 11.0
NAMES = {
    "length": "Length",
    "mean": "Mean",
    "standard_deviation": "SD",
    "minimum": "Min",
    "maximum": "Max",
    "area": "Area",
}


def value_text(value: MeasuredValue) -> str:
    """Number with its unit: one decimal; small areas and lengths two."""
    digits = 2 if abs(value.value) < 10 and value.name in ("length", "area") else 1
    return f"{value.value:.{digits}f} {value.unit_text}".strip()


def lines_of(annotation: Annotation, tr: Translate) -> list[str]:
    """What is written beside an annotation."""
    lines = [annotation.text] if annotation.text else []
    by_name = {value.name: value for value in annotation.values}
    if "length" in by_name:
        lines.append(value_text(by_name["length"]))
    if "mean" in by_name:
        mean, spread = by_name["mean"], by_name.get("standard_deviation")
        line = f"{tr('Mean')} {value_text(mean)}"
        lines.append(line if spread is None else f"{line}   {tr('SD')} {spread.value:.1f}")
    if "minimum" in by_name and "maximum" in by_name:
        low, high = by_name["minimum"].value, by_name["maximum"].value
        lines.append(f"{tr('Min')} {low:.0f}   {tr('Max')} {high:.0f}")
    if "area" in by_name:
        lines.append(f"{tr('Area')} {value_text(by_name['area'])}")
    if annotation.degraded:
        lines.append("⚠ " + tr(annotation.degraded))
    return lines


def paint_annotations(
    painter: QPainter,
    annotations: Sequence[Annotation],
    selected_id: str,
    transform: ViewTransform,
    pixel_ratio: float,
    tr: Translate,
) -> None:
    """All annotations of the shown frame; the painter is in logical pixels."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for annotation in annotations:
        chosen = annotation.annotation_id == selected_id
        color = palette.ANNOTATION_SELECTED if chosen else palette.ANNOTATION

        def at(point: Point2) -> QPointF:
            x, y = transform.canvas_from_index(point)
            return QPointF(x / pixel_ratio, y / pixel_ratio)

        _paint_line(painter, annotation, [at(point) for point in outline_points(annotation)], color)
        if chosen:
            _paint_handles(painter, [at(point) for point in handles(annotation)], color)
        _paint_lines(painter, annotation, [at(point) for point in handles(annotation)], color, tr)
    painter.restore()


def _paint_line(painter: QPainter, annotation: Annotation, line: list[QPointF], color: str) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for tint, width in ((palette.SHADOW, 3.4), (color, 1.5)):
        painter.setPen(QPen(QColor(tint), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawPolyline(QPolygonF(line))
        if annotation.kind is AnnotationKind.LENGTH:
            _paint_ticks(painter, line[0], line[1])
        if annotation.kind is AnnotationKind.ARROW:
            _paint_head(painter, line[0], line[1])


def _paint_ticks(painter: QPainter, one: QPointF, other: QPointF) -> None:
    angle = math.atan2(other.y() - one.y(), other.x() - one.x()) + math.pi / 2
    tick = QPointF(math.cos(angle) * 5, math.sin(angle) * 5)
    for end in (one, other):
        painter.drawLine(end - tick, end + tick)


def _paint_head(painter: QPainter, tip: QPointF, tail: QPointF) -> None:
    angle = math.atan2(tail.y() - tip.y(), tail.x() - tip.x())
    for turn in (-0.42, 0.42):
        side = QPointF(math.cos(angle + turn) * ARROW_HEAD_PX, math.sin(angle + turn) * ARROW_HEAD_PX)
        painter.drawLine(tip, tip + side)


def _paint_handles(painter: QPainter, points: list[QPointF], color: str) -> None:
    painter.setPen(QPen(QColor(palette.SHADOW), 1))
    painter.setBrush(QColor(color))
    for point in points:
        painter.drawRect(QRectF(point.x() - 3.5, point.y() - 3.5, 7, 7))


def _paint_lines(painter: QPainter, annotation: Annotation, points: list[QPointF], color: str, tr: Translate) -> None:
    lines = lines_of(annotation, tr)
    if not lines:
        return
    text = "\n".join(lines)
    painter.setFont(font(12))
    metrics = QFontMetricsF(painter.font())
    width = max(metrics.horizontalAdvance(line) for line in lines)
    height = metrics.lineSpacing() * len(lines)
    box = _place(annotation, points, QRectF(0, 0, width + 2, height), QRectF(painter.window()))
    ground = QColor(palette.GROUND)
    ground.setAlpha(190)
    painter.fillRect(box.adjusted(-4, -1, 3, 2), ground)
    shadowed(painter, box, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop), text, color)


def _place(annotation: Annotation, points: list[QPointF], box: QRectF, canvas: QRectF) -> QRectF:
    """Right of the annotation (at the tail of an arrow), pushed back onto the canvas where it would leave it."""
    if annotation.kind is AnnotationKind.ARROW:
        tail = points[1]
        left_of = points[0].x() > tail.x()
        box.moveTo(tail.x() - box.width() - 6 if left_of else tail.x() + 6, tail.y() - box.height() / 2)
    else:
        box.moveTo(max(p.x() for p in points) + 8, max(p.y() for p in points) - box.height() / 2)
    box.moveLeft(min(max(box.left(), 2.0), max(2.0, canvas.width() - box.width() - 8)))
    box.moveTop(min(max(box.top(), 2.0), max(2.0, canvas.height() - box.height() - 2)))
    return box
