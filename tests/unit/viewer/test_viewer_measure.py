"""Measurements: golden values, where a millimeter comes from, refusals, hit tests."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.errors import MeasureError
from viewer.geometry.view import ViewTransform
from viewer.measure import measure
from viewer.measure.annotation_values import measured
from viewer.measure.hit import hit_test
from viewer.measure.regions import inside_mask
from viewer.measure.spacing import resolve, resolve_between
from viewer.measure.units import value_unit
from viewer.records import (
    Annotation,
    AnnotationKind,
    FrameRef,
    InstanceHeader,
    Lut,
    MeasuredValue,
    SpacingBasis,
    UltrasoundRegion,
)

HeaderMaker = Callable[..., InstanceHeader]
PLACED: dict[str, Any] = {
    "position_lps_mm": (0.0, 0.0, 0.0),
    "row_cosines": (1.0, 0.0, 0.0),
    "column_cosines": (0.0, 1.0, 0.0),
}


def drawn(kind: AnnotationKind, *points: tuple[float, float], frame_number: int = 1) -> Annotation:
    """An annotation on the image of `make_header`."""
    return Annotation("a1", kind, "1.2.3", "1.2.3.4", FrameRef("1.2.3.4.5", frame_number), points)


def by_name(values: tuple[MeasuredValue, ...]) -> dict[str, MeasuredValue]:
    """Values by their name."""
    return {value.name: value for value in values}


def test_a_length_uses_row_spacing_down_and_column_spacing_across(make_header: HeaderMaker) -> None:
    header = make_header(**PLACED, pixel_spacing_mm=(2.0, 0.5))
    (across,) = measure(drawn(AnnotationKind.LENGTH, (0, 0), (4, 0)), header, 0)
    (down,) = measure(drawn(AnnotationKind.LENGTH, (0, 0), (0, 3)), header, 0)
    (slanted,) = measure(drawn(AnnotationKind.LENGTH, (0, 0), (6, 2)), header, 0)
    assert (across.value, down.value, slanted.value) == (2.0, 6.0, 5.0)
    assert (across.unit, across.unit_text, across.basis) == ("mm", "mm", SpacingBasis.PATIENT)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(st.tuples(*[st.floats(0, 50)] * 4), st.floats(0.1, 3), st.floats(0.1, 3))
def test_a_length_equals_the_distance_in_the_patient(
    make_header: HeaderMaker, ends: tuple[float, float, float, float], row_mm: float, column_mm: float
) -> None:
    header = make_header(**PLACED, pixel_spacing_mm=(row_mm, column_mm))
    (found,) = measure(drawn(AnnotationKind.LENGTH, ends[:2], ends[2:]), header, 0)  # type: ignore[arg-type]
    expected = math.hypot((ends[2] - ends[0]) * column_mm, (ends[3] - ends[1]) * row_mm)
    assert found.value == pytest.approx(expected)


PIXELS = np.arange(100, dtype=np.int16).reshape(10, 10)


def test_a_rectangle_counts_pixels_whose_centers_lie_inside(make_header: HeaderMaker) -> None:
    header = make_header(PIXELS, **PLACED, pixel_spacing_mm=(2.0, 0.5), rescale_slope=2.0, rescale_intercept=-10.0)
    values = by_name(measure(drawn(AnnotationKind.RECTANGLE, (4.4, 3.2), (1.6, 1.0)), header, 0))
    chosen = PIXELS[1:4, 2:5].astype(float) * 2 - 10
    assert values["mean"].value == pytest.approx(chosen.mean())
    assert values["standard_deviation"].value == pytest.approx(chosen.std(ddof=1))
    assert (values["minimum"].value, values["maximum"].value) == (chosen.min(), chosen.max())
    assert values["area"].value == pytest.approx(2.8 * 2.2 * 1.0)
    assert (values["area"].unit, values["area"].unit_text) == ("mm2", "mm²")
    assert (values["mean"].unit, values["mean"].unit_text, values["mean"].note) == ("[hnsf'U]", "HU", "9 pixels")


def test_an_ellipse_leaves_the_corners_out(make_header: HeaderMaker) -> None:
    header = make_header(PIXELS, **PLACED, pixel_spacing_mm=(1.0, 1.0))
    values = by_name(measure(drawn(AnnotationKind.ELLIPSE, (3, 3), (7, 7)), header, 0))
    inside = [PIXELS[y, x] for y in range(10) for x in range(10) if (x - 5) ** 2 + (y - 5) ** 2 <= 4]
    assert values["mean"].value == pytest.approx(np.mean(inside))
    assert values["standard_deviation"].value == pytest.approx(np.std(inside, ddof=1))
    assert values["area"].value == pytest.approx(4 * math.pi)


@given(st.tuples(*[st.floats(-3, 12)] * 4), st.sampled_from([AnnotationKind.ELLIPSE, AnnotationKind.RECTANGLE]))
def test_the_mask_agrees_with_the_equation(box: tuple[float, float, float, float], kind: AnnotationKind) -> None:
    mask = inside_mask(kind, (box[:2], box[2:]), range(10), range(8))  # type: ignore[arg-type]
    left, right = sorted(box[0::2])
    top, bottom = sorted(box[1::2])
    for y in range(8):
        for x in range(10):
            inside = left <= x <= right and top <= y <= bottom
            if kind is AnnotationKind.ELLIPSE:
                if min(right - left, bottom - top) < 2e-6:
                    inside = False
                else:
                    across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
                    if abs(across**2 + down**2 - 1) < 1e-9:
                        continue  # on the edge: rounding decides
                    inside = across**2 + down**2 < 1
            assert mask[y, x] == inside


def test_a_cylinder_of_known_hounsfield_units(make_header: HeaderMaker) -> None:
    row, column = np.mgrid[:64, :64]
    phantom = np.where((row - 30) ** 2 + (column - 34) ** 2 <= 15**2, 1124, 24).astype(np.int16)
    header = make_header(phantom, **PLACED, pixel_spacing_mm=(0.5, 0.5), rescale_intercept=-1024.0)
    values = by_name(measure(drawn(AnnotationKind.ELLIPSE, (24, 20), (44, 40)), header, 0))
    assert (values["mean"].value, values["standard_deviation"].value) == (100.0, 0.0)
    assert values["area"].value == pytest.approx(math.pi * 25)
    (diameter,) = measure(drawn(AnnotationKind.LENGTH, (19, 30), (49, 30)), header, 0)
    assert diameter.value == 15.0


def test_padding_and_bits_of_no_meaning_stay_out_of_statistics(make_header: HeaderMaker) -> None:
    pixels = np.array([[10, 20, -2000], [30, -1900, 40]], np.int16)
    header = make_header(pixels, pixel_padding_value=-2000, pixel_padding_range_limit=-1500)
    values = by_name(measure(drawn(AnnotationKind.RECTANGLE, (0, 0), (2, 1)), header, 0))
    assert (values["mean"].value, values["minimum"].value) == (25.0, 10.0)
    dirty = make_header(np.array([[0xF001, 0x0003]], np.uint16), bits_stored=12)
    values = by_name(measure(drawn(AnnotationKind.RECTANGLE, (0, 0), (1, 0)), dirty, 0))
    assert values["mean"].value == 2.0


def test_a_region_is_clipped_to_the_image(make_header: HeaderMaker) -> None:
    values = by_name(measure(drawn(AnnotationKind.RECTANGLE, (-5, -5), (0.4, 0.4)), make_header(PIXELS), 0))
    assert values["mean"].value == 0.0
    assert values["standard_deviation"].value == 0.0


@pytest.mark.parametrize("points", [((20, 20), (30, 30)), ((2.1, 2.1), (2.9, 2.9)), ((-9, -9), (-5, -5))])
def test_a_region_without_a_pixel_center_is_refused(make_header: HeaderMaker, points: Any) -> None:
    with pytest.raises(MeasureError):
        measure(drawn(AnnotationKind.ELLIPSE, *points), make_header(PIXELS), 0)


def test_a_refusal_travels_as_the_reason(make_header: HeaderMaker) -> None:
    found = measured(drawn(AnnotationKind.ELLIPSE, (20, 20), (30, 30)), make_header(PIXELS), 0)
    assert found.values == ()
    assert "No pixel center" in found.degraded


def test_an_annotation_of_another_frame_is_never_measured_here(make_header: HeaderMaker) -> None:
    with pytest.raises(MeasureError):
        measure(drawn(AnnotationKind.LENGTH, (0, 0), (1, 1), frame_number=2), make_header(PIXELS), 0)


def test_an_arrow_has_no_numbers(make_header: HeaderMaker) -> None:
    assert measure(drawn(AnnotationKind.ARROW, (0, 0), (1, 1)), make_header(PIXELS), 0) == ()


def test_color_has_an_area_but_no_mean(make_header: HeaderMaker) -> None:
    header = make_header(
        np.zeros((8, 8, 3), np.uint8), photometric_interpretation="RGB", **PLACED, pixel_spacing_mm=(1.0, 1.0)
    )
    values = measure(drawn(AnnotationKind.RECTANGLE, (1, 1), (3, 4)), header, 0)
    assert [(value.name, value.value) for value in values] == [("area", 6.0)]


def test_without_calibration_a_length_is_in_pixels(make_header: HeaderMaker) -> None:
    (found,) = measure(drawn(AnnotationKind.LENGTH, (0, 0), (3, 4)), make_header(modality="CR"), 0)
    assert (found.value, found.unit, found.unit_text, found.basis) == (5.0, "{pixels}", "px", SpacingBasis.NONE)


P, DETECTOR = (0.2, 0.2), (0.25, 0.25)
BASES: list[tuple[dict[str, Any], SpacingBasis, float, str]] = [
    ({"pixel_spacing_mm": P, "imager_pixel_spacing_mm": DETECTOR}, SpacingBasis.CALIBRATED, 0.2, "mm"),
    (
        {"pixel_spacing_mm": P, "pixel_spacing_calibration_type": "FIDUCIAL", "imager_pixel_spacing_mm": P},
        SpacingBasis.CALIBRATED,
        0.2,
        "mm",
    ),
    (
        {"imager_pixel_spacing_mm": DETECTOR, "magnification_factor": 1.25},
        SpacingBasis.MAGNIFICATION_CORRECTED,
        0.2,
        "mm",
    ),
    ({"imager_pixel_spacing_mm": DETECTOR}, SpacingBasis.DETECTOR_PLANE, 0.25, "mm det"),
    ({"imager_pixel_spacing_mm": DETECTOR, "pixel_spacing_mm": DETECTOR}, SpacingBasis.DETECTOR_PLANE, 0.25, "mm det"),
    ({"imager_pixel_spacing_mm": DETECTOR, "magnification_factor": 0.0}, SpacingBasis.DETECTOR_PLANE, 0.25, "mm det"),
    ({"nominal_pixel_spacing_mm": P}, SpacingBasis.SCANNED, 0.2, "mm"),
    ({"nominal_pixel_spacing_mm": P, "pixel_spacing_mm": P}, SpacingBasis.SCANNED, 0.2, "mm"),
    ({"pixel_spacing_mm": P}, SpacingBasis.UNKNOWN_PROJECTION, 0.2, "mm?"),
    ({"pixel_spacing_mm": (0.0, 0.2)}, SpacingBasis.NONE, 1.0, "px"),
    ({}, SpacingBasis.NONE, 1.0, "px"),
]


@pytest.mark.parametrize(("fields", "basis", "value", "text"), BASES)
def test_where_a_millimeter_on_a_radiograph_comes_from(
    make_header: HeaderMaker, fields: dict[str, Any], basis: SpacingBasis, value: float, text: str
) -> None:
    found = resolve(make_header(modality="DX", **fields), 0)
    assert (found.basis, found.unit_text) == (basis, text)
    assert (found.row_mm, found.column_mm) == pytest.approx((value, value))


def test_cross_sections_need_a_valid_plane_to_be_in_patient_millimeters(make_header: HeaderMaker) -> None:
    assert resolve(make_header(**PLACED, pixel_spacing_mm=P), 0).basis is SpacingBasis.PATIENT
    assert resolve(make_header(pixel_spacing_mm=P), 0).basis is SpacingBasis.UNKNOWN_PROJECTION
    scanned = make_header(modality="OT", pixel_spacing_mm=P, nominal_pixel_spacing_mm=P)
    assert resolve(scanned, 0).basis is SpacingBasis.SCANNED
    assert resolve(make_header(), 0).basis is SpacingBasis.NONE


def test_pixels_that_are_not_square_keep_their_shape(make_header: HeaderMaker) -> None:
    found = resolve(make_header(modality="XA", pixel_aspect_ratio=(6, 5)), 0)
    assert (found.row_mm, found.column_mm, found.is_physical) == (1.2, 1.0, False)


TISSUE = UltrasoundRegion(0, 0, 99, 99, 3, 3, 0.02, -0.03, spatial_format=1)
DOPPLER = UltrasoundRegion(100, 0, 199, 99, 4, 7, 0.01, 0.5, spatial_format=3)
GRAPH = replace(TISSUE, min_column_px=200, max_column_px=299, units_y=7)


@pytest.fixture
def ultrasound(make_header: HeaderMaker) -> InstanceHeader:
    """An image with tissue, Doppler and a region of mixed units."""
    return make_header(
        np.zeros((120, 400), np.uint8), modality="US", ultrasound_regions=(TISSUE, DOPPLER, GRAPH), pixel_spacing_mm=P
    )


def test_a_length_in_tissue_uses_the_region_without_its_signs(ultrasound: InstanceHeader) -> None:
    (found,) = measure(drawn(AnnotationKind.LENGTH, (10, 10), (40, 30)), ultrasound, 0)
    assert found.value == pytest.approx(math.hypot(30 * 0.2, 20 * 0.3))
    assert (found.basis, found.unit) == (SpacingBasis.REGION, "mm")


def test_an_area_in_tissue_uses_the_region(ultrasound: InstanceHeader) -> None:
    values = by_name(measure(drawn(AnnotationKind.RECTANGLE, (10, 10), (40, 30)), ultrasound, 0))
    assert values["area"].value == pytest.approx(30 * 0.2 * 20 * 0.3)


@pytest.mark.parametrize(
    ("ends", "words"),
    [
        (((10, 10), (150, 10)), "same ultrasound region"),
        (((110, 10), (150, 10)), "two dimensions"),
        (((210, 10), (250, 10)), "not both distances"),
        (((10, 10), (350, 10)), "same ultrasound region"),
    ],
)
def test_ultrasound_lengths_that_mean_nothing_are_refused(ultrasound: InstanceHeader, ends: Any, words: str) -> None:
    with pytest.raises(MeasureError) as caught:
        measure(drawn(AnnotationKind.LENGTH, *ends), ultrasound, 0)
    assert words in caught.value.reason


def test_outside_every_region_a_length_is_in_pixels(ultrasound: InstanceHeader) -> None:
    assert resolve_between(ultrasound, 0, [(320, 5), (350, 5)]).basis is SpacingBasis.NONE
    assert resolve(ultrasound, 0).basis is SpacingBasis.NONE


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"rescale_type": "HU"}, "HU"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "AXIAL")}, "HU"),
        ({}, "HU"),
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, ""),
        ({"image_type": ("DERIVED", "SECONDARY")}, ""),
        ({"image_type": ("DERIVED", "SECONDARY"), "rescale_type": "HU"}, "HU"),
        ({"multi_energy": True}, ""),
        ({"rescale_type": "MGML"}, ""),
        ({"rescale_type": "US"}, ""),
        ({"modality_lut": Lut(0, 16, (1,))}, ""),
        ({"modality": "MR"}, ""),
        ({"modality": "PT", "units": "BQML"}, "Bq/ml"),
        ({"modality": "PT", "units": "?"}, ""),
    ],
)
def test_hounsfield_units_are_never_assumed(make_header: HeaderMaker, fields: dict[str, Any], text: str) -> None:
    assert value_unit(make_header(**fields), 0)[1] == text


VIEW = ViewTransform(100, 100, 200, 200, zoom=2.0)


def test_handles_are_hit_before_bodies_and_the_newest_first() -> None:
    older = replace(drawn(AnnotationKind.LENGTH, (10, 10), (50, 10)), annotation_id="older")
    newer = replace(drawn(AnnotationKind.LENGTH, (30, 0), (30, 40)), annotation_id="newer")
    handle = hit_test([older, newer], VIEW.canvas_from_index((10, 11)), VIEW)
    assert handle is not None
    assert (handle.annotation_id, handle.point_index) == ("older", 0)
    body = hit_test([older, newer], VIEW.canvas_from_index((30, 10)), VIEW)
    assert body is not None
    assert (body.annotation_id, body.point_index) == ("newer", None)
    assert hit_test([older, newer], VIEW.canvas_from_index((80, 80)), VIEW) is None


@pytest.mark.parametrize(
    ("kind", "on_line"), [(AnnotationKind.RECTANGLE, (20, 30)), (AnnotationKind.ELLIPSE, (60, 40))]
)
def test_regions_are_hit_on_their_line_not_inside(kind: AnnotationKind, on_line: tuple[float, float]) -> None:
    region = drawn(kind, (20, 20), (60, 60))
    hit = hit_test([region], VIEW.canvas_from_index(on_line), VIEW)
    assert hit is not None
    assert hit.point_index is None
    assert hit_test([region], VIEW.canvas_from_index((40, 40)), VIEW) is None


def test_the_reach_is_the_same_at_any_zoom() -> None:
    line = drawn(AnnotationKind.LENGTH, (10, 10), (90, 10))
    for zoom in (0.5, 2.0, 20.0):
        view = replace(VIEW, zoom=zoom)
        x, y = view.canvas_from_index((50, 10))
        assert hit_test([line], (x, y + 7), view) is not None
        assert hit_test([line], (x, y + 9), view) is None
