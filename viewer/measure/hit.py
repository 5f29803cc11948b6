"""Which annotation lies under the pointer. Everything in canvas pixels, so that the reach is the same at any zoom."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from viewer.geometry.view import ViewTransform
from viewer.measure.regions import box_of
from viewer.records import Annotation, AnnotationKind, Point2

REACH_PX = 8.0
ELLIPSE_STEPS = 72


@dataclass(frozen=True, slots=True)
class Hit:
    """What was hit; `point_index` is the handle (index into `Annotation.points`), None for the body."""

    annotation_id: str
    point_index: int | None
    distance_px: float


def hit_test(
    annotations: Sequence[Annotation], canvas_point: Point2, view: ViewTransform, reach_px: float = REACH_PX
) -> Hit | None:
    """The nearest annotation within reach, handles before bodies, the newest first; None where nothing is near."""
    best: Hit | None = None
    for annotation in reversed(annotations):
        for hit in _hits(annotation, canvas_point, view):
            if hit.distance_px <= reach_px and (best is None or _rank(hit) < _rank(best)):
                best = hit
    return best


def _rank(hit: Hit) -> tuple[bool, float]:
    return hit.point_index is None, hit.distance_px


def _hits(annotation: Annotation, canvas_point: Point2, view: ViewTransform) -> list[Hit]:
    handles = [view.canvas_from_index(point) for point in annotation.points]
    hits = [
        Hit(annotation.annotation_id, index, math.dist(canvas_point, handle)) for index, handle in enumerate(handles)
    ]
    outline = [view.canvas_from_index(point) for point in outline_points(annotation)]
    distances = [_to_segment(canvas_point, a, b) for a, b in itertools.pairwise(outline)]
    if distances:
        hits.append(Hit(annotation.annotation_id, None, min(distances)))
    return hits


def outline_points(annotation: Annotation) -> list[Point2]:
    """The drawn line as index points; closed for regions."""
    if annotation.kind not in (AnnotationKind.ELLIPSE, AnnotationKind.RECTANGLE):
        return list(annotation.points)
    left, top, right, bottom = box_of((annotation.points[0], annotation.points[1]))
    if annotation.kind is AnnotationKind.RECTANGLE:
        return [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    angles = [2 * math.pi * step / ELLIPSE_STEPS for step in range(ELLIPSE_STEPS + 1)]
    return [
        (middle_x + (right - left) / 2 * math.cos(angle), middle_y + (bottom - top) / 2 * math.sin(angle))
        for angle in angles
    ]


def _to_segment(point: Point2, one: Point2, other: Point2) -> float:
    dx, dy = other[0] - one[0], other[1] - one[1]
    squared = dx * dx + dy * dy
    along = 0.0 if squared == 0 else ((point[0] - one[0]) * dx + (point[1] - one[1]) * dy) / squared
    along = min(max(along, 0.0), 1.0)
    return math.dist(point, (one[0] + along * dx, one[1] + along * dy))
