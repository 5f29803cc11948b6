"""The default pair of image sets, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from viewer.hanging.default import description_likeness, hang, main_image_set, matching_image_set
from viewer.records import FrameHeader, InstanceHeader
from viewer.state.image_set import ImageFrame, ImageSet, OrderBasis

HeaderMaker = Callable[..., InstanceHeader]
Maker = Callable[..., ImageSet]
COSINES = {
    "axial": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "coronal": ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    "": (None, None),
}


@pytest.fixture
def series(make_header: HeaderMaker) -> Maker:
    """`series(description, count, plane, **fields)`: an image set."""
    base = make_header()

    def make(description: str = "", count: int = 1, plane: str = "axial", **fields: Any) -> ImageSet:
        row, column = COSINES[plane]
        frame = FrameHeader(1, row_cosines=row, column_cosines=column)
        header = replace(base, series_description=description, frames=(frame,), **fields)
        frames = tuple(ImageFrame(header) for _ in range(count))
        return ImageSet("1", description, 0, 1, frames, OrderBasis.POSITION)

    return make


def test_the_current_study_opens_with_its_largest_stack_not_the_scout(series: Maker) -> None:
    scout = series("Topogram 0.6", 900, image_type=("ORIGINAL", "PRIMARY", "LOCALIZER"))
    thin, thick = series("Abdomen 1.0 B30f", 300), series("Abdomen 5.0", 60)
    report = series("Dose Report", 999, modality="SC")
    found = hang([scout, thick, thin, report])
    assert found.current is not None
    assert found.current.image_set is thin
    assert "300" in found.current.explanation
    assert (found.not_hung_current, found.prior) == (3, None)


def test_a_scout_alone_is_better_than_nothing(series: Maker) -> None:
    scout = series("Scout", 2)
    found = main_image_set([scout])
    assert found is not None
    assert found.image_set is scout
    assert main_image_set([]) is None


def test_at_equal_size_the_axial_stack_wins(series: Maker) -> None:
    coronal, axial = series("cor", 50, "coronal"), series("ax", 50)
    found = main_image_set([coronal, axial])
    assert found is not None
    assert found.image_set is axial


def test_the_prior_shows_what_looks_like_the_current(series: Maker) -> None:
    current = [series("Thorax 1.0 lung", 300, convolution_kernel="B70f", body_part="CHEST")]
    other_plane = series("Thorax cor lung", 290, "coronal", body_part="CHEST")
    other_kernel = series("Thorax 1.0 mediastinum", 310, convolution_kernel="B30f", body_part="CHEST")
    alike = series("Thorax 1.25 lung", 250, convolution_kernel="B70f", body_part="CHEST")
    scout = series("Scout thorax 1.0 lung", 300, convolution_kernel="B70f", body_part="CHEST")
    found = hang(current, [other_plane, scout, other_kernel, alike])
    assert found.prior is not None
    assert found.prior.image_set is alike
    assert found.prior.reasons[0] == "same modality CT"
    assert "same orientation" in found.prior.reasons
    assert found.not_hung_prior == 3


def test_the_same_view_of_a_radiograph_is_found(series: Maker) -> None:
    lateral, frontal = (series("", 1, "", modality="CR", view_position=view) for view in ("LL", "PA"))
    found = matching_image_set(series("", 1, "", modality="CR", view_position="PA"), [lateral, frontal])
    assert found is not None
    assert found.image_set is frontal
    assert "same view" in found.reasons


def test_another_modality_hangs_when_there_is_nothing_else(series: Maker) -> None:
    found = hang([series("CT abdomen", 100)], [series("T2 abdomen", 30, modality="MR")])
    assert found.prior is not None
    assert "same modality" not in found.prior.explanation


def test_without_current_images_the_prior_hangs_by_itself(series: Maker) -> None:
    found = hang([], [series("Abdomen", 10)])
    assert found.current is None
    assert found.prior is not None


def test_descriptions_are_compared_word_by_word() -> None:
    assert description_likeness("Thorax 1.0 B30f", "b30F THORAX 1.0") == 1.0
    assert description_likeness("Thorax", "Abdomen") == 0.0
    assert description_likeness("", "") == 0.0
    assert description_likeness("T2 ax brain", "T1 ax brain") == 0.5
