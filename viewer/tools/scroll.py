"""Scroll by dragging up and down; a fraction of an image is kept for the next event, so that none is lost."""

from __future__ import annotations

import math

from viewer.tools.pointer import IDLE, PointerEvent, PointerKind, Scene, Scroll, Step, ToolState, dragged

FULL_DRAG_SHARE = 0.7
"""A drag over this share of the canvas goes through a whole stack ..."""
PIXELS_A_STEP = (2.0, 24.0)
"""... but a step is never finer or coarser than this, in logical pixels."""


def pixels_a_step(images: int, canvas_height_px: int, pixel_ratio: float) -> float:
    """Device pixels of drag for one image."""
    low, high = PIXELS_A_STEP
    wanted = canvas_height_px * FULL_DRAG_SHARE / max(1, images - 1)
    return min(max(wanted, low * pixel_ratio), high * pixel_ratio)


def scroll(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """Down goes on, up goes back."""
    if event.kind is PointerKind.PRESS:
        return ToolState(start=event.position, last=event.position), ()
    if not state.active or event.kind is PointerKind.RELEASE:
        return IDLE, ()
    step = pixels_a_step(scene.images, scene.transform.canvas_height_px, scene.pixel_ratio)
    total = state.remainder + dragged(event, state)[1] / step
    steps = math.trunc(total)
    after = ToolState(start=state.start, last=event.position, remainder=total - steps)
    return after, (Scroll(steps),) if steps else ()
