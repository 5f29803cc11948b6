"""Image sets: sort by position along the normal, split what does not stack, say what is odd (viewer.md §4.1-4.3).

Pure and fast enough to be called again on every batch while a series arrives. Never uses Slice Location or Spacing
Between Slices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from viewer.dicom.splitting import Part, one_image_each, split_by_geometry, split_by_meaning
from viewer.errors import GeometryError
from viewer.geometry.plane import Vector3, angle_deg, dot, length, minus, normal_of, unit
from viewer.records import InstanceHeader
from viewer.state.image_set import ImageFrame, ImageSet, Issue, IssueKind, OrderBasis

GAP_FACTOR = 1.5
SAME_POSITION_MM = 1e-2
"""Two frames nearer than this along the normal are at the same position."""
TILT_ABOVE_DEG = 0.5
CROSS_SECTIONAL = frozenset({"CT", "MR", "PT"})

__all__ = ["ImageFrame", "ImageSet", "image_sets"]


def image_sets(headers: Sequence[InstanceHeader]) -> tuple[ImageSet, ...]:
    """Image sets of everything that is an image, by series number, then block. Objects with rows 0 are left out.

    Frames without usable pixels keep their place, so that a viewport can say there what is missing.
    """
    series: dict[tuple[str, str], list[InstanceHeader]] = {}
    for header in headers:
        if header.rows > 0:
            series.setdefault((header.study_instance_uid, header.series_instance_uid), []).append(header)
    groups = sorted(series.values(), key=_series_order)
    return tuple(image_set for group in groups for image_set in _of_series(group))


def _series_order(headers: list[InstanceHeader]) -> tuple[str, float, str]:
    first = headers[0]
    number = first.series_number if first.series_number is not None else float("inf")
    return first.study_instance_uid, number, first.series_instance_uid


def _of_series(headers: list[InstanceHeader]) -> list[ImageSet]:
    unique = {header.sop_instance_uid: header for header in reversed(headers)}
    shared = _series_issues(headers, unique)
    by_number = sorted(unique.values(), key=lambda h: (h.instance_number or 0, h.sop_instance_uid))
    parts, kinds = _parts(by_number)
    shared += [Issue(kind, _MIXED_TEXTS[kind], len(parts)) for kind in kinds]
    first = headers[0]
    return [
        replace(
            _stacked(part),
            study_instance_uid=first.study_instance_uid,
            series_instance_uid=first.series_instance_uid,
            block=block,
            blocks=len(parts),
        )
        for block, part in enumerate(replace(part, issues=[*shared, *part.issues]) for part in parts)
    ]


_MIXED_TEXTS = {
    IssueKind.MIXED_MATRIX: "Images of different sizes in one series are shown as separate stacks.",
    IssueKind.MIXED_SPACING: "Images of different pixel spacing in one series are shown as separate stacks.",
    IssueKind.MIXED_ORIENTATION: "Images of different orientation in one series do not form one stack.",
    IssueKind.MIXED_FRAME_OF_REFERENCE: "Images of different frames of reference are shown as separate stacks.",
}


def _series_issues(headers: list[InstanceHeader], unique: dict[str, InstanceHeader]) -> list[Issue]:
    issues = []
    doubled = len(headers) - len(unique)
    if doubled:
        issues.append(Issue(IssueKind.DUPLICATE_INSTANCE, "The same image came more than once.", doubled))
    patients = {(header.patient.patient_id, header.patient.issuer, header.patient.birth_date) for header in headers}
    if len(patients) > 1:
        text = "The images of this series name different patients."
        issues.append(Issue(IssueKind.MIXED_PATIENT, text, len(patients)))
    return issues


def _parts(headers: list[InstanceHeader]) -> tuple[list[Part], list[IssueKind]]:
    alone, frames = one_image_each(headers)
    parts, kinds = split_by_geometry(frames)
    meant = [piece for part in parts for piece in split_by_meaning(part, _depths(part), SAME_POSITION_MM)]
    return [*meant, *alone], kinds


def _normal(part: Part) -> Vector3 | None:
    """Normal of the first frame; None where any frame lacks a usable position or orientation."""
    frame = part.frames[0].frame_header
    if frame.row_cosines is None or frame.column_cosines is None or not part.has_positions:
        return None
    try:
        return normal_of(frame.row_cosines, frame.column_cosines)
    except GeometryError:
        return None


def _depths(part: Part) -> list[float] | None:
    normal = _normal(part)
    if normal is None:
        return None
    return [dot(frame.frame_header.position_lps_mm or (0.0, 0.0, 0.0), normal) for frame in part.frames]


def _stacked(part: Part) -> ImageSet:
    """One part in order, with its issues."""
    normal, depths = _normal(part), _depths(part)
    issues = [*part.issues, *_unreadable(part.frames)]
    if normal is None or depths is None or part.is_unordered:
        return _without_positions(part, issues)
    order = sorted(range(len(depths)), key=lambda place: (depths[place], *_tie(part.frames[place])))
    frames = tuple(part.frames[place] for place in order)
    sorted_depths = [depths[place] for place in order]
    spacing, found = _spacing([b - a for a, b in pairwise(sorted_depths)])
    tilt = _tilt(frames, normal, sorted_depths)
    return ImageSet(
        study_instance_uid="",
        series_instance_uid="",
        block=0,
        blocks=1,
        frames=frames,
        order_basis=OrderBasis.POSITION,
        issues=(*issues, *found, *tilt),
        normal_lps=normal,
        spacing_mm=spacing,
        label=part.label,
    )


def _tie(frame: ImageFrame) -> tuple[float, int, int]:
    time = frame.frame_header.temporal_position
    return (time if time is not None else 0.0, frame.header.instance_number or 0, frame.frame_index)


def _spacing(steps: list[float]) -> tuple[float | None, list[Issue]]:
    """(median step between different positions, issues)."""
    real = [step for step in steps if step > SAME_POSITION_MM]
    issues = []
    if len(real) < len(steps):
        text = "Several images lie at the same position."
        issues.append(Issue(IssueKind.DUPLICATE_POSITION, text, len(steps) - len(real)))
    if not real:
        return None, issues
    typical = median(real)
    gaps = [step for step in real if step > GAP_FACTOR * typical]
    if gaps:
        missing = sum(max(1, round(step / typical) - 1) for step in gaps)
        text = f"Slices are missing: gaps wider than {GAP_FACTOR:g} times the spacing of {typical:.2f} mm."
        issues.append(Issue(IssueKind.GAP, text, missing))
    return typical, issues


def _tilt(frames: tuple[ImageFrame, ...], normal: Vector3, depths: list[float]) -> list[Issue]:
    first, last = frames[0].frame_header.position_lps_mm, frames[-1].frame_header.position_lps_mm
    if first is None or last is None or depths[-1] - depths[0] <= SAME_POSITION_MM:
        return []
    way = minus(last, first)
    tilt = angle_deg(unit(way), normal) if length(way) > 0 else 0.0
    if tilt <= TILT_ABOVE_DEG:
        return []
    return [Issue(IssueKind.TILT, f"The slices are tilted by {tilt:.1f}° against their stack (gantry tilt).")]


def _unreadable(frames: Sequence[ImageFrame]) -> list[Issue]:
    count = sum(1 for frame in frames if frame.header.pixels is None or frame.frame_header.failure)
    return [Issue(IssueKind.UNREADABLE, f"{count} images cannot be decoded.", count)] if count else []


def _without_positions(part: Part, issues: list[Issue]) -> ImageSet:
    frames: tuple[ImageFrame, ...] = tuple(part.frames)
    basis = OrderBasis.INSTANCE_NUMBER
    order: Callable[[ImageFrame], tuple[float, ...]] = _tie
    if len({frame.header.sop_instance_uid for frame in frames}) == 1 and len(frames) > 1:
        basis = OrderBasis.FRAME_NUMBER
        order = lambda frame: (frame.frame_index,)  # noqa: E731 - one of two keys
    elif len({frame.frame_header.temporal_position for frame in frames}) == len(frames) > 1:
        basis = OrderBasis.TIME
    if frames[0].header.modality in CROSS_SECTIONAL and basis is not OrderBasis.FRAME_NUMBER:
        issues = [*issues, *_missing_geometry(part)]
    return ImageSet(
        study_instance_uid="",
        series_instance_uid="",
        block=0,
        blocks=1,
        frames=tuple(sorted(frames, key=order)),
        order_basis=basis,
        issues=tuple(issues),
        label=part.label,
    )


def _missing_geometry(part: Part) -> list[Issue]:
    if part.is_unordered:
        return []
    if part.has_positions:
        text = "The orientation of these images cannot be trusted; ordered by instance number."
        return [Issue(IssueKind.BAD_GEOMETRY, text, len(part.frames))]
    text = "Position or orientation is missing; ordered by instance number."
    return [Issue(IssueKind.MISSING_ORIENTATION, text, len(part.frames))]
