"""Statistics in ellipses and rectangles: a pixel belongs when its *center* lies inside (viewer.md §5.4).

Stored values go through the modality LUT only; pixel padding does not count. The standard deviation is that of a
sample (n - 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.errors import MeasureError
from viewer.records import AnnotationKind, InstanceHeader, Point2
from viewer.stored import BoolArray, is_padding, stored_frame, to_modality

Corners = tuple[Point2, Point2]

FLAT_PX = 1e-6
"""An ellipse with a half axis below this has no inside."""


@dataclass(frozen=True, slots=True)
class RegionStatistics:
    """What the pixels of a region say, in modality units. `pixels` counts those that took part."""

    pixels: int
    mean: float
    standard_deviation: float
    minimum: float
    maximum: float


def box_of(corners: Corners) -> tuple[float, float, float, float]:
    """(left, top, right, bottom) in index coordinates of two opposite corners."""
    (x1, y1), (x2, y2) = corners
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def inside_mask(kind: AnnotationKind, corners: Corners, columns: range, rows: range) -> BoolArray:
    """Which pixel centers of a block of the image lie inside the region (on the edge counts), (rows, columns)."""
    left, top, right, bottom = box_of(corners)
    x = np.arange(columns.start, columns.stop, dtype=np.float64)[np.newaxis, :]
    y = np.arange(rows.start, rows.stop, dtype=np.float64)[:, np.newaxis]
    if kind is AnnotationKind.RECTANGLE:
        return np.asarray((x >= left) & (x <= right) & (y >= top) & (y <= bottom))
    half_x, half_y = (right - left) / 2, (bottom - top) / 2
    if min(half_x, half_y) < FLAT_PX:
        return np.zeros((len(rows), len(columns)), dtype=np.bool_)
    across = (x - (left + right) / 2) / half_x
    down = (y - (top + bottom) / 2) / half_y
    return np.asarray(across * across + down * down <= 1.0)


def region_area_px(kind: AnnotationKind, corners: Corners) -> float:
    """Area of the drawn shape in pixels (not the count of pixels)."""
    left, top, right, bottom = box_of(corners)
    area = (right - left) * (bottom - top)
    return area * math.pi / 4 if kind is AnnotationKind.ELLIPSE else area


def region_statistics(
    header: InstanceHeader, frame_index: int, kind: AnnotationKind, corners: Corners
) -> RegionStatistics:
    """Statistics of the pixels of one monochrome frame whose centers lie inside.

    Raises
    ------
    MeasureError : color, or no pixel center inside the region and the image
    DicomReadError : the pixels cannot be had
    """
    if header.samples_per_pixel != 1 or header.palette is not None:
        raise MeasureError("Color images have no values to average.")
    left, top, right, bottom = box_of(corners)
    columns = range(max(0, math.ceil(left)), min(header.columns, math.floor(right) + 1))
    rows = range(max(0, math.ceil(top)), min(header.rows, math.floor(bottom) + 1))
    if not columns or not rows:
        raise MeasureError("No pixel center lies inside this region.")
    block: NDArray[Any] = stored_frame(header, frame_index)[rows.start : rows.stop, columns.start : columns.stop]
    mask = inside_mask(kind, corners, columns, rows)
    padding = is_padding(block, header)
    if padding is not None:
        mask &= ~padding
    values = to_modality(block[mask], header, frame_index)
    if not values.size:
        raise MeasureError("No pixel center lies inside this region.")
    deviation = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return RegionStatistics(int(values.size), float(values.mean()), deviation, float(values.min()), float(values.max()))
