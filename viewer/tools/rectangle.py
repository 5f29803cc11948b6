"""Rectangle between two corners."""

from __future__ import annotations

from viewer.records import AnnotationKind
from viewer.tools.draw import draw
from viewer.tools.pointer import PointerEvent, Scene, Step, ToolState


def rectangle(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """See `viewer.tools.draw`."""
    return draw(AnnotationKind.RECTANGLE, event, state, scene)
