"""The default pair: the main image set of the current study and its best counterpart in the prior.

Scores are sums of named weights, so that every choice can say why (viewer.md §8.1: why this hangs here, and what was
not hung).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from viewer.geometry.orientation import plane_name
from viewer.state.image_set import ImageSet

_SIDE_SHOWS = re.compile(
    r"scout|topogram|localiz|locali[sz]er|surview|pilot|dose|protocol|screen ?save|bolus|smart ?prep", re.I
)
_NOT_MAIN_MODALITIES = frozenset({"SC", "OT", "PR", "KO", "SR", "DOC"})
_WORD = re.compile(r"[^\W_]+")

SAME_MODALITY = 40.0
SAME_PLANE = 30.0
SAME_VIEW = 25.0
SAME_BODY_PART = 15.0
ALIKE_DESCRIPTION = 20.0
SAME_KERNEL = 10.0
ALIKE_COUNT = 10.0
SIDE_SHOW = -100.0


@dataclass(frozen=True, slots=True)
class Choice:
    """One image set and why it was chosen, as short English phrases, the weightiest first."""

    image_set: ImageSet
    reasons: tuple[str, ...]

    @property
    def explanation(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.reasons)


@dataclass(frozen=True, slots=True)
class Hanging:
    """The default pair; None where a study has nothing to hang. `not_hung_*`: image sets left on the shelf."""

    current: Choice | None
    prior: Choice | None
    not_hung_current: int = 0
    not_hung_prior: int = 0


def hang(current: Sequence[ImageSet], prior: Sequence[ImageSet] = ()) -> Hanging:
    """Main image set of the current study, and of the prior the one most like it."""
    main = main_image_set(current)
    counterpart = None if main is None else matching_image_set(main.image_set, prior)
    if counterpart is None:
        counterpart = main_image_set(prior)
    return Hanging(
        current=main,
        prior=counterpart,
        not_hung_current=len(current) - (main is not None),
        not_hung_prior=len(prior) - (counterpart is not None),
    )


def main_image_set(image_sets: Sequence[ImageSet]) -> Choice | None:
    """The image set with most frames that is neither a localizer nor a report; axial and earlier series win ties."""
    if not image_sets:
        return None
    chosen = max(range(len(image_sets)), key=lambda place: (*_main_rank(image_sets[place]), -place))
    image_set = image_sets[chosen]
    reasons = [f"most images ({len(image_set.frames)})" if len(image_sets) > 1 else "the only image set"]
    plane = plane_of_set(image_set)
    if plane:
        reasons.append(plane.lower())
    return Choice(image_set, tuple(reasons))


def _main_rank(image_set: ImageSet) -> tuple[bool, bool, int, bool]:
    header = image_set.header
    is_main = header.modality not in _NOT_MAIN_MODALITIES
    return not is_side_show(image_set), is_main, len(image_set.frames), plane_of_set(image_set) == "AXIAL"


def matching_image_set(like: ImageSet, image_sets: Sequence[ImageSet]) -> Choice | None:
    """The image set most like `like`; None where there is none at all."""
    if not image_sets:
        return None
    scored = [(_likeness(like, image_set), -place) for place, image_set in enumerate(image_sets)]
    (score, reasons), place = max(scored, key=lambda item: (item[0][0], item[1]))
    if score <= 0:
        reasons = ("nothing alike was found",)
    return Choice(image_sets[-place], reasons)


def _likeness(like: ImageSet, other: ImageSet) -> tuple[float, tuple[str, ...]]:
    """(score, reasons, the weightiest first)."""
    one, two = like.header, other.header
    words = description_likeness(_description(like), _description(other))
    few, many = sorted((len(like.frames), len(other.frames)))
    weighed = [
        (SAME_MODALITY * (one.modality == two.modality), f"same modality {two.modality}"),
        (SAME_PLANE * (bool(plane_of_set(like)) and plane_of_set(like) == plane_of_set(other)), "same orientation"),
        (SAME_VIEW * (bool(_view(like)) and _view(like) == _view(other)), "same view"),
        (SAME_BODY_PART * _same(one.body_part, two.body_part), "same body part"),
        (ALIKE_DESCRIPTION * words, f"description {words:.0%} alike"),
        (SAME_KERNEL * _same(one.convolution_kernel, two.convolution_kernel), "same kernel"),
        (ALIKE_COUNT * few / many, f"{len(other.frames)} images"),
    ]
    score = sum(weight for weight, _ in weighed)
    if is_side_show(other) != is_side_show(like):
        score += SIDE_SHOW
    weighed.sort(key=lambda item: -item[0])
    return score, tuple(reason for weight, reason in weighed if weight > 0)


def _same(one: str, other: str) -> bool:
    return bool(one) and one.strip().lower() == other.strip().lower()


def _view(image_set: ImageSet) -> tuple[str, str] | None:
    header = image_set.header
    return (header.laterality, header.view_position) if header.laterality or header.view_position else None


def _description(image_set: ImageSet) -> str:
    header = image_set.header
    return f"{header.series_description} {header.protocol_name} {image_set.label}"


def description_likeness(one: str, other: str) -> float:
    """Shared words over all words, 0..1; numbers count as words, letter case and order do not."""
    left = {word.lower() for word in _WORD.findall(one)}
    right = {word.lower() for word in _WORD.findall(other)}
    return len(left & right) / len(left | right) if left and right else 0.0


def is_side_show(image_set: ImageSet) -> bool:
    """A localizer, dose sheet or the like."""
    header = image_set.header
    is_localizer = any("LOCALIZER" in value.upper() for value in header.image_type)
    return is_localizer or bool(_SIDE_SHOWS.search(header.series_description))


def plane_of_set(image_set: ImageSet) -> str:
    """AXIAL, CORONAL, SAGITTAL or OBLIQUE; "" without orientation."""
    frame = image_set.frames[0].frame_header
    if frame.row_cosines is None or frame.column_cosines is None:
        return ""
    return plane_name(frame.row_cosines, frame.column_cosines)
