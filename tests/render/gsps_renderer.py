"""A small presentation state renderer, independent of the product (reference/report.md §5).

Stored values -> rescale of the state -> VOI LINEAR -> presentation LUT -> rotate clockwise -> flip -> crop to the
displayed area. Graphics are points in the corner coordinates of the cropped picture; nothing is scaled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

Gray = NDArray[np.uint8]
Point = tuple[float, float]


@dataclass(frozen=True)
class Shape:
    """One graphic or text object: `kind` is the graphic type or TEXT; a text has two corners and its anchor."""

    kind: str
    filled: bool
    points: tuple[Point, ...]
    text: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """What a reader sees: `whole` turned but not cropped, `gray` cropped, shapes over `gray`."""

    whole: Gray
    gray: Gray
    shapes: tuple[Shape, ...]
    corners: tuple[tuple[int, int], tuple[int, int]]
    """0-based (column, row) of the image pixels that the state says are top left and bottom right."""


def render(state: Dataset, image: Dataset, stored: NDArray[Any], frame: int = 1) -> Picture:
    """`stored` = stored values of the frame, rows by columns."""
    gray = gray_values(state, image, stored, frame)
    turns, flipped = int(state.get("ImageRotation", 0)) // 90, state.get("ImageHorizontalFlip", "N") == "Y"
    whole = np.rot90(gray, -turns)
    if flipped:
        whole = np.fliplr(whole)
    size = stored.shape[0], stored.shape[1]
    area = _covering(state.DisplayedAreaSelectionSequence, image.SOPInstanceUID, frame)
    first, last = tuple(area.DisplayedAreaTopLeftHandCorner), tuple(area.DisplayedAreaBottomRightHandCorner)
    # A pixel is its middle here; the area goes from the outer edges of the two corner pixels.
    one, two = (_place((x - 0.5, y - 0.5), size, turns, flipped) for x, y in (first, last))
    left, top = min(one[0], two[0]) - 0.5, min(one[1], two[1]) - 0.5
    right, bottom = max(one[0], two[0]) + 0.5, max(one[1], two[1]) + 0.5
    crop = whole[round(top) : round(bottom), round(left) : round(right)]

    def over(points: Iterable[Point]) -> tuple[Point, ...]:
        placed = (_place(point, size, turns, flipped) for point in points)
        return tuple((x - left, y - top) for x, y in placed)

    shapes = []
    for item in state.get("GraphicAnnotationSequence") or ():
        if not _refers(item, image.SOPInstanceUID, frame):
            continue
        for graphic in item.get("GraphicObjectSequence") or ():
            assert graphic.GraphicAnnotationUnits == "PIXEL"
            values = list(graphic.GraphicData)
            points = zip(values[::2], values[1::2], strict=True)
            shapes.append(Shape(graphic.GraphicType, graphic.get("GraphicFilled") == "Y", over(points)))
        for text in item.get("TextObjectSequence") or ():
            corners = [
                text.BoundingBoxTopLeftHandCorner,
                text.BoundingBoxBottomRightHandCorner,
                text.AnchorPoint,
            ]
            shapes.append(Shape("TEXT", False, over(tuple(one) for one in corners), text.UnformattedTextValue))
    zero_based = ((first[0] - 1, first[1] - 1), (last[0] - 1, last[1] - 1))
    return Picture(np.ascontiguousarray(whole), np.ascontiguousarray(crop), tuple(shapes), zero_based)


def gray_values(state: Dataset, image: Dataset, stored: NDArray[Any], frame: int = 1) -> Gray:
    """Display values 0 to 255 before any turning (PS3.3 C.11.1, C.11.2.1.2, PS3.4 N.2)."""
    values = stored.astype(np.float64) * float(state.get("RescaleSlope", 1)) + float(state.get("RescaleIntercept", 0))
    voi = _covering(state.SoftcopyVOILUTSequence, image.SOPInstanceUID, frame)
    center, width = float(voi.WindowCenter), float(voi.WindowWidth)
    linear = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    shown = np.clip(linear, 0, 255)
    if state.PresentationLUTShape == "INVERSE":
        shown = 255 - shown
    return np.floor(shown + 0.5).astype(np.uint8)


def _place(point: Point, size: tuple[int, int], turns: int, flipped: bool) -> Point:
    """Corner coordinates after clockwise rotation, then horizontal flip."""
    rows, columns = size
    x, y = point
    u, v = {0: (x, y), 1: (rows - y, x), 2: (columns - x, rows - y), 3: (y, columns - x)}[turns % 4]
    width = columns if turns % 2 == 0 else rows
    return (width - u, v) if flipped else (u, v)


def _covering(items: Iterable[Dataset], uid: str, frame: int) -> Dataset:
    found = [item for item in items if "ReferencedImageSequence" not in item or _refers(item, uid, frame)]
    assert len(found) == 1, f"{len(found)} items cover the image, exactly one must"
    return found[0]


def _refers(item: Dataset, uid: str, frame: int) -> bool:
    for reference in item.ReferencedImageSequence:
        if reference.ReferencedSOPInstanceUID == uid:
            stated = reference.get("ReferencedFrameNumber")
            if stated is None or frame in ([stated] if isinstance(stated, int) else list(stated)):
                return True
    return False
