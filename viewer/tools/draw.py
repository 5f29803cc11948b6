"""What the four drawing tools share: press at one end, drag, release at the other."""

from __future__ import annotations

import math
from dataclasses import replace

from viewer.records import Annotation, AnnotationKind, Point2
from viewer.tools.pointer import IDLE, PointerEvent, PointerKind, Preview, Put, Scene, Select, Step, ToolState

SMALLEST_PX = 4.0
"""A drag shorter than this, in logical pixels, was a click and draws nothing."""


def draw(kind: AnnotationKind, event: PointerEvent, state: ToolState, scene: Scene, *, ask_text: bool = False) -> Step:
    """Draw one annotation of two points on the frame under the pointer."""
    if event.kind is PointerKind.PRESS:
        return ToolState(start=event.position, last=event.position), (Select(""),)
    if not state.active or state.start is None:
        return IDLE, ()
    draft = _draft(kind, state, scene, event.position)
    if event.kind is PointerKind.MOVE:
        return replace(state, last=event.position, draft=draft), (Preview(draft),)
    if not _large_enough(state.start, event.position, kind, scene.pixel_ratio):
        return IDLE, (Preview(None),)
    return IDLE, (Preview(None), Put(draft, ask_text=ask_text), Select(draft.annotation_id))


def _draft(kind: AnnotationKind, state: ToolState, scene: Scene, position: Point2) -> Annotation:
    assert state.start is not None
    points = (scene.index_at(state.start), scene.index_at(position))
    if state.draft is not None:
        return replace(state.draft, points=points)
    return Annotation(
        annotation_id=scene.new_uid(),
        kind=kind,
        study_instance_uid=scene.study_instance_uid,
        series_instance_uid=scene.series_instance_uid,
        frame=scene.frame,
        points=points,
        tracking_uid=scene.new_uid(),
        degraded=scene.degraded,
    )


def _large_enough(start: Point2, end: Point2, kind: AnnotationKind, pixel_ratio: float) -> bool:
    dx, dy = abs(end[0] - start[0]), abs(end[1] - start[1])
    if kind in (AnnotationKind.ELLIPSE, AnnotationKind.RECTANGLE):
        return min(dx, dy) >= SMALLEST_PX * pixel_ratio
    return math.hypot(dx, dy) >= SMALLEST_PX * pixel_ratio
