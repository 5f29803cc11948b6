"""Where a millimeter comes from (PS3.3 10.7; reference/viewer.md §5.1, §5.2). Order is always row, then column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from viewer.errors import GeometryError, MeasureError
from viewer.records import InstanceHeader, Point2, SpacingBasis, UltrasoundRegion
from viewer.state.image_set import frame_header_of, plane_of

PROJECTION_MODALITIES = frozenset({"CR", "DX", "MG", "RF", "XA", "PX", "IO", "DR", "RG", "XC"})
SAME_SPACING = 1e-4
"""Relative difference up to which two spacings are "equal": writers round differently."""

UNIT_CM = 3
"""Physical Units (0018,6024)/(0018,6026): centimeters (PS3.3 C.8.5.5.1.1)."""
SPATIAL_2D = 1
"""Region Spatial Format (0018,6012): 2D tissue or flow."""


@dataclass(frozen=True, slots=True)
class Spacing:
    """Millimeters a pixel (row spacing, column spacing), where they come from, and what to write behind a number.

    Basis NONE: no millimeter can be had; both spacings then give the *shape* of a pixel only (1, 1 when square).
    """

    row_mm: float
    column_mm: float
    basis: SpacingBasis
    unit_text: str
    note: str = ""

    @property
    def is_physical(self) -> bool:
        """Whether these are millimeters of any kind."""
        return self.basis is not SpacingBasis.NONE


def resolve(header: InstanceHeader, frame_index: int) -> Spacing:
    """Spacing that holds for the whole frame. Ultrasound with regions has none such: use `resolve_between`."""
    if header.ultrasound_regions:
        return _none(header, "the calibration holds within one ultrasound region only")
    pixel = _usable(frame_header_of(header, frame_index).pixel_spacing_mm)
    if header.modality in PROJECTION_MODALITIES or header.imager_pixel_spacing_mm is not None:
        found = _projection(header, pixel)
    else:
        found = _cross_section(header, frame_index, pixel)
    if found is not None:
        return found
    nominal = _usable(header.nominal_pixel_spacing_mm)
    if nominal is not None:
        return Spacing(*nominal, SpacingBasis.SCANNED, "mm", "as scanned")
    return _none(header, "the image has no calibration")


def _projection(header: InstanceHeader, pixel: tuple[float, float] | None) -> Spacing | None:
    imager = _usable(header.imager_pixel_spacing_mm)
    nominal = _usable(header.nominal_pixel_spacing_mm)
    base = imager or nominal
    if pixel is not None and (header.pixel_spacing_calibration_type or (base and not _same(pixel, base))):
        kind = header.pixel_spacing_calibration_type.lower()
        return Spacing(*pixel, SpacingBasis.CALIBRATED, "mm", f"calibrated ({kind})" if kind else "calibrated")
    if imager is not None:
        factor = header.magnification_factor
        if factor is not None and factor > 0 and math.isfinite(factor):
            note = f"corrected for magnification ×{factor:g}"
            corrected = (imager[0] / factor, imager[1] / factor)
            return Spacing(*corrected, SpacingBasis.MAGNIFICATION_CORRECTED, "mm", note)
        return Spacing(*imager, SpacingBasis.DETECTOR_PLANE, "mm det", "in the detector plane")
    if nominal is not None:
        return Spacing(*nominal, SpacingBasis.SCANNED, "mm", "as scanned")
    if pixel is not None:
        return Spacing(*pixel, SpacingBasis.UNKNOWN_PROJECTION, "mm?", "origin of the calibration unknown")
    return None


def _cross_section(header: InstanceHeader, frame_index: int, pixel: tuple[float, float] | None) -> Spacing | None:
    if pixel is None:
        return None
    try:
        plane_of(header, frame_index)
    except GeometryError:
        nominal = _usable(header.nominal_pixel_spacing_mm)
        if header.pixel_spacing_calibration_type or (nominal and not _same(pixel, nominal)):
            return Spacing(*pixel, SpacingBasis.CALIBRATED, "mm", "calibrated")
        if nominal is not None:
            return Spacing(*nominal, SpacingBasis.SCANNED, "mm", "as scanned")
        return Spacing(*pixel, SpacingBasis.UNKNOWN_PROJECTION, "mm?", "origin of the calibration unknown")
    return Spacing(*pixel, SpacingBasis.PATIENT, "mm")


def resolve_between(header: InstanceHeader, frame_index: int, points: Sequence[Point2]) -> Spacing:
    """Spacing for a measurement through these index points; ultrasound regions are honored (viewer.md §5.2).

    Raises
    ------
    MeasureError : points in different regions, or in one whose axes are not distances
    """
    if not header.ultrasound_regions:
        return resolve(header, frame_index)
    region = _common_region(header.ultrasound_regions, points)
    if region is None:
        return _none(header, "outside the calibrated ultrasound regions")
    if region.spatial_format != SPATIAL_2D:
        raise MeasureError("This ultrasound region does not show tissue in two dimensions; no distance is measured.")
    if region.units_x != UNIT_CM or region.units_y != UNIT_CM:
        raise MeasureError("The axes of this ultrasound region are not both distances.")
    # The sign tells the direction of the axis (C.8.5.5.1.15); a distance has none.
    row_mm, column_mm = abs(region.delta_y) * 10.0, abs(region.delta_x) * 10.0
    if _usable((row_mm, column_mm)) is None:
        raise MeasureError("The calibration of this ultrasound region is zero.")
    return Spacing(row_mm, column_mm, SpacingBasis.REGION, "mm", "ultrasound region")


def _common_region(regions: Sequence[UltrasoundRegion], points: Sequence[Point2]) -> UltrasoundRegion | None:
    places = [[index for index, region in enumerate(regions) if _inside(region, point)] for point in points]
    if not any(places):
        return None
    common = set(places[0]).intersection(*places[1:])
    if not common:
        raise MeasureError("Both ends must lie in the same ultrasound region.")
    # Where regions overlap the one drawn on top is not known; tissue rules over graphics, then the smallest.
    chosen = min(common, key=lambda index: (regions[index].spatial_format != SPATIAL_2D, _size(regions[index])))
    return regions[chosen]


def _inside(region: UltrasoundRegion, point: Point2) -> bool:
    column, row = point
    inside_columns = region.min_column_px - 0.5 <= column <= region.max_column_px + 0.5
    return inside_columns and region.min_row_px - 0.5 <= row <= region.max_row_px + 0.5


def _size(region: UltrasoundRegion) -> int:
    return (region.max_column_px - region.min_column_px) * (region.max_row_px - region.min_row_px)


def _usable(spacing: tuple[float, float] | None) -> tuple[float, float] | None:
    if spacing is None or not all(math.isfinite(value) and value > 0 for value in spacing):
        return None
    return spacing


def _same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(abs(a - b) <= SAME_SPACING * max(a, b) for a, b in zip(one, other, strict=True))


def _none(header: InstanceHeader, note: str) -> Spacing:
    vertical, horizontal = header.pixel_aspect_ratio or (1, 1)
    if vertical > 0 and horizontal > 0 and vertical != horizontal:
        return Spacing(vertical / horizontal, 1.0, SpacingBasis.NONE, "px", f"{note}; pixels are not square")
    return Spacing(1.0, 1.0, SpacingBasis.NONE, "px", note)
