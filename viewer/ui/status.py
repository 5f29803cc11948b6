"""What a viewport says about itself: one of the phases, in words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from viewer.state.image_set import ImageSet, IssueKind, OrderBasis
from viewer.ui.shelf import Phase, SeriesOnShelf

Translate = Callable[[str], str]

ORDER_NOTES = {
    OrderBasis.TIME: "Ordered by time",
    OrderBasis.FRAME_NUMBER: "Ordered by frame number",
    OrderBasis.INSTANCE_NUMBER: "Ordered by instance number",
}


@dataclass(frozen=True, slots=True)
class ViewportStatus:
    """`title` and `detail` stand in the middle while there is no image; `badge` above an image."""

    phase: Phase
    title: str = ""
    detail: str = ""
    badge: str = ""

    @property
    def warns(self) -> bool:
        """Whether the badge is more than progress."""
        return self.phase in (Phase.PARTIAL, Phase.DEGRADED, Phase.FAILED)


def empty(why: str, tr: Translate) -> ViewportStatus:
    """Nothing is hung here, and why."""
    return ViewportStatus(Phase.EMPTY, tr("No image"), why)


def of_series(series: SeriesOnShelf, site_name: str, tr: Translate) -> ViewportStatus:
    """The state of a mounted series."""
    phase = series.phase
    count = _count(series, site_name, tr)
    if phase is Phase.FAILED:
        return ViewportStatus(phase, tr("This series could not be loaded"), _reason(series, tr))
    if phase is Phase.LOADING:
        progress = f"{tr('Loading')} {count}"
        return ViewportStatus(phase, tr("Loading"), count, badge=progress)
    if phase is Phase.PARTIAL:
        reason = _reason(series, tr)
        text = " · ".join(part for part in (f"{tr('Incomplete')}: {count}", reason) if part)
        return ViewportStatus(phase, tr("Incomplete"), " · ".join(p for p in (count, reason) if p), badge=text)
    if not series.sets and series.failed_images:
        reason = next(header.failure for header in series.headers.values() if header.failure)
        return ViewportStatus(Phase.FAILED, tr("This series cannot be shown"), tr(reason))
    if not series.images:
        return ViewportStatus(Phase.EMPTY, tr("No image"), tr("This series holds no images"))
    if phase is Phase.DEGRADED:
        one, many = tr("1 image cannot be shown"), tr("{n} images cannot be shown")
        text = one if series.failed_images == 1 else many.format(n=series.failed_images)
        return ViewportStatus(phase, text, "", badge=text)
    return ViewportStatus(phase)


def of_study(
    series: Sequence[SeriesOnShelf], site_name: str, tr: Translate, *, study_failure: str = ""
) -> ViewportStatus:
    """The state of a study that waits for something to hang: still coming, or failed and why."""
    if study_failure:
        return ViewportStatus(Phase.FAILED, tr("The images of this study cannot be shown"), tr(study_failure))
    if any(one.phase is Phase.LOADING for one in series):
        return empty(tr("Waiting for the first image"), tr)
    failed = next((one for one in series if one.phase is Phase.FAILED), None)
    if failed is None:
        failed = next((one for one in series if not one.sets and one.failed_images), None)
    return empty(tr("No images have come yet"), tr) if failed is None else of_series(failed, site_name, tr)


def _reason(series: SeriesOnShelf, tr: Translate) -> str:
    """Why something is missing. A sentence that comes translated, with names filled in, is left by `tr` as it is."""
    reason = series.failure or next(iter(series.missing.values()), "")
    return tr(reason) if reason else ""


def _count(series: SeriesOnShelf, site_name: str, tr: Translate) -> str:
    if series.expected is None:
        return tr("{n} images").format(n=series.received)
    if site_name:
        text = tr("{n} of {all} images from {site}")
        return text.format(n=series.received, all=series.expected, site=site_name)
    return tr("{n} of {all} images").format(n=series.received, all=series.expected)


def oddities(images: ImageSet | None, tr: Translate) -> str:
    """Issues of a stack in one line; empty when all is as it should be. Unreadable images are in the status."""
    issues = () if images is None else images.issues
    return "  ·  ".join(tr(issue.text) for issue in issues if issue.kind is not IssueKind.UNREADABLE)


def order_note(images: ImageSet | None, tr: Translate) -> str:
    """What a stack is ordered by where it is not position (R1)."""
    if images is None or len(images.frames) < 2 or images.order_basis not in ORDER_NOTES:
        return ""
    return tr(ORDER_NOTES[images.order_basis])


def degraded_reason(series: SeriesOnShelf | None) -> str:
    """What a measurement on this series must carry along (plain English), empty when nothing is wrong."""
    if series is None:
        return ""
    if series.phase is Phase.PARTIAL:
        return "incomplete series"
    if series.phase is Phase.DEGRADED:
        return "series with unreadable images"
    return ""
