"""Index, corner and displayed-area coordinates (PS3.3 C.10.5, C.10.4, C.18.6; reference/report.md §5).

| space | first pixel's center |
|---|---|
| index (numpy, ours) | 0, 0 |
| corner (GSPS PIXEL, SR SCOORD) | 0.5, 0.5 |
| displayed-area corners | 1, 1 |
"""

from __future__ import annotations

import math

Point2 = tuple[float, float]
Area = tuple[float, float, float, float]
"""(left, top, right, bottom) in corner coordinates."""


def from_index(point: Point2) -> Point2:
    """Corner coordinates of an index point: + ½."""
    return point[0] + 0.5, point[1] + 0.5


def to_index(point: Point2) -> Point2:
    """Index of a point in corner coordinates: - ½."""
    return point[0] - 0.5, point[1] - 0.5


def full_area(rows: int, columns: int) -> Area:
    """The whole image."""
    return 0.0, 0.0, float(columns), float(rows)


def displayed_area_corners(area: Area, rotation_deg: int, flipped: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """1-based (column, row) of the pixels that land top-left and bottom-right *after* rotation, then flip.

    Pixels that are only partly in `area` count as displayed. `rotation_deg` is a multiple of 90, clockwise.
    """
    c1, r1 = math.floor(area[0]) + 1, math.floor(area[1]) + 1
    c2, r2 = max(c1, math.ceil(area[2])), max(r1, math.ceil(area[3]))
    # Corners of the unrotated image, clockwise from the top left; a clockwise turn by 90° brings the one before on top.
    ring = [(c1, r1), (c2, r1), (c2, r2), (c1, r2)]
    turns = (rotation_deg // 90) % 4
    top_left, top_right, bottom_right, bottom_left = (ring[(place - turns) % 4] for place in range(4))
    return (top_right, bottom_left) if flipped else (top_left, bottom_right)


def turned(point: Point2, size: tuple[int, int], rotation_deg: int, flipped: bool) -> Point2:
    """Corner point of an image of `size` (rows, columns) after clockwise rotation, then horizontal flip."""
    rows, columns = size
    x, y = point
    turns = (rotation_deg // 90) % 4
    u, v = ((x, y), (rows - y, x), (columns - x, rows - y), (y, columns - x))[turns]
    width = columns if turns % 2 == 0 else rows
    return (width - u, v) if flipped else (u, v)
