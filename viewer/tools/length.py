"""Length: from one end to the other."""

from __future__ import annotations

from viewer.records import AnnotationKind
from viewer.tools.draw import draw
from viewer.tools.pointer import PointerEvent, Scene, Step, ToolState


def length(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """See `viewer.tools.draw`."""
    return draw(AnnotationKind.LENGTH, event, state, scene)
