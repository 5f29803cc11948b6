"""Zoom by dragging: up enlarges about the point where the drag began."""

from __future__ import annotations

import math

from viewer.tools.pointer import IDLE, PointerEvent, PointerKind, Scene, Step, ToolState, Zoom, dragged

DOUBLES_AFTER_PX = 120.0
"""Logical pixels of drag that double the size."""


def zoom(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """One edit for each movement."""
    if event.kind is PointerKind.PRESS:
        return ToolState(start=event.position, last=event.position), ()
    if not state.active or state.start is None or event.kind is PointerKind.RELEASE:
        return IDLE, ()
    dy = dragged(event, state)[1] / scene.pixel_ratio
    after = ToolState(start=state.start, last=event.position)
    return after, (Zoom(math.pow(2.0, -dy / DOUBLES_AFTER_PX), state.start),) if dy else ()
