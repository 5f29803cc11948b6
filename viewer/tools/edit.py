"""Select, move, reshape: takes over from any tool when a press grasps an annotation."""

from __future__ import annotations

from dataclasses import replace

from viewer.records import Annotation, Point2
from viewer.tools.pointer import IDLE, Edit, PointerEvent, PointerKind, Preview, Put, Scene, Select, Step, ToolState
from viewer.tools.shapes import handle_at, is_hit, with_handle_at


def grasped(position: Point2, scene: Scene) -> tuple[Annotation, int | None] | None:
    """The annotation under the pointer with its handle; handles of the selected one first, then the newest line."""
    selected = [item for item in scene.annotations if item.annotation_id == scene.selected_id]
    for item in selected:
        handle = handle_at(item, position, scene.transform, scene.pixel_ratio)
        if handle is not None:
            return item, handle
    for item in reversed(scene.annotations):
        if is_hit(item, position, scene.transform, scene.pixel_ratio):
            return item, handle_at(item, position, scene.transform, scene.pixel_ratio)
    return None


def edit(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """Drag a handle or the whole annotation; one step of undo at release, none where nothing moved."""
    if event.kind is PointerKind.PRESS:
        found = grasped(event.position, scene)
        if found is None:
            return IDLE, (Select(""),)
        item, handle = found
        after = ToolState(start=event.position, last=event.position, original=item, handle=handle)
        return after, (Select(item.annotation_id),)
    if not state.active or state.original is None or state.start is None:
        return IDLE, ()
    changed = _changed(state, scene, event.position)
    if event.kind is PointerKind.MOVE:
        return replace(state, last=event.position, draft=changed), (Preview(changed),)
    edits: tuple[Edit, ...] = (Preview(None),)
    if state.draft is not None and changed.points != state.original.points:
        edits += (Put(changed),)
    return IDLE, edits


def _changed(state: ToolState, scene: Scene, position: Point2) -> Annotation:
    assert state.original is not None
    assert state.start is not None
    original = state.original
    if state.handle is not None:
        points = with_handle_at(original, state.handle, scene.index_at(position))
    else:
        points = _shifted(original.points, state.start, position, scene)
    return replace(original, points=points, values=(), degraded=scene.degraded)


def _shifted(points: tuple[Point2, ...], start: Point2, position: Point2, scene: Scene) -> tuple[Point2, ...]:
    """All points moved alike, as far as the whole annotation stays on the image."""
    transform = scene.transform
    from_column, from_row = transform.index_from_canvas(start)
    to_column, to_row = transform.index_from_canvas(position)
    columns, rows = [c for c, _ in points], [r for _, r in points]
    dc = min(max(to_column - from_column, -0.5 - min(columns)), transform.columns - 0.5 - max(columns))
    dr = min(max(to_row - from_row, -0.5 - min(rows)), transform.rows - 0.5 - max(rows))
    return tuple((c + dc, r + dr) for c, r in points)
