"""The numbers of one annotation, each with its unit and where that comes from."""

from __future__ import annotations

import math
from dataclasses import replace

from viewer.errors import MeasureError, ViewerError
from viewer.measure.regions import Corners, region_area_px, region_statistics
from viewer.measure.spacing import Spacing, resolve, resolve_between
from viewer.measure.units import value_unit
from viewer.records import Annotation, AnnotationKind, InstanceHeader, MeasuredValue, Point2

UCUM_MM, UCUM_MM2, UCUM_PIXELS = "mm", "mm2", "{pixels}"
REGION_KINDS = (AnnotationKind.ELLIPSE, AnnotationKind.RECTANGLE)


def measure(annotation: Annotation, header: InstanceHeader, frame_index: int) -> tuple[MeasuredValue, ...]:
    """Values of an annotation on one frame: length; or mean, standard_deviation, minimum, maximum, area; none for
    an arrow. A region on a color image has its area only. Points are index coordinates.

    Raises
    ------
    MeasureError : the measurement would mean nothing here (reason in the error), or the annotation is not of this frame
    DicomReadError : the pixels cannot be had
    """
    if (annotation.frame.sop_instance_uid, annotation.frame.frame_number) != (
        header.sop_instance_uid,
        frame_index + 1,
    ):
        raise MeasureError("The annotation belongs to another image.")
    if annotation.kind is AnnotationKind.LENGTH:
        return (_length(header, frame_index, annotation.points[0], annotation.points[1]),)
    if annotation.kind in REGION_KINDS:
        return _region(annotation, header, frame_index)
    return ()


def measured(annotation: Annotation, header: InstanceHeader, frame_index: int) -> Annotation:
    """The annotation with fresh values; where measuring is refused, without values and with the reason as `degraded`
    when nothing else is wrong with it."""
    try:
        return replace(annotation, values=measure(annotation, header, frame_index))
    except ViewerError as error:
        return replace(annotation, values=(), degraded=annotation.degraded or error.reason)


def distance(spacing: Spacing, one: Point2, other: Point2) -> float:
    """Distance of two index points: mm, or column widths where there is no millimeter."""
    return math.hypot((other[0] - one[0]) * spacing.column_mm, (other[1] - one[1]) * spacing.row_mm)


def _length(header: InstanceHeader, frame_index: int, one: Point2, other: Point2) -> MeasuredValue:
    spacing = resolve_between(header, frame_index, (one, other))
    unit = UCUM_MM if spacing.is_physical else UCUM_PIXELS
    value = distance(spacing, one, other)
    return MeasuredValue("length", value, unit, spacing.unit_text, spacing.basis, spacing.note)


def _region(annotation: Annotation, header: InstanceHeader, frame_index: int) -> tuple[MeasuredValue, ...]:
    corners: Corners = (annotation.points[0], annotation.points[1])
    area = _area(annotation.kind, header, frame_index, corners)
    if header.samples_per_pixel != 1 or header.palette is not None:
        return (area,)
    found = region_statistics(header, frame_index, annotation.kind, corners)
    unit, text = value_unit(header, frame_index)
    note = f"{found.pixels} pixels"
    return (
        MeasuredValue("mean", found.mean, unit, text, note=note),
        MeasuredValue("standard_deviation", found.standard_deviation, unit, text, note=note),
        MeasuredValue("minimum", found.minimum, unit, text, note=note),
        MeasuredValue("maximum", found.maximum, unit, text, note=note),
        area,
    )


def _area(kind: AnnotationKind, header: InstanceHeader, frame_index: int, corners: Corners) -> MeasuredValue:
    spacing = (
        resolve_between(header, frame_index, corners) if header.ultrasound_regions else resolve(header, frame_index)
    )
    pixels = region_area_px(kind, corners)
    if not spacing.is_physical:
        return MeasuredValue("area", pixels, UCUM_PIXELS, "px", spacing.basis, spacing.note)
    value = pixels * spacing.row_mm * spacing.column_mm
    text = spacing.unit_text.replace("mm", "mm²", 1)
    return MeasuredValue("area", value, UCUM_MM2, text, spacing.basis, spacing.note)
