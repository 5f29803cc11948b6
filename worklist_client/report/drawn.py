"""Annotations as graphic and text objects of a presentation state (PS3.3 C.10.5). Corner coordinates: + ½."""

from __future__ import annotations

import math

from pydicom.dataset import Dataset

from viewer.geometry.corner import from_index, turned
from viewer.records import Annotation, AnnotationKind, Point2
from worklist_client.report.text import paragraph
from worklist_client.report.uids import uid_from
from worklist_client.report.words import measurement_text

LAYER = "ANNOTATIONS"
HEAD_LENGTH_PX = 12.0
HEAD_HALF_WIDTH_PX = 4.0
TEXT_LIMIT = 1024


def tracking_uid(annotation: Annotation) -> str:
    """The UID that ties a drawn object to its number in the SR: the annotation's own, or one made of its identity."""
    return annotation.tracking_uid or uid_from(f"{annotation.study_instance_uid}|{annotation.annotation_id}")


def tracking_id(annotation: Annotation) -> str:
    """Tracking ID: the annotation's identity inside this report."""
    return annotation.annotation_id[:64]


def outline(annotation: Annotation) -> tuple[str, list[Point2]]:
    """(graphic type, corner points) of a measured shape, the same in GSPS and SCOORD.

    LENGTH = POLYLINE of two points, RECTANGLE = closed POLYLINE of five, ELLIPSE = ends of the longer axis, then of
    the shorter, ARROW = its tip as POINT.
    """
    first, second = from_index(annotation.points[0]), from_index(annotation.points[1])
    if annotation.kind is AnnotationKind.LENGTH:
        return "POLYLINE", [first, second]
    if annotation.kind is AnnotationKind.ARROW:
        return "POINT", [first]
    left, right = sorted((first[0], second[0]))
    top, bottom = sorted((first[1], second[1]))
    if annotation.kind is AnnotationKind.RECTANGLE:
        return "POLYLINE", [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    middle_x, middle_y = (left + right) / 2, (top + bottom) / 2
    across, down = [(left, middle_y), (right, middle_y)], [(middle_x, top), (middle_x, bottom)]
    return "ELLIPSE", across + down if right - left >= bottom - top else down + across


def graphic_objects(annotation: Annotation) -> list[Dataset]:
    """Graphic Object Sequence items: one outline, or for an arrow its shaft and its filled head."""
    if annotation.kind is not AnnotationKind.ARROW:
        kind, points = outline(annotation)
        return [_graphic(annotation, kind, points, filled=False)]
    tip, tail = from_index(annotation.points[0]), from_index(annotation.points[1])
    shaft, head = _arrow(tip, tail)
    return [
        _graphic(annotation, "POLYLINE", shaft, filled=False),
        _graphic(annotation, "POLYLINE", head, filled=True),
    ]


def text_object(annotation: Annotation, size: tuple[int, int], turn: tuple[int, bool], language: str) -> Dataset | None:
    """Text Object Sequence item beside the shape, or None where there is nothing to say.

    Text stays upright while the image turns (PS3.3 C.10.5), so the box is laid out as displayed and its corners are
    taken back into the image. `size` = (rows, columns); `turn` = (rotation in degrees, flipped).
    """
    words = measurement_text(annotation, language).replace(", ", "\n")
    if not words:
        return None
    words = paragraph(words)[:TEXT_LIMIT].rstrip()
    anchor = from_index(annotation.points[1])
    item = Dataset()
    item.BoundingBoxAnnotationUnits = "PIXEL"
    item.AnchorPointAnnotationUnits = "PIXEL"
    item.UnformattedTextValue = words
    top_left, bottom_right = _box(words, anchor, size, turn)
    item.BoundingBoxTopLeftHandCorner = list(top_left)
    item.BoundingBoxBottomRightHandCorner = list(bottom_right)
    item.BoundingBoxTextHorizontalJustification = "LEFT"
    item.AnchorPoint = list(anchor)
    item.AnchorPointVisibility = "N"
    item.TrackingID = tracking_id(annotation)
    item.TrackingUID = tracking_uid(annotation)
    return item


def _graphic(annotation: Annotation, kind: str, points: list[Point2], *, filled: bool) -> Dataset:
    item = Dataset()
    item.GraphicAnnotationUnits = "PIXEL"
    item.GraphicDimensions = 2
    item.NumberOfGraphicPoints = len(points)
    item.GraphicData = [value for point in points for value in point]
    item.GraphicType = kind
    if kind == "ELLIPSE" or (kind != "POINT" and points[0] == points[-1]):
        item.GraphicFilled = "Y" if filled else "N"
    item.TrackingID = tracking_id(annotation)
    item.TrackingUID = tracking_uid(annotation)
    return item


def _arrow(tip: Point2, tail: Point2) -> tuple[list[Point2], list[Point2]]:
    """Shaft and closed head. A head longer than the arrow is shortened to it."""
    length = math.hypot(tail[0] - tip[0], tail[1] - tip[1])
    unit = ((tail[0] - tip[0]) / length, (tail[1] - tip[1]) / length) if length else (0.0, 1.0)
    reach = min(HEAD_LENGTH_PX, length) or HEAD_LENGTH_PX
    half = HEAD_HALF_WIDTH_PX * reach / HEAD_LENGTH_PX
    base = (tip[0] + unit[0] * reach, tip[1] + unit[1] * reach)
    left = (base[0] - unit[1] * half, base[1] + unit[0] * half)
    right = (base[0] + unit[1] * half, base[1] - unit[0] * half)
    return [base, tail] if length > reach else [tip, tail], [tip, left, right, tip]


def _box(words: str, anchor: Point2, size: tuple[int, int], turn: tuple[int, bool]) -> tuple[Point2, Point2]:
    """Image corners that land top-left and bottom-right of the text as displayed, right below the anchor, inside."""
    rotation_deg, flipped = turn
    shown = (size[1], size[0]) if rotation_deg % 180 else size
    lines = words.split("\r\n")
    line_px = max(8.0, shown[0] / 32)
    width = min(float(shown[1]), max(len(line) for line in lines) * line_px * 0.6)
    height = min(float(shown[0]), len(lines) * line_px)
    x, y = turned(anchor, size, rotation_deg, flipped)
    left = min(max(0.0, x + line_px / 2), shown[1] - width)
    top = min(max(0.0, y + line_px / 2), shown[0] - height)
    back = [_unturned(point, shown, turn) for point in ((left, top), (left + width, top + height))]
    return back[0], back[1]


def _unturned(point: Point2, shown: tuple[int, int], turn: tuple[int, bool]) -> Point2:
    """Image corner point of a displayed one; `shown` = (rows, columns) as displayed."""
    rotation_deg, flipped = turn
    unflipped = (shown[1] - point[0], point[1]) if flipped else point
    return turned(unflipped, shown, -rotation_deg, False)
