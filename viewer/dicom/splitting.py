"""Which frames of a series may lie in one stack: by geometry always, by meaning only where positions collide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

from viewer.geometry.orientation import plane_name
from viewer.records import InstanceHeader
from viewer.state.image_set import ImageFrame, Issue, IssueKind

SAME_COSINE = 1e-2
"""Direction cosines of one stack differ by less than this (0.6°); scanners round them per slice."""
SAME_SPACING_MM = 1e-3
ONE_IMAGE_EACH = frozenset({"CR", "DX", "MG", "IO", "PX"})
"""Projection radiographs: every image is looked at by itself."""


@dataclass(frozen=True, slots=True)
class Part:
    """Frames that may be stacked, with what sets them apart."""

    frames: list[ImageFrame]
    label: str = ""
    issues: list[Issue] = field(default_factory=list)
    is_unordered: bool = False
    """Positions exist but make no stack (radial slices): order by instance number."""

    @property
    def has_positions(self) -> bool:
        """Whether every frame has position and orientation."""
        headers = (frame.frame_header for frame in self.frames)
        return all(header.position_lps_mm is not None and header.row_cosines is not None for header in headers)


def one_image_each(headers: Sequence[InstanceHeader]) -> tuple[list[Part], list[ImageFrame]]:
    """(parts that stand alone: radiographs, and cine or other multi-frame instances without positions; the rest)."""
    alone: list[Part] = []
    rest: list[ImageFrame] = []
    for header in headers:
        frames = [ImageFrame(header, index) for index in range(header.number_of_frames)]
        has_places = bool(header.frames) and header.frames[0].position_lps_mm is not None
        is_single = header.modality in ONE_IMAGE_EACH or (len(frames) > 1 and not has_places)
        # NM and some XA give one position for all frames: that is no stack either.
        if is_single or (len(frames) > 1 and len({frame.position_lps_mm for frame in header.frames}) == 1):
            alone.append(Part(frames, _own_label(header), is_unordered=True))
        else:
            rest.extend(frames)
    return alone, rest


def _own_label(header: InstanceHeader) -> str:
    words = " ".join(word for word in (header.laterality, header.view_position) if word)
    return words or (f"image {header.instance_number}" if header.instance_number is not None else "")


def split_by_geometry(frames: list[ImageFrame]) -> tuple[list[Part], list[IssueKind]]:
    """Parts of one matrix, frame of reference, orientation and spacing; and what was found to be mixed."""
    if not frames:
        return [], []
    groups: list[list[ImageFrame]] = [frames]
    kinds: list[IssueKind] = []
    groups = _split(groups, kinds, IssueKind.MIXED_MATRIX, _by_matrix)
    groups = _split(groups, kinds, IssueKind.MIXED_FRAME_OF_REFERENCE, _by_frame_of_reference)
    groups = _split(groups, kinds, IssueKind.MIXED_ORIENTATION, _by_orientation)
    groups = _split(groups, kinds, IssueKind.MIXED_SPACING, _by_spacing)
    if IssueKind.MIXED_ORIENTATION in kinds and len(groups) == len(frames) > 3:
        return [Part(frames, is_unordered=True)], kinds  # radial slices: one a plane, better one stack than many
    named = IssueKind.MIXED_ORIENTATION in kinds
    return [Part(group, _plane_label(group[0]) if named else "") for group in groups], kinds


def _split(
    groups: list[list[ImageFrame]],
    kinds: list[IssueKind],
    kind: IssueKind,
    splitter: Callable[[list[ImageFrame]], list[list[ImageFrame]]],
) -> list[list[ImageFrame]]:
    result = [piece for group in groups for piece in splitter(group)]
    if len(result) > len(groups):
        kinds.append(kind)
    return result


def _by_matrix(group: list[ImageFrame]) -> list[list[ImageFrame]]:
    return _by_key(group, _matrix)


def _matrix(frame: ImageFrame) -> Hashable:
    header = frame.header
    return header.rows, header.columns, header.samples_per_pixel > 1 or header.palette is not None


def _by_frame_of_reference(group: list[ImageFrame]) -> list[list[ImageFrame]]:
    return _by_key(group, lambda frame: frame.header.frame_of_reference_uid)


def _by_key(group: list[ImageFrame], key: Callable[[ImageFrame], Hashable]) -> list[list[ImageFrame]]:
    found: dict[Hashable, list[ImageFrame]] = {}
    for frame in group:
        found.setdefault(key(frame), []).append(frame)
    return list(found.values())


def _by_orientation(group: list[ImageFrame]) -> list[list[ImageFrame]]:
    return _by_numbers(group, _cosines, SAME_COSINE)


def _by_spacing(group: list[ImageFrame]) -> list[list[ImageFrame]]:
    return _by_numbers(group, lambda frame: frame.frame_header.pixel_spacing_mm, SAME_SPACING_MM)


def _cosines(frame: ImageFrame) -> tuple[float, ...] | None:
    header = frame.frame_header
    if header.row_cosines is None or header.column_cosines is None:
        return None
    return (*header.row_cosines, *header.column_cosines)


def _by_numbers(
    group: list[ImageFrame], numbers: Callable[[ImageFrame], tuple[float, ...] | None], tolerance: float
) -> list[list[ImageFrame]]:
    """Groups whose numbers agree with the first of the group within a tolerance; absent numbers agree with absent."""
    exact: dict[tuple[float, ...] | None, list[ImageFrame]] = {}
    for frame in group:
        exact.setdefault(numbers(frame), []).append(frame)
    merged: list[tuple[tuple[float, ...] | None, list[ImageFrame]]] = []
    for key, members in exact.items():
        for other, together in merged:
            if key == other or (key and other and max(abs(a - b) for a, b in zip(key, other, strict=True)) < tolerance):
                together.extend(members)
                break
        else:
            merged.append((key, members))
    return [members for _, members in merged]


def _plane_label(frame: ImageFrame) -> str:
    header = frame.frame_header
    if header.row_cosines is None or header.column_cosines is None:
        return ""
    return plane_name(header.row_cosines, header.column_cosines).lower()


@dataclass(frozen=True, slots=True)
class _Meaning:
    """One way to tell frames at the same position apart."""

    value: Callable[[ImageFrame], Hashable]
    label: Callable[[Hashable], str]


_MEANINGS = (
    _Meaning(lambda f: f.frame_header.stack_id, lambda value: f"stack {value}"),
    _Meaning(lambda f: f.frame_header.temporal_position, lambda value: f"time {value:g}"),
    _Meaning(
        lambda f: f.frame_header.b_value if f.frame_header.b_value is not None else f.header.b_value,
        lambda value: f"b {value:g}",
    ),
    _Meaning(lambda f: f.header.echo_number, lambda value: f"echo {value}"),
    _Meaning(lambda f: f.frame_header.echo_time_ms, lambda value: f"TE {value:g}"),
    _Meaning(lambda f: f.frame_header.image_type or f.header.image_type, lambda value: "\\".join(map(str, value))),  # type: ignore[call-overload]
    _Meaning(lambda f: f.header.acquisition_number, lambda value: f"acquisition {value}"),
    _Meaning(lambda f: f.header.convolution_kernel, lambda value: f"kernel {value}"),
    _Meaning(lambda f: f.header.trigger_time_ms, lambda value: f"trigger {value:g} ms"),
    _Meaning(lambda f: f.header.acquisition_time, lambda value: f"at {value}"),
    _Meaning(lambda f: f.header.content_time, lambda value: f"at {value}"),
)


def split_by_meaning(part: Part, depths: list[float] | None, same_position_mm: float) -> list[Part]:
    """Parts in which no two frames lie at the same position, as far as attributes or order can tell them apart."""
    if depths is None or part.is_unordered or len(depths) < 2:
        return [part]
    places = {id(frame): round(depth / same_position_mm / 2) for frame, depth in zip(part.frames, depths, strict=True)}
    return _separated(part, places, _MEANINGS)


def _most(frames: list[ImageFrame], places: dict[int, int]) -> int:
    """How many frames lie at the fullest position."""
    return max(Counter(places[id(frame)] for frame in frames).values())


def _separated(part: Part, places: dict[int, int], meanings: Sequence[_Meaning]) -> list[Part]:
    crowd = _most(part.frames, places)
    if crowd == 1:
        return [part]
    for number, meaning in enumerate(meanings):
        groups = _by_key(part.frames, meaning.value)
        # More groups than frames at one place would be a value that changes from slice to slice, not a time point.
        if not 1 < len(groups) <= 2 * crowd or max(_most(group, places) for group in groups) == crowd:
            continue
        pieces = sorted(groups, key=lambda group: _order(meaning.value(group[0])))
        result = []
        for piece in pieces:
            value = meaning.value(piece[0])
            words = [part.label, meaning.label(value) if value not in (None, "", ()) else ""]
            labelled = replace(part, frames=piece, label=", ".join(word for word in words if word))
            result.extend(_separated(labelled, places, meanings[number + 1 :]))
        return result
    return _by_rank(part, places, crowd)


def _order(value: Hashable) -> tuple[bool, float, str]:
    number = float(value) if isinstance(value, int | float) else 0.0
    return value is not None, number, str(value)


def _by_rank(part: Part, places: dict[int, int], crowd: int) -> list[Part]:
    """The first, second, ... frame at every position, where all positions hold the same number; else the part."""
    counts = Counter(places[id(frame)] for frame in part.frames)
    if set(counts.values()) != {crowd} or len(counts) == 1:
        return [part]
    phases: list[list[ImageFrame]] = [[] for _ in range(crowd)]
    seen: Counter[int] = Counter()
    for frame in sorted(part.frames, key=_by_time):
        place = places[id(frame)]
        phases[seen[place]].append(frame)
        seen[place] += 1
    prefix = f"{part.label}, " if part.label else ""
    return [replace(part, frames=phase, label=f"{prefix}phase {number}") for number, phase in enumerate(phases, 1)]


def _by_time(frame: ImageFrame) -> tuple[float, str, int, int]:
    header = frame.header
    trigger = header.trigger_time_ms if header.trigger_time_ms is not None else 0.0
    return trigger, header.acquisition_time, header.instance_number or 0, frame.frame_index
