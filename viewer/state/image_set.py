"""Image sets: what geometry allows to stack (PS3.3 C.23's word for what others call a display set)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from viewer.errors import GeometryError
from viewer.geometry.plane import ImagePlane, Vector3, plane_from_attributes
from viewer.records import FrameHeader, FrameRef, InstanceHeader


class OrderBasis(StrEnum):
    """What the frames are ordered by; anything but POSITION is told to the reader."""

    POSITION = "POSITION"
    TIME = "TIME"
    FRAME_NUMBER = "FRAME_NUMBER"
    INSTANCE_NUMBER = "INSTANCE_NUMBER"


class IssueKind(StrEnum):
    """What is odd about a series (reference/viewer.md §4.3)."""

    DUPLICATE_INSTANCE = "DUPLICATE_INSTANCE"
    DUPLICATE_POSITION = "DUPLICATE_POSITION"
    GAP = "GAP"
    MISSING_ORIENTATION = "MISSING_ORIENTATION"
    BAD_GEOMETRY = "BAD_GEOMETRY"
    TILT = "TILT"
    MIXED_MATRIX = "MIXED_MATRIX"
    MIXED_SPACING = "MIXED_SPACING"
    MIXED_ORIENTATION = "MIXED_ORIENTATION"
    MIXED_FRAME_OF_REFERENCE = "MIXED_FRAME_OF_REFERENCE"
    MIXED_PATIENT = "MIXED_PATIENT"
    UNREADABLE = "UNREADABLE"


HARMLESS = frozenset(
    {
        IssueKind.DUPLICATE_INSTANCE,
        IssueKind.MIXED_MATRIX,
        IssueKind.MIXED_SPACING,
        IssueKind.MIXED_ORIENTATION,
        IssueKind.MIXED_FRAME_OF_REFERENCE,
    }
)
"""Issues that splitting or dropping has already dealt with: each block may still be a regular stack."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One oddity: `text` is a plain English sentence, `count` how many frames or places it concerns."""

    kind: IssueKind
    text: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class ImageFrame:
    """One frame of one instance."""

    header: InstanceHeader
    frame_index: int = 0

    @property
    def frame_header(self) -> FrameHeader:
        """What may differ from frame to frame."""
        return frame_header_of(self.header, self.frame_index)

    @property
    def ref(self) -> FrameRef:
        """Identity of the frame."""
        return FrameRef(self.header.sop_instance_uid, self.frame_index + 1)

    def plane(self) -> ImagePlane:
        """Plane in the patient; GeometryError where the header gives none."""
        return plane_of(self.header, self.frame_index)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """Frames of one series that stack, in display order."""

    study_instance_uid: str
    series_instance_uid: str
    block: int
    """0-based number of this block within the series."""
    blocks: int
    """How many blocks the series was split into."""
    frames: tuple[ImageFrame, ...]
    order_basis: OrderBasis
    issues: tuple[Issue, ...] = ()
    normal_lps: Vector3 | None = None
    spacing_mm: float | None = None
    """Median distance between neighboring slices along the normal."""
    label: str = ""
    """What sets this block apart from its siblings: "b 1000", "echo 2", "coronal"."""

    @property
    def header(self) -> InstanceHeader:
        """Header of the first frame, for the texts of the series."""
        return self.frames[0].header

    @property
    def is_regular(self) -> bool:
        """Whether the slices are evenly spaced, parallel and complete: the condition for reslicing."""
        breaking = any(issue.kind not in HARMLESS for issue in self.issues)
        return self.order_basis is OrderBasis.POSITION and len(self.frames) > 2 and not breaking

    def index_of(self, ref: FrameRef) -> int | None:
        """Place of a frame in this set; None where it is not part of it."""
        return next((place for place, frame in enumerate(self.frames) if frame.ref == ref), None)


def frame_header_of(header: InstanceHeader, frame_index: int) -> FrameHeader:
    """Frame header by 0-based index; a bare one where the instance has none."""
    return header.frames[frame_index] if frame_index < len(header.frames) else FrameHeader(frame_index + 1)


def plane_of(header: InstanceHeader, frame_index: int) -> ImagePlane:
    """Plane of one frame in patient coordinates.

    Raises
    ------
    GeometryError : position, orientation or pixel spacing absent or not trustworthy
    """
    frame = frame_header_of(header, frame_index)
    if frame.position_lps_mm is None or frame.row_cosines is None or frame.column_cosines is None:
        raise GeometryError("The image has no position and orientation in the patient.")
    if frame.pixel_spacing_mm is None:
        raise GeometryError("The image has no pixel spacing.")
    return plane_from_attributes(
        frame.position_lps_mm,
        frame.row_cosines,
        frame.column_cosines,
        frame.pixel_spacing_mm,
        (header.rows, header.columns),
    )
