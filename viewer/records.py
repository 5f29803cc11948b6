"""Frozen records that cross the border of the viewer and of processes. Standard library only; picklable.

Coordinates: index (column, row) has the *centre* of the first pixel at (0, 0), as numpy does. GSPS and SCOORD have
the *corner* of the first pixel at (0, 0) (PS3.3 C.10.5): add ½ on writing (`viewer.geometry`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Vector3 = tuple[float, float, float]
Point2 = tuple[float, float]
"""(column, row) in index coordinates of one frame, centre of the first pixel at (0, 0)."""


class VoiFunction(StrEnum):
    """VOI LUT Function (0028,1056)."""

    LINEAR = "LINEAR"
    LINEAR_EXACT = "LINEAR_EXACT"
    SIGMOID = "SIGMOID"


@dataclass(frozen=True, slots=True)
class Window:
    """One window: center and width in modality units (HU for CT), with its function and explanation."""

    center: float
    width: float
    function: VoiFunction = VoiFunction.LINEAR
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Lut:
    """A lookup table (PS3.3 C.11): first mapped input, output bits, entries."""

    first_mapped: int
    bits: int
    entries: tuple[int, ...]
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class UltrasoundRegion:
    """One item of Sequence of Ultrasound Regions (0018,6011), bounds 0-based and inclusive, in pixels."""

    min_column_px: int
    min_row_px: int
    max_column_px: int
    max_row_px: int
    units_x: int
    units_y: int
    delta_x: float
    delta_y: float
    spatial_format: int = 0
    data_type: int = 0
    flags: int = 0


@dataclass(frozen=True, slots=True)
class PatientLabel:
    """Who the header says this is; shown on every viewport, plain text only."""

    name: str = ""
    patient_id: str = ""
    issuer: str = ""
    birth_date: str = ""
    sex: str = ""
    other_ids: tuple[tuple[str, str], ...] = ()
    """(id, issuer) of each item of Other Patient IDs Sequence (0010,1002), and the Patient ID under each issuer that
    its qualifiers name. Searches leave these out (PS3.4 C.6), images do not."""


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What may differ from frame to frame (functional groups of enhanced objects; one frame otherwise)."""

    frame_number: int
    position_lps_mm: Vector3 | None = None
    row_cosines: Vector3 | None = None
    column_cosines: Vector3 | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    rescale_type: str = ""
    windows: tuple[Window, ...] = ()
    temporal_position: float | None = None
    slice_thickness_mm: float | None = None
    b_value: float | None = None
    echo_time_ms: float | None = None
    stack_id: str = ""
    image_type: tuple[str, ...] = ()
    """Frame Type (0008,9007); empty where Image Type of the instance rules."""
    ordinal: int = 0
    """In-Stack Position Number (0020,9057), 0 where absent."""
    failure: str = ""
    """Why this one frame could not be decoded while its siblings could; its pixels must not be shown."""


@dataclass(frozen=True, slots=True)
class PixelFile:
    """Where the stored values of an instance lie, uncompressed and little endian, ready to be memory-mapped.

    `path` is the stored object itself, or the decoded copy beside it. Frames follow each other without gaps from
    `offset_bytes`; a frame has rows × columns × samples_per_pixel values of `dtype` ("uint8", "int16", ...); samples
    are interleaved (planar configuration 0). Colour decoded copies are RGB.
    """

    path: str
    offset_bytes: int
    dtype: str
    photometric_interpretation: str


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """Everything the viewer needs of one image instance; no pydicom object crosses a process border."""

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    path: str
    pixels: PixelFile | None
    """None while the pixels could not be decoded; then `failure` says why."""
    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    pixel_representation: int
    samples_per_pixel: int = 1
    photometric_interpretation: str = "MONOCHROME2"
    frames: tuple[FrameHeader, ...] = ()
    failure: str = ""
    patient: PatientLabel = field(default_factory=PatientLabel)
    modality: str = ""
    study_date: str = ""
    study_time: str = ""
    study_description: str = ""
    accession_number: str = ""
    institution_name: str = ""
    series_number: int | None = None
    series_description: str = ""
    series_date: str = ""
    series_time: str = ""
    body_part: str = ""
    laterality: str = ""
    protocol_name: str = ""
    instance_number: int | None = None
    acquisition_number: int | None = None
    image_type: tuple[str, ...] = ()
    echo_number: str = ""
    b_value: float | None = None
    content_time: str = ""
    convolution_kernel: str = ""
    frame_of_reference_uid: str = ""
    gantry_tilt_deg: float | None = None
    frame_time_ms: float | None = None
    modality_lut: Lut | None = None
    voi_luts: tuple[Lut, ...] = ()
    presentation_lut_shape: str = ""
    pixel_padding_value: int | None = None
    pixel_padding_range_limit: int | None = None
    palette: tuple[Lut, Lut, Lut] | None = None
    imager_pixel_spacing_mm: tuple[float, float] | None = None
    nominal_pixel_spacing_mm: tuple[float, float] | None = None
    pixel_spacing_calibration_type: str = ""
    magnification_factor: float | None = None
    pixel_aspect_ratio: tuple[int, int] | None = None
    ultrasound_regions: tuple[UltrasoundRegion, ...] = ()
    lossy: bool = False
    lossy_ratio: float | None = None
    units: str = ""
    acquisition_time: str = ""
    trigger_time_ms: float | None = None
    view_position: str = ""
    patient_orientation: tuple[str, ...] = ()
    """Patient Orientation (0020,0020): direction of the rows, direction of the columns, e.g. ("A", "FL")."""
    burned_in_annotation: bool | None = None
    multi_energy: bool = False
    """Multi-energy CT Acquisition (0018,9361): values need not be HU."""
    reason_for_requested_procedure: str = ""
    """Why the study was asked for: (0040,1002) of Request Attributes Sequence (0040,0275)."""
    requested_procedure_description: str = ""

    @property
    def number_of_frames(self) -> int:
        """Number of Frames (0028,0008), 1 for single-frame objects."""
        return max(1, len(self.frames))


@dataclass(frozen=True, slots=True)
class FrameRef:
    """One frame of one instance: the identity that measurements, links and objects use. Never a position in a list."""

    sop_instance_uid: str
    frame_number: int = 1


class AnnotationKind(StrEnum):
    """What can be drawn."""

    LENGTH = "LENGTH"
    ARROW = "ARROW"
    ELLIPSE = "ELLIPSE"
    RECTANGLE = "RECTANGLE"


class SpacingBasis(StrEnum):
    """Where a millimetre comes from (PS3.3 10.7)."""

    PATIENT = "PATIENT"
    CALIBRATED = "CALIBRATED"
    MAGNIFICATION_CORRECTED = "MAGNIFICATION_CORRECTED"
    DETECTOR_PLANE = "DETECTOR_PLANE"
    SCANNED = "SCANNED"
    UNKNOWN_PROJECTION = "UNKNOWN_PROJECTION"
    REGION = "REGION"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class MeasuredValue:
    """One number with its unit and where that unit comes from.

    `name` is one of length, area, mean, standard_deviation, minimum, maximum. `unit` is UCUM ("mm", "mm2",
    "[hnsf'U]", "1", "{pixels}"); `unit_text` is what a person sees ("mm", "mm det", "mm?", "HU", "px").
    """

    name: str
    value: float
    unit: str
    unit_text: str
    basis: SpacingBasis = SpacingBasis.NONE
    note: str = ""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One drawn object. `points` in index coordinates: LENGTH two ends; ARROW tip then tail; ELLIPSE and RECTANGLE
    two opposite corners of the (axis-parallel) box. `values` are computed by `viewer.measure`, never typed."""

    annotation_id: str
    kind: AnnotationKind
    study_instance_uid: str
    series_instance_uid: str
    frame: FrameRef
    points: tuple[Point2, ...]
    text: str = ""
    values: tuple[MeasuredValue, ...] = ()
    tracking_uid: str = ""
    degraded: str = ""
    """Why the image under it was partial or degraded, else empty; travels into SR and report text."""


@dataclass(frozen=True, slots=True)
class DisplayedState:
    """How a viewport showed one frame: what a GSPS needs (PS3.3 C.10.4–C.10.6, C.11.8)."""

    study_instance_uid: str
    series_instance_uid: str
    frame: FrameRef
    window: Window | None = None
    inverted: bool = False
    """The reader's inversion, on top of what Photometric Interpretation asks for. The Presentation LUT Shape of a GSPS
    is INVERSE when (MONOCHROME1 source) differs from `inverted` (PS3.4 N.2.1.4)."""
    rotation_deg: int = 0
    flipped: bool = False
    """Clockwise rotation first, then horizontal flip."""
    area_px: tuple[float, float, float, float] | None = None
    """Visible image area (left, top, right, bottom) in *corner* coordinates, clipped to the image; None = all."""
