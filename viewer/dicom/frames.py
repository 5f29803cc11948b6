"""What differs from frame to frame: functional groups of enhanced objects (PS3.3 C.7.6.16), else one set for all."""

from __future__ import annotations

from dataclasses import replace

from viewer.dicom.walk import Elements
from viewer.records import FrameHeader, Vector3, VoiFunction, Window


def vector(numbers: tuple[float, ...]) -> Vector3 | None:
    """Three numbers as a vector, else None."""
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def pair(numbers: tuple[float, ...]) -> tuple[float, float] | None:
    """Two numbers, row first as in Pixel Spacing; else None."""
    return (numbers[0], numbers[1]) if len(numbers) >= 2 else None


def windows_of(elements: Elements) -> tuple[Window, ...]:
    """Usable pairs of Window Center and Window Width with their function and explanation."""
    centers, widths = elements.numbers("WindowCenter"), elements.numbers("WindowWidth")
    explanations = elements.texts("WindowCenterWidthExplanation")
    name = elements.text("VOILUTFunction")
    function = VoiFunction(name) if name in VoiFunction.__members__ else VoiFunction.LINEAR
    windows = []
    for place, (center, width) in enumerate(zip(centers, widths, strict=False)):
        if not width > 0:
            continue
        # LINEAR does not allow widths below 1, but writers of parametric maps use them and mean LINEAR_EXACT.
        kind = VoiFunction.LINEAR_EXACT if function is VoiFunction.LINEAR and width < 1 else function
        explanation = explanations[place] if place < len(explanations) else ""
        windows.append(Window(center, width, kind, explanation))
    return tuple(windows)


def frames_of(elements: Elements, count: int) -> tuple[FrameHeader, ...]:
    """One record for each frame."""
    base = _with_group(_plain(elements), elements.item("SharedFunctionalGroupsSequence"))
    groups = elements.items("PerFrameFunctionalGroupsSequence")
    frames = []
    for index in range(count):
        frame = _with_group(base, groups[index]) if index < len(groups) else base
        frames.append(frame if frame.frame_number == index + 1 else replace(frame, frame_number=index + 1))
    return tuple(frames)


def _plain(elements: Elements) -> FrameHeader:
    orientation = elements.numbers("ImageOrientationPatient")
    slope, intercept = elements.number("RescaleSlope"), elements.number("RescaleIntercept")
    usable = slope is not None and slope != 0
    return FrameHeader(
        frame_number=1,
        position_lps_mm=vector(elements.numbers("ImagePositionPatient")),
        row_cosines=vector(orientation[:3]) if len(orientation) == 6 else None,
        column_cosines=vector(orientation[3:]) if len(orientation) == 6 else None,
        pixel_spacing_mm=pair(elements.numbers("PixelSpacing")),
        rescale_slope=slope if slope is not None and usable else 1.0,
        rescale_intercept=intercept if intercept is not None else 0.0,
        rescale_type=elements.text("RescaleType"),
        windows=windows_of(elements),
        temporal_position=elements.number("TemporalPositionIdentifier"),
        slice_thickness_mm=elements.number("SliceThickness"),
        b_value=elements.number("DiffusionBValue"),
        echo_time_ms=elements.number("EchoTime"),
    )


def _with_group(frame: FrameHeader, group: Elements | None) -> FrameHeader:
    """The frame with what one functional group item says."""
    if group is None:
        return frame
    frame = _placed(frame, group)
    transformation = group.item("PixelValueTransformationSequence")
    if transformation is not None:
        slope, intercept = transformation.number("RescaleSlope"), transformation.number("RescaleIntercept")
        frame = replace(
            frame,
            rescale_slope=slope if slope else 1.0,
            rescale_intercept=intercept or 0.0,
            rescale_type=transformation.text("RescaleType"),
        )
    voi = group.item("FrameVOILUTSequence")
    if voi is not None and (windows := windows_of(voi)):
        frame = replace(frame, windows=windows)
    return _sorted_by(frame, group)


def _placed(frame: FrameHeader, group: Elements) -> FrameHeader:
    position = group.item("PlanePositionSequence")
    if position is not None:
        frame = replace(frame, position_lps_mm=vector(position.numbers("ImagePositionPatient")))
    plane = group.item("PlaneOrientationSequence")
    numbers = plane.numbers("ImageOrientationPatient") if plane is not None else ()
    if len(numbers) == 6:
        frame = replace(frame, row_cosines=vector(numbers[:3]), column_cosines=vector(numbers[3:]))
    measures = group.item("PixelMeasuresSequence")
    if measures is not None:
        frame = replace(
            frame,
            pixel_spacing_mm=pair(measures.numbers("PixelSpacing")),
            slice_thickness_mm=measures.number("SliceThickness"),
        )
    return frame


def _sorted_by(frame: FrameHeader, group: Elements) -> FrameHeader:
    """What image sets are split and ordered by."""
    content = group.item("FrameContentSequence")
    if content is not None:
        time = content.number("TemporalPositionIndex")
        frame = replace(
            frame,
            temporal_position=time if time is not None else frame.temporal_position,
            stack_id=content.text("StackID"),
            ordinal=content.integer("InStackPositionNumber") or 0,
        )
    diffusion, echo = group.item("MRDiffusionSequence"), group.item("MREchoSequence")
    if diffusion is not None:
        frame = replace(frame, b_value=diffusion.number("DiffusionBValue"))
    if echo is not None:
        frame = replace(frame, echo_time_ms=echo.number("EffectiveEchoTime"))
    kind = group.item("MRImageFrameTypeSequence") or group.item("CTImageFrameTypeSequence")
    return replace(frame, image_type=kind.texts("FrameType")) if kind is not None else frame
