"""Linked scrolling by patient position: the slice nearest to a point (issue 2; reference/viewer.md §8.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from viewer.errors import GeometryError
from viewer.geometry.plane import ImagePlane, Vector3, angle_deg, dot, minus

PARALLEL_WITHIN_DEG = 5.0
"""Planes that differ by more are linked to the nearest slice, and labelled so."""


@dataclass(frozen=True, slots=True)
class Nearest:
    """The slice to show: its place in the sequence asked about, how far off, and how its plane lies."""

    index: int
    distance_mm: float
    angle_deg: float
    inside: bool
    """Whether the point falls on the image rather than beside it."""

    @property
    def is_parallel(self) -> bool:
        """Whether the label may leave out "nearest"."""
        return self.angle_deg <= PARALLEL_WITHIN_DEG


def nearest(point_lps_mm: Vector3, normal: Vector3, planes: Sequence[ImagePlane | None]) -> Nearest:
    """Plane whose own slab lies nearest to the point (the patient position of the middle of the active viewport).

    `normal` is the normal of the active viewport's plane. Planes that are None (no geometry) are skipped. Of planes
    at the same distance the one under whose pixels the point falls wins, then the first.

    Raises
    ------
    GeometryError : none of the planes has geometry
    """
    best: tuple[float, bool, int] | None = None
    for index, plane in enumerate(planes):
        if plane is None:
            continue
        distance = abs(dot(minus(point_lps_mm, plane.position_lps_mm), plane.normal))
        column, row, _ = plane.index_from_lps(point_lps_mm)
        key = (round(distance, 6), not plane.contains_index(column, row), index)
        if best is None or key < best:
            best = key
    if best is None:
        raise GeometryError("None of these images has a position in the patient.")
    chosen = planes[best[2]]
    assert chosen is not None
    return Nearest(best[2], best[0], angle_deg(normal, chosen.normal), not best[1])


def by_offset(index: int, offset: int, count: int) -> int:
    """Linking by offset where the frames of reference differ: index + offset, kept inside 0..count-1."""
    return min(max(index + offset, 0), max(count - 1, 0))


def position_ratio(index: int, count: int) -> float:
    """Where an index lies in a stack, 0..1."""
    return 0.0 if count < 2 else index / (count - 1)


def index_at_ratio(ratio: float, count: int) -> int:
    """The index at a place 0..1 of a stack."""
    return 0 if count < 2 or not math.isfinite(ratio) else round(min(max(ratio, 0.0), 1.0) * (count - 1))
