"""What one viewport shows: image set, place in it, camera, window. No widgets; edits change records, never pixels."""

from __future__ import annotations

import bisect
import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from viewer.dicom.pixels import default_voi, display_frame, has_own_voi
from viewer.errors import GeometryError, ViewerError
from viewer.geometry.link import Nearest, nearest
from viewer.geometry.plane import ImagePlane, Vector3, dot
from viewer.geometry.view import ViewTransform
from viewer.measure.spacing import resolve
from viewer.records import DisplayedState, FrameRef, Lut, Point2, Window
from viewer.render.path import Picture, snapped
from viewer.state.image_set import ImageFrame, ImageSet, OrderBasis
from viewer.state.view import (
    DataPresentation,
    ViewPresentation,
    ViewState,
    moved_to,
    transform_of,
    window_gain,
    windowed,
)
from viewer.ui.window_presets import WindowPresets

Voi = Window | Lut | None
GAP_FACTOR = 1.5
NEIGHBORS = 3
"""Slices looked at on either side of where a position falls; images at the same position lie side by side."""


@dataclass(frozen=True, slots=True, eq=False)
class FramePicture:
    """What to draw for a frame: a picture, or why there is none."""

    picture: Picture | None
    failure: str = ""


class ViewportModel:
    """State of one viewport. Main thread only."""

    def __init__(self, presets: WindowPresets) -> None:
        self._presets = presets
        self.state = ViewState()
        self.view = ViewPresentation()
        self.data = DataPresentation()
        self.smooth = True
        self.images: ImageSet | None = None
        self._opening: Voi = None
        self._opening_known = False
        self._gaps: tuple[float, ...] | None = None
        self._buffer: NDArray[np.uint8] | None = None

    def mount(self, study_instance_uid: str, series_instance_uid: str, images: ImageSet | None, index: int = 0) -> None:
        """Show another series (or none yet) from scratch: nothing of the last one stays."""
        self.state = ViewState(study_instance_uid, series_instance_uid)
        self.view, self.data = ViewPresentation(), DataPresentation()
        self._set_images(None)
        self._opening, self._opening_known = None, False
        if images is not None:
            self.update(images)
            self.go(index)

    def update(self, images: ImageSet | None) -> None:
        """The same series as more of it has come; the shown frame stays the shown frame (R15)."""
        before = self.frame
        self._set_images(images)
        if images is None:
            self.state = replace(self.state, count=0, index=0)
            return
        self.state = replace(self.state, block=images.block, count=len(images.frames))
        kept = None if before is None else images.index_of(before.ref)
        self.state = moved_to(self.state, self.state.index if kept is None else kept)

    def _set_images(self, images: ImageSet | None) -> None:
        self.images, self._gaps = images, None

    @property
    def frame(self) -> ImageFrame | None:
        """The frame to show, None while there is none."""
        if self.images is None or not self.images.frames:
            return None
        return self.images.frames[self.state.index]

    def go(self, index: int) -> bool:
        """To one place in the stack; whether it is another."""
        before = self.state.index
        self.state = moved_to(self.state, index)
        return self.state.index != before

    @property
    def plane(self) -> ImagePlane | None:
        """Plane of the frame to show, None where the header gives none."""
        return None if self.frame is None else plane_of_frame(self.frame)

    def plane_at(self, index: int) -> ImagePlane | None:
        """Plane of one frame of the stack, None where there is no such frame or its header gives none."""
        frames = () if self.images is None else self.images.frames
        return plane_of_frame(frames[index]) if 0 <= index < len(frames) else None

    @property
    def row_aspect(self) -> float:
        """Height of a pixel over its width."""
        frame = self.frame
        if frame is None:
            return 1.0
        spacing = resolve(frame.header, frame.frame_index)
        return spacing.row_mm / spacing.column_mm

    def transform(self, canvas_px: tuple[int, int]) -> ViewTransform | None:
        """Where the frame lies on a canvas of (width, height) device pixels, on whole pixels."""
        free = self.free_transform(canvas_px)
        return None if free is None else snapped(free)

    def free_transform(self, canvas_px: tuple[int, int]) -> ViewTransform | None:
        """The same before it is moved onto whole pixels: what edits start from, so that nothing creeps."""
        frame = self.frame
        if frame is None:
            return None
        size = (frame.header.rows, frame.header.columns)
        return transform_of(self.view, size, canvas_px, self.row_aspect)

    @property
    def middle(self) -> Point2:
        """Index point in the middle of the viewport; the size of the canvas does not matter for it."""
        frame = self.frame
        if frame is None:
            return (0.0, 0.0)
        size = (frame.header.rows, frame.header.columns)
        return transform_of(self.view, size, (2, 2), self.row_aspect).index_from_canvas((1.0, 1.0))

    @property
    def gaps(self) -> tuple[float, ...]:
        """Places in the stack (0 to 1) where slices are missing: more than 1.5 times the median distance apart."""
        if self._gaps is None:
            self._gaps = () if self.images is None else _gaps(self.images)
        return self._gaps

    def nearest_to(self, point_lps_mm: Vector3, normal: Vector3) -> Nearest:
        """The slice nearest to a patient position; in a sorted stack only its neighborhood is searched.

        Raises
        ------
        GeometryError : none of the frames has a position in the patient
        """
        images = self.images
        if images is None or images.order_basis is not OrderBasis.POSITION or images.normal_lps is None:
            frames = () if images is None else images.frames
            return nearest(point_lps_mm, normal, [plane_of_frame(frame) for frame in frames])
        along, frames = images.normal_lps, images.frames
        place = bisect.bisect_left(frames, dot(point_lps_mm, along), key=lambda frame: _depth(frame, along))
        first = max(0, min(place, len(frames) - 1) - NEIGHBORS)
        neighborhood = [plane_of_frame(frame) for frame in frames[first : place + NEIGHBORS + 1]]
        found = nearest(point_lps_mm, normal, neighborhood)
        return replace(found, index=first + found.index)

    def set_transform(self, transform: ViewTransform) -> None:
        """Keep zoom and pan of a transform that was edited."""
        self.view = replace(self.view, zoom=transform.zoom, pan_px=transform.pan_px)

    @property
    def voi(self) -> Voi:
        """The reader's window, else the frame's own, else the preset of the modality, else one kept for the stack.

        Raises
        ------
        ViewerError : the pixels are needed and cannot be had
        """
        frame = self.frame
        if self.data.voi is not None or frame is None:
            return self.data.voi
        if has_own_voi(frame.header, frame.frame_index):
            return default_voi(frame.header, frame.frame_index)
        preset = self._presets.first(frame.header.modality)
        if preset is not None and frame.header.samples_per_pixel == 1 and frame.header.palette is None:
            return preset.window
        if not self._opening_known:
            # One automatic window for the whole stack: brightness must not jump from slice to slice.
            self._opening, self._opening_known = default_voi(frame.header, frame.frame_index), True
        return self._opening

    def set_window(self, window: Voi) -> None:
        """The reader's choice, None = back to the image's own."""
        self.data = replace(self.data, voi=window)

    def drag_window(self, dx: float, dy: float) -> None:
        """By logical pixels; nothing where there is no window to drag (color, a table)."""
        window = self.voi
        if isinstance(window, Window):
            self.data = windowed(self.data, window, dx, dy, window_gain(window))

    def picture(self) -> FramePicture:
        """Display values of the frame through the DICOM LUTs, into one buffer that is used again and again."""
        frame = self.frame
        if frame is None:
            return FramePicture(None)
        try:
            shape = (frame.header.rows, frame.header.columns)
            if frame.header.samples_per_pixel == 1 and frame.header.palette is None:
                if self._buffer is None or self._buffer.shape != shape:
                    self._buffer = np.empty(shape, np.uint8)
                pixels = display_frame(frame.header, frame.frame_index, self.voi, self.data.inverted, self._buffer)
            else:
                pixels = display_frame(frame.header, frame.frame_index, None, self.data.inverted)
            return FramePicture(Picture(np.ascontiguousarray(pixels)))
        except ViewerError as error:
            return FramePicture(None, error.reason)

    def displayed(self, canvas_px: tuple[int, int]) -> DisplayedState | None:
        """How the frame looks now, for a presentation state."""
        frame, transform = self.frame, self.transform(canvas_px)
        if frame is None or transform is None:
            return None
        window = self.voi
        return DisplayedState(
            study_instance_uid=frame.header.study_instance_uid,
            series_instance_uid=frame.header.series_instance_uid,
            frame=frame.ref,
            window=window if isinstance(window, Window) else None,
            inverted=self.data.inverted,
            rotation_deg=self.view.rotation_deg,
            flipped=self.view.flipped,
            area_px=transform.visible_area(),
        )

    def shows(self, frame: FrameRef) -> bool:
        """Whether this very frame is the one to show."""
        return self.frame is not None and self.frame.ref == frame


def _gaps(images: ImageSet) -> tuple[float, ...]:
    if images.spacing_mm is None or images.normal_lps is None or len(images.frames) < 3:
        return ()
    depths = [_depth(frame, images.normal_lps) for frame in images.frames]
    limit = GAP_FACTOR * images.spacing_mm
    steps = enumerate(itertools.pairwise(depths))
    return tuple((place + 0.5) / (len(depths) - 1) for place, (one, other) in steps if other - one > limit)


def _depth(frame: ImageFrame, along: Vector3) -> float:
    """Position along the normal of its stack; frames of a stack sorted by position all have one."""
    return dot(frame.frame_header.position_lps_mm or (0.0, 0.0, 0.0), along)


def plane_of_frame(frame: ImageFrame) -> ImagePlane | None:
    """Plane in the patient, None where the header gives none that can be trusted."""
    try:
        return frame.plane()
    except GeometryError:
        return None
