"""The annotations of one study as a value; with `UndoStack` each edit is a step."""

from __future__ import annotations

from dataclasses import dataclass, replace

from viewer.errors import ViewerError
from viewer.records import Annotation, FrameRef, Point2


@dataclass(frozen=True, slots=True)
class AnnotationSet:
    """All annotations of one study, in the order in which they were drawn."""

    study_instance_uid: str
    items: tuple[Annotation, ...] = ()

    def on_frame(self, frame: FrameRef) -> tuple[Annotation, ...]:
        """Those drawn on one frame."""
        return tuple(item for item in self.items if item.frame == frame)

    def get(self, annotation_id: str) -> Annotation:
        """One by its id; ViewerError where there is none."""
        for item in self.items:
            if item.annotation_id == annotation_id:
                return item
        raise ViewerError("This annotation no longer exists.")

    def with_item(self, annotation: Annotation) -> AnnotationSet:
        """Added, or put in the place of the one with the same id. ViewerError for another study's annotation."""
        if annotation.study_instance_uid != self.study_instance_uid:
            raise ViewerError("An annotation of another study cannot be added here.")
        if any(item.annotation_id == annotation.annotation_id for item in self.items):
            items = tuple(annotation if item.annotation_id == annotation.annotation_id else item for item in self.items)
        else:
            items = (*self.items, annotation)
        return replace(self, items=items)

    def without(self, annotation_id: str) -> AnnotationSet:
        """Deleted; ViewerError where there is none."""
        self.get(annotation_id)
        return replace(self, items=tuple(item for item in self.items if item.annotation_id != annotation_id))


def moved(annotation: Annotation, dx: float, dy: float) -> Annotation:
    """Shifted by whole or part pixels; its values are no longer valid and are dropped."""
    points = tuple((x + dx, y + dy) for x, y in annotation.points)
    return replace(annotation, points=points, values=())


def with_point(annotation: Annotation, point_index: int, point: Point2) -> Annotation:
    """One point put elsewhere; values dropped."""
    points = list(annotation.points)
    points[point_index] = point
    return replace(annotation, points=tuple(points), values=())
