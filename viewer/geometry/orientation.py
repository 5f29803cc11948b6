"""Orientation letters of the displayed image (PS3.3 C.7.6.1.1.1), from the displayed transform, never stored."""

from __future__ import annotations

from dataclasses import dataclass

from viewer.geometry.plane import Vector3, angle_deg, cross, unit

SECOND_LETTER = 0.2
"""A direction cosine above this (about 12°) is named with a letter of its own."""

_NAMES = (("R", "L"), ("A", "P"), ("F", "H"))
_OPPOSITE = str.maketrans("RLAPFH", "LRPAHF")


@dataclass(frozen=True, slots=True)
class EdgeLetters:
    """What to write at each edge of the displayed image."""

    left: str
    right: str
    top: str
    bottom: str


def direction_letters(direction: Vector3) -> str:
    """Letters of a patient direction, the strongest first: "L", "AH", "PLF"."""
    x = unit(direction)
    axes = sorted(range(3), key=lambda axis: -abs(x[axis]))
    return "".join(_NAMES[axis][x[axis] > 0] for axis in axes if abs(x[axis]) > SECOND_LETTER)


def opposite(letters: str) -> str:
    """The opposite direction of a string of letters."""
    return letters.translate(_OPPOSITE)


def edge_letters(row_letters: str, column_letters: str, rotation_deg: int, flipped: bool) -> EdgeLetters:
    """Edges after rotation and flip, from Patient Orientation (letters along the rows, letters down the columns)."""
    ring = [opposite(column_letters), row_letters, column_letters, opposite(row_letters)]  # top, right, bottom, left
    turns = (rotation_deg // 90) % 4
    top, right, bottom, left = (ring[(edge - turns) % 4] for edge in range(4))
    return EdgeLetters(right, left, top, bottom) if flipped else EdgeLetters(left, right, top, bottom)


def letters(row_cosines: Vector3, column_cosines: Vector3, rotation_deg: int, flipped: bool) -> EdgeLetters:
    """Edges of an image with these direction cosines after clockwise rotation, then horizontal flip."""
    return edge_letters(direction_letters(row_cosines), direction_letters(column_cosines), rotation_deg, flipped)


AXIAL, CORONAL, SAGITTAL, OBLIQUE = "AXIAL", "CORONAL", "SAGITTAL", "OBLIQUE"
_AXES: tuple[tuple[str, Vector3], ...] = ((SAGITTAL, (1, 0, 0)), (CORONAL, (0, 1, 0)), (AXIAL, (0, 0, 1)))
OBLIQUE_ABOVE_DEG = 40.0
"""A plane is named after the body axis nearest to its normal; a normal further off than this gets no name."""


def plane_name(row_cosines: Vector3, column_cosines: Vector3) -> str:
    """AXIAL, CORONAL, SAGITTAL or OBLIQUE."""
    normal = cross(row_cosines, column_cosines)
    name, axis = min(_AXES, key=lambda item: angle_deg(normal, item[1]))
    return name if angle_deg(normal, axis) <= OBLIQUE_ABOVE_DEG else OBLIQUE
