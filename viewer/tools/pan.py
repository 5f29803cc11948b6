"""Pan by dragging: the point under the pointer stays under it."""

from __future__ import annotations

from viewer.tools.pointer import IDLE, Pan, PointerEvent, PointerKind, Scene, Step, ToolState, dragged


def pan(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """One edit for each movement."""
    if event.kind is PointerKind.PRESS:
        return ToolState(start=event.position, last=event.position), ()
    if not state.active or event.kind is PointerKind.RELEASE:
        return IDLE, ()
    dx, dy = dragged(event, state)
    after = ToolState(start=state.start, last=event.position)
    return after, (Pan(dx, dy),) if dx or dy else ()
