"""Where an annotation can be grasped: four corners of a box, two ends of a line, and the outline."""

from __future__ import annotations

import math

from viewer.geometry.view import ViewTransform
from viewer.measure.hit import hit_test
from viewer.records import Annotation, AnnotationKind, Point2

HANDLE_REACH_PX = 9.0
OUTLINE_REACH_PX = 6.0
"""Logical pixels within which a press grasps a handle or an outline."""

BOXES = (AnnotationKind.ELLIPSE, AnnotationKind.RECTANGLE)


def handles(annotation: Annotation) -> tuple[Point2, ...]:
    """Index points that can be dragged: the ends of a line, or the four corners of a box."""
    if annotation.kind not in BOXES:
        return annotation.points
    (x0, y0), (x1, y1) = annotation.points[0], annotation.points[1]
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def with_handle_at(annotation: Annotation, handle: int, point: Point2) -> tuple[Point2, ...]:
    """Points of the annotation after dragging one handle; the opposite corner of a box stays."""
    if annotation.kind not in BOXES:
        return tuple(point if place == handle else old for place, old in enumerate(annotation.points))
    (x0, y0), (x1, y1) = annotation.points[0], annotation.points[1]
    x0, x1 = (point[0], x1) if handle in (0, 3) else (x0, point[0])
    y0, y1 = (point[1], y1) if handle in (0, 1) else (y0, point[1])
    return ((x0, y0), (x1, y1))


def handle_at(annotation: Annotation, position: Point2, transform: ViewTransform, pixel_ratio: float) -> int | None:
    """The handle within reach of a canvas position, the nearest first."""
    distances = [math.dist(transform.canvas_from_index(point), position) for point in handles(annotation)]
    nearest = min(range(len(distances)), key=distances.__getitem__)
    return nearest if distances[nearest] <= HANDLE_REACH_PX * pixel_ratio else None


def is_hit(annotation: Annotation, position: Point2, transform: ViewTransform, pixel_ratio: float) -> bool:
    """Whether the drawn line lies under a canvas position."""
    return hit_test((annotation,), position, transform, OUTLINE_REACH_PX * pixel_ratio) is not None
