"""The images a report refers to: what their headers say, without pixels."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from viewer.records import VoiFunction, Window
from worklist_client.report.errors import SourceUnusable
from worklist_client.report.request import SourceInstance
from worklist_client.report.study_module import PATIENT, STUDY

_NEEDED = (
    "SpecificCharacterSet",
    "TimezoneOffsetFromUTC",
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "InstanceNumber",
    "Modality",
    "BodyPartExamined",
    "Laterality",
    "RequestAttributesSequence",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PixelSpacing",
    "ImagerPixelSpacing",
    "PixelAspectRatio",
    "BitsStored",
    "PixelRepresentation",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "ModalityLUTSequence",
    "WindowCenter",
    "WindowWidth",
    "WindowCenterWidthExplanation",
    "VOILUTFunction",
    "VOILUTSequence",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
)


@dataclass(frozen=True)
class Rescale:
    """Modality LUT as slope and intercept; `kind` = Rescale Type."""

    slope: float
    intercept: float
    kind: str


@dataclass(frozen=True, eq=False)
class SourceImage:
    """One image instance: who it is, and its header."""

    instance: SourceInstance
    header: Dataset

    @property
    def study_instance_uid(self) -> str:
        """Study Instance UID as the file says it."""
        return str(self.header.get("StudyInstanceUID", ""))

    @property
    def series_instance_uid(self) -> str:
        """Series Instance UID as the file says it."""
        return str(self.header.get("SeriesInstanceUID", ""))

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID as the file says it."""
        return str(self.header.SOPInstanceUID)

    @property
    def sop_class_uid(self) -> str:
        """SOP Class UID as the file says it."""
        return str(self.header.SOPClassUID)

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.header.get("Rows", 0) or 0), int(self.header.get("Columns", 0) or 0)

    @property
    def frames(self) -> int:
        """Number of Frames."""
        return max(1, int(self.header.get("NumberOfFrames", 1) or 1))

    @property
    def multi_frame(self) -> bool:
        """Whether references must name the frame."""
        return self.frames > 1

    @property
    def color(self) -> bool:
        """Palette, RGB, YBR: everything that has no gray scale of its own."""
        return not str(self.header.get("PhotometricInterpretation", "MONOCHROME2")).startswith("MONOCHROME")

    @property
    def inverse(self) -> bool:
        """Whether low values are shown bright. A Presentation LUT Shape in the image only repeats its Photometric
        Interpretation (PS3.3 C.8.11.3); counting both would invert twice."""
        return bool(self.header.get("PhotometricInterpretation", "") == "MONOCHROME1")


def read_source(instance: SourceInstance) -> SourceImage:
    """Read the header. Raises `SourceUnusable`, also where the file is another instance than the request says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values of the hospital are copied as they are
            header = dcmread(
                instance.path, stop_before_pixels=True, force=True, specific_tags=[*PATIENT, *STUDY, *_NEEDED]
            )
            _touch(header)
    except (OSError, InvalidDicomError, ValueError, AttributeError, TypeError) as error:
        raise SourceUnusable(f"an image of the study cannot be read: {type(error).__name__}") from error
    if header.get("SOPInstanceUID") != instance.sop_instance_uid or "SOPClassUID" not in header:
        raise SourceUnusable("a file of the cache does not hold the image it was stored for")
    return SourceImage(instance, header)


def read_sources(instances: Iterable[SourceInstance]) -> tuple[SourceImage, ...]:
    """All of them, in order."""
    return tuple(read_source(instance) for instance in instances)


def rescale_of(image: SourceImage) -> Rescale | None:
    """Slope and intercept that hold for all frames; None = none is stated, or the frames differ (`uniform_rescale`)."""
    found = _rescales(image.header)
    if len(found) != 1:
        return None
    slope, intercept, kind = next(iter(found))
    if not kind:
        kind = "HU" if image.header.get("Modality") == "CT" else "US"
    return Rescale(slope, intercept, kind)


def uniform_rescale(image: SourceImage) -> bool:
    """Whether one modality LUT holds for all frames: one presentation state can hold only one."""
    return len(_rescales(image.header)) <= 1


def windows_of(image: SourceImage) -> Window | None:
    """The first window of the image itself, in modality units; None where it states none."""
    holder = image.header if "WindowCenter" in image.header else _group(image.header, "FrameVOILUTSequence")
    if holder is None or not holder.get("WindowCenter") or not holder.get("WindowWidth"):
        return None
    function = str(holder.get("VOILUTFunction", "LINEAR") or "LINEAR")
    kind = VoiFunction(function) if function in set(VoiFunction) else VoiFunction.LINEAR
    return Window(
        float(_first(holder.WindowCenter)),
        float(_first(holder.WindowWidth)),
        kind,
        str(_first(holder.get("WindowCenterWidthExplanation", "")) or ""),
    )


def spacing_of(image: SourceImage) -> tuple[float, float] | None:
    """(row, column) spacing in mm for Presentation Pixel Spacing, from the image, its groups or its detector."""
    measures = _group(image.header, "PixelMeasuresSequence")
    for holder, keyword in (
        (image.header, "PixelSpacing"),
        (measures, "PixelSpacing"),
        (image.header, "ImagerPixelSpacing"),
    ):
        value = holder.get(keyword) if holder is not None else None
        if value and len(value) == 2 and float(value[0]) > 0 and float(value[1]) > 0:
            return float(value[0]), float(value[1])
    return None


def _rescales(header: Dataset) -> set[tuple[float, float, str]]:
    holders = [header] if "RescaleSlope" in header else _groups(header, "PixelValueTransformationSequence")
    return {
        (float(one.RescaleSlope), float(one.get("RescaleIntercept", 0) or 0), str(one.get("RescaleType", "") or ""))
        for one in holders
        if one.get("RescaleSlope") is not None
    }


def _group(header: Dataset, keyword: str) -> Dataset | None:
    found = _groups(header, keyword)
    return found[0] if found else None


def _groups(header: Dataset, keyword: str) -> list[Dataset]:
    """A functional group macro: the shared item, or the item of each frame."""
    found = []
    for place in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for item in header.get(place) or ():
            found += list(item.get(keyword) or ())[:1]
    return found


def _first(value: object) -> str | float:
    if isinstance(value, str | int | float):
        return value
    try:
        return next(iter(value))  # type: ignore[call-overload,no-any-return]
    except StopIteration:
        return ""


def _touch(header: Dataset) -> None:
    """Decode every element now, where errors can be caught."""
    for element in header.iterall():
        str(element.VM)
