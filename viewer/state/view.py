"""View records: what a viewport shows (`ViewState`), how it lies (`ViewPresentation`), how it is windowed
(`DataPresentation`). Edits are values: each function returns a new record."""

from __future__ import annotations

from dataclasses import dataclass, replace

from viewer.geometry.view import MAX_ZOOM, MIN_ZOOM, ViewTransform
from viewer.records import Lut, Point2, Window

MIN_WINDOW_WIDTH = 1.0


@dataclass(frozen=True, slots=True)
class ViewState:
    """Which data a viewport shows; `index` is the place in the image set."""

    study_instance_uid: str = ""
    series_instance_uid: str = ""
    block: int = 0
    index: int = 0
    count: int = 0


@dataclass(frozen=True, slots=True)
class ViewPresentation:
    """How the image lies on the canvas; `zoom` None means fit. Rotation clockwise first, then horizontal flip."""

    zoom: float | None = None
    pan_px: Point2 = (0.0, 0.0)
    rotation_deg: int = 0
    flipped: bool = False


@dataclass(frozen=True, slots=True)
class DataPresentation:
    """How the values are shown; `voi` None means the default of each frame."""

    voi: Window | Lut | None = None
    inverted: bool = False
    """The reader's inversion, on top of MONOCHROME1."""


def scrolled(state: ViewState, steps: int) -> ViewState:
    """Moved by whole steps, kept within the stack."""
    return moved_to(state, state.index + steps)


def moved_to(state: ViewState, index: int) -> ViewState:
    """At one place, kept within the stack."""
    return replace(state, index=min(max(index, 0), max(state.count - 1, 0)))


def rotated(view: ViewPresentation, turns: int) -> ViewPresentation:
    """The *displayed* image turned clockwise by quarter turns."""
    # Display is flip after rotation; turning a flipped display clockwise turns the image beneath counterclockwise.
    step = -turns if view.flipped else turns
    return replace(view, rotation_deg=(view.rotation_deg + 90 * step) % 360)


def flipped_horizontally(view: ViewPresentation) -> ViewPresentation:
    """The displayed image mirrored left to right."""
    return replace(view, flipped=not view.flipped)


def flipped_vertically(view: ViewPresentation) -> ViewPresentation:
    """The displayed image mirrored top to bottom: a half turn and a horizontal flip."""
    return replace(view, flipped=not view.flipped, rotation_deg=(view.rotation_deg + 180) % 360)


def windowed(presentation: DataPresentation, window: Window, dx: float, dy: float, gain: float) -> DataPresentation:
    """Window dragged: right widens, down lowers the center (darker is up), `gain` in modality units a pixel."""
    width = max(MIN_WINDOW_WIDTH, window.width + dx * gain)
    changed = replace(window, width=width, center=window.center + dy * gain, explanation="")
    return replace(presentation, voi=changed)


def window_gain(window: Window) -> float:
    """Modality units a dragged pixel is worth: fine for narrow windows, coarse for wide ones."""
    return max(window.width / 256.0, 1e-6)


def transform_of(
    view: ViewPresentation, size: tuple[int, int], canvas_px: tuple[int, int], row_aspect: float = 1.0
) -> ViewTransform:
    """Canvas transform of an image of `size` (rows, columns) on a canvas (width, height)."""
    transform = ViewTransform(
        rows=size[0],
        columns=size[1],
        canvas_width_px=canvas_px[0],
        canvas_height_px=canvas_px[1],
        pan_px=view.pan_px,
        rotation_deg=view.rotation_deg,
        flipped=view.flipped,
        row_aspect=row_aspect,
    )
    if view.zoom is None:
        return replace(transform, zoom=transform.fit_zoom())
    return replace(transform, zoom=min(max(view.zoom, MIN_ZOOM), MAX_ZOOM))
