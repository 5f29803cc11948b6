"""Image planes in patient coordinates (PS3.3 C.7.6.2.1.1). Vectors are (x, y, z) in LPS mm.

Order of spacings is stated once, here: `row_spacing_mm` is the distance between the centers of adjacent *rows*
(vertical), the first value of Pixel Spacing; `column_spacing_mm` the distance between adjacent columns, the second.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from viewer.errors import GeometryError

Vector3 = tuple[float, float, float]

ORTHONORMAL_TOLERANCE = 1e-2
"""Largest |length - 1| and |dot product| accepted of direction cosines; writers round to as few as 3 digits."""


def dot(a: Vector3, b: Vector3) -> float:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector3, b: Vector3) -> Vector3:
    """Vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def minus(a: Vector3, b: Vector3) -> Vector3:
    """a - b."""
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def length(a: Vector3) -> float:
    """Euclidean length."""
    return math.sqrt(dot(a, a))


def unit(a: Vector3) -> Vector3:
    """The vector of length 1 in the same direction; GeometryError for a null vector."""
    size = length(a)
    if not size > 0 or not math.isfinite(size):
        raise GeometryError("A direction of the image is a null vector.")
    return (a[0] / size, a[1] / size, a[2] / size)


def normal_of(row_cosines: Vector3, column_cosines: Vector3) -> Vector3:
    """Unit normal of a plane: row direction × column direction.

    Raises
    ------
    GeometryError : cosines not orthonormal within ORTHONORMAL_TOLERANCE
    """
    for cosines in (row_cosines, column_cosines):
        if not abs(length(cosines) - 1.0) <= ORTHONORMAL_TOLERANCE:
            raise GeometryError("Image Orientation (Patient) is not made of unit vectors.")
    if not abs(dot(row_cosines, column_cosines)) <= ORTHONORMAL_TOLERANCE:
        raise GeometryError("The rows and columns of Image Orientation (Patient) are not perpendicular.")
    return unit(cross(row_cosines, column_cosines))


def angle_deg(normal_a: Vector3, normal_b: Vector3) -> float:
    """Angle between two planes, 0..90 degrees; the side a normal points to does not matter."""
    sine = length(cross(normal_a, normal_b))
    return math.degrees(math.atan2(sine, abs(dot(normal_a, normal_b))))


@dataclass(frozen=True, slots=True)
class ImagePlane:
    """One frame in space. Make it with `plane_from_attributes`, which checks."""

    position_lps_mm: Vector3
    """Center of the first pixel."""
    row_cosines: Vector3
    """Direction in which the column index grows (along a row)."""
    column_cosines: Vector3
    """Direction in which the row index grows (down a column)."""
    row_spacing_mm: float
    column_spacing_mm: float
    rows: int
    columns: int

    @property
    def normal(self) -> Vector3:
        """Unit normal, row × column direction."""
        return unit(cross(self.row_cosines, self.column_cosines))

    @property
    def depth_mm(self) -> float:
        """Position along the own normal."""
        return dot(self.position_lps_mm, self.normal)

    def lps_from_index(self, column: float, row: float) -> Vector3:
        """Patient position of index (column, row); pixel centers at whole numbers."""
        x = column * self.column_spacing_mm
        y = row * self.row_spacing_mm
        p, r, c = self.position_lps_mm, self.row_cosines, self.column_cosines
        return (p[0] + x * r[0] + y * c[0], p[1] + x * r[1] + y * c[1], p[2] + x * r[2] + y * c[2])

    def index_from_lps(self, point_lps_mm: Vector3) -> tuple[float, float, float]:
        """(column, row, distance in mm along the normal) of a patient position, projected onto the plane."""
        offset = minus(point_lps_mm, self.position_lps_mm)
        column = dot(offset, self.row_cosines) / self.column_spacing_mm
        row = dot(offset, self.column_cosines) / self.row_spacing_mm
        return column, row, dot(offset, self.normal)

    def contains_index(self, column: float, row: float) -> bool:
        """Whether the index lies on a pixel of the frame."""
        return -0.5 <= column <= self.columns - 0.5 and -0.5 <= row <= self.rows - 0.5

    @property
    def center_lps_mm(self) -> Vector3:
        """Patient position of the middle of the frame."""
        return self.lps_from_index((self.columns - 1) / 2, (self.rows - 1) / 2)


def plane_from_attributes(
    position_lps_mm: Vector3,
    row_cosines: Vector3,
    column_cosines: Vector3,
    pixel_spacing_mm: tuple[float, float],
    size: tuple[int, int],
) -> ImagePlane:
    """Plane from Image Position, Image Orientation, Pixel Spacing (row, column) and (rows, columns).

    Raises
    ------
    GeometryError : cosines not orthonormal, spacing not positive, or a number not finite
    """
    normal_of(row_cosines, column_cosines)
    if not all(math.isfinite(value) for value in position_lps_mm):
        raise GeometryError("Image Position (Patient) is not a number.")
    row_mm, column_mm = pixel_spacing_mm
    if not (row_mm > 0 and column_mm > 0 and math.isfinite(row_mm) and math.isfinite(column_mm)):
        raise GeometryError("Pixel Spacing is not positive.")
    return ImagePlane(
        position_lps_mm, unit(row_cosines), unit(column_cosines), row_mm, column_mm, rows=size[0], columns=size[1]
    )
