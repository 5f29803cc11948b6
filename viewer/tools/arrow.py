"""Arrow with text: press at the tip, drag to where the text goes; the text is asked for at the end."""

from __future__ import annotations

from viewer.records import AnnotationKind
from viewer.tools.draw import draw
from viewer.tools.pointer import PointerEvent, Scene, Step, ToolState


def arrow(event: PointerEvent, state: ToolState, scene: Scene) -> Step:
    """See `viewer.tools.draw`."""
    return draw(AnnotationKind.ARROW, event, state, scene, ask_text=True)
