"""What every tool gets and gives: events, the scene under the pointer, and edits as values. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from viewer.geometry.view import ViewTransform
from viewer.records import Annotation, FrameRef, Point2


class PointerKind(StrEnum):
    """Phases of a drag."""

    PRESS = "PRESS"
    MOVE = "MOVE"
    RELEASE = "RELEASE"


@dataclass(frozen=True, slots=True)
class PointerEvent:
    """One event of the button that the tool sits on; `position` in device pixels of the canvas."""

    kind: PointerKind
    position: Point2


@dataclass(frozen=True, slots=True)
class Scene:
    """What lies under the pointer; `new_uid` makes ids. `pixel_ratio` is device pixels per logical pixel."""

    study_instance_uid: str
    series_instance_uid: str
    frame: FrameRef
    transform: ViewTransform
    images: int
    annotations: tuple[Annotation, ...]
    selected_id: str
    new_uid: Callable[[], str]
    pixel_ratio: float = 1.0
    degraded: str = ""

    def index_at(self, position: Point2) -> Point2:
        """Index point under a canvas position, kept inside the image."""
        column, row = self.transform.index_from_canvas(position)
        return (
            min(max(column, -0.5), self.transform.columns - 0.5),
            min(max(row, -0.5), self.transform.rows - 0.5),
        )


@dataclass(frozen=True, slots=True)
class ToolState:
    """What a tool remembers between two events of a drag; a fresh one is idle."""

    start: Point2 | None = None
    last: Point2 | None = None
    remainder: float = 0.0
    draft: Annotation | None = None
    original: Annotation | None = None
    handle: int | None = None

    @property
    def active(self) -> bool:
        """Whether a drag is going on."""
        return self.start is not None


IDLE = ToolState()


@dataclass(frozen=True, slots=True)
class Scroll:
    """Move by whole images."""

    steps: int


@dataclass(frozen=True, slots=True)
class DragWindow:
    """Drag the window by device pixels: right widens, down raises the center (darker)."""

    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class Pan:
    """Move the picture by device pixels."""

    dx: float
    dy: float


@dataclass(frozen=True, slots=True)
class Zoom:
    """Zoom about a canvas position that stays where it is."""

    factor: float
    about: Point2


@dataclass(frozen=True, slots=True)
class Preview:
    """Show this annotation instead of the stored one with its id; None = the drag came to nothing."""

    annotation: Annotation | None


@dataclass(frozen=True, slots=True)
class Put:
    """Store this annotation: one step of undo. `ask_text` opens the text field first."""

    annotation: Annotation
    ask_text: bool = False


@dataclass(frozen=True, slots=True)
class Select:
    """Select an annotation, "" = none."""

    annotation_id: str


@dataclass(frozen=True, slots=True)
class EditText:
    """Open the field for the text of an annotation that has one."""

    annotation_id: str


Edit = Scroll | DragWindow | Pan | Zoom | Preview | Put | Select | EditText
Step = tuple[ToolState, tuple[Edit, ...]]
Tool = Callable[[PointerEvent, ToolState, Scene], Step]


def dragged(event: PointerEvent, state: ToolState) -> Point2:
    """How far the pointer moved since the last event."""
    last = state.last if state.last is not None else event.position
    return (event.position[0] - last[0], event.position[1] - last[1])
