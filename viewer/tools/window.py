"""Window by dragging: right widens, left narrows, down darkens, up brightens."""

from __future__ import annotations

from viewer.tools.pointer import IDLE, DragWindow, PointerEvent, PointerKind, Scene, Step, ToolState, dragged


def window(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """One edit for each movement, in logical pixels so that it feels alike on every display."""
    if event.kind is PointerKind.PRESS:
        return ToolState(start=event.position, last=event.position), ()
    if not state.active or event.kind is PointerKind.RELEASE:
        return IDLE, ()
    dx, dy = (value / scene.pixel_ratio for value in dragged(event, state))
    after = ToolState(start=state.start, last=event.position)
    return after, (DragWindow(dx, dy),) if dx or dy else ()
