"""Linked scrolling: by patient position where the frame of reference is shared, by offset otherwise. Pure.

An offset is kept in millimeters along the patient where planes are parallel: counted in images, two series of different
slice distance would drift apart.

Offsets are kept as *anchors*: the place of each viewport when the link began or its series was mounted. A partner that
meets the end of its stack thus comes back in step.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from viewer.errors import GeometryError
from viewer.geometry.link import PARALLEL_WITHIN_DEG, by_offset
from viewer.geometry.plane import angle_deg, dot, minus
from viewer.ui.viewport_model import ViewportModel


class LinkBasis(StrEnum):
    """What a partner follows by; shown on it."""

    POSITION = "linked by position"
    NEAREST = "linked by position, nearest"
    MILLIMETERS = "linked by offset, in mm"
    OFFSET = "linked by offset"


@dataclass(frozen=True, slots=True)
class Follow:
    """Where a partner goes, by what, and by how many images it is off (offset only)."""

    index: int
    basis: LinkBasis
    offset: int = 0


@dataclass(slots=True)
class Link:
    """Whether scrolling is linked, and from where."""

    on: bool = True
    anchors: dict[int, int] = field(default_factory=dict)

    def anchor(self, indexes: dict[int, int]) -> None:
        """Link from here: viewport number -> its present place."""
        self.anchors = dict(indexes)

    def follow(self, leader: int, model: ViewportModel, follower: int, other: ViewportModel) -> Follow | None:
        """Where `other` goes when `model` leads; None where a link would mean nothing."""
        if not self.on or model.state.count < 2 or other.state.count < 2:
            return None
        by_position = _by_position(model, other)
        if by_position is not None:
            return by_position
        start, place = self.anchors.get(leader, model.state.index), self.anchors.get(follower, other.state.index)
        by_distance = _by_distance(model, start, other, place)
        if by_distance is not None:
            return by_distance
        offset = place - start
        return Follow(by_offset(model.state.index, offset, other.state.count), LinkBasis.OFFSET, offset)


def shares_frame_of_reference(model: ViewportModel, other: ViewportModel) -> bool:
    """Whether patient positions of both mean the same (PS3.3 C.7.4.1)."""
    one, two = model.frame, other.frame
    if one is None or two is None:
        return False
    uid = one.header.frame_of_reference_uid
    return bool(uid) and uid == two.header.frame_of_reference_uid


def _by_distance(model: ViewportModel, start: int, other: ViewportModel, place: int) -> Follow | None:
    """As far along the patient as the leader has moved from `start`; None without parallel planes."""
    now, before, there = model.plane, model.plane_at(start), other.plane_at(place)
    if now is None or before is None or there is None:
        return None
    if angle_deg(before.normal, there.normal) > PARALLEL_WITHIN_DEG:
        return None
    moved_mm = dot(minus(now.position_lps_mm, before.position_lps_mm), before.normal)
    x, y, z = there.center_lps_mm
    along = before.normal
    target = (x + moved_mm * along[0], y + moved_mm * along[1], z + moved_mm * along[2])
    try:
        found = other.nearest_to(target, there.normal)
    except GeometryError:
        return None
    return Follow(found.index, LinkBasis.MILLIMETERS)


def _by_position(model: ViewportModel, other: ViewportModel) -> Follow | None:
    plane = model.plane
    if plane is None or not shares_frame_of_reference(model, other):
        return None
    try:
        found = other.nearest_to(plane.lps_from_index(*model.middle), plane.normal)
    except GeometryError:
        return None
    return Follow(found.index, LinkBasis.POSITION if found.is_parallel else LinkBasis.NEAREST)
