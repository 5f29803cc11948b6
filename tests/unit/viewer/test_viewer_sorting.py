"""Image sets: order, splits, issues."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from viewer.dicom.sorting import image_sets
from viewer.records import FrameHeader, InstanceHeader, PatientLabel
from viewer.state.image_set import ImageSet, IssueKind, OrderBasis

HeaderMaker = Callable[..., InstanceHeader]
AXIAL = {"row_cosines": (1.0, 0.0, 0.0), "column_cosines": (0.0, 1.0, 0.0), "pixel_spacing_mm": (1.0, 1.0)}
CORONAL = {"row_cosines": (1.0, 0.0, 0.0), "column_cosines": (0.0, 0.0, -1.0), "pixel_spacing_mm": (1.0, 1.0)}


@pytest.fixture
def slice_at(make_header: HeaderMaker) -> Callable[..., InstanceHeader]:
    """`slice_at(z, number, **fields)`: an axial CT slice; frame fields go to its frame."""
    base = make_header(frame_of_reference_uid="1.9")

    def at(z: float, number: int = 0, **fields: Any) -> InstanceHeader:
        names = FrameHeader.__dataclass_fields__
        frame = AXIAL | {"position_lps_mm": (0.0, 0.0, z)}
        frame |= {name: fields.pop(name) for name in list(fields) if name in names}
        uid = fields.pop("sop_instance_uid", f"1.2.{number}.{z}")
        return replace(base, sop_instance_uid=uid, instance_number=number, frames=(FrameHeader(1, **frame),), **fields)

    return at


SliceMaker = Callable[..., InstanceHeader]


def _z(image_set: ImageSet) -> list[float]:
    return [(frame.frame_header.position_lps_mm or (0, 0, math.nan))[2] for frame in image_set.frames]


def _kinds(image_set: ImageSet) -> set[IssueKind]:
    return {issue.kind for issue in image_set.issues}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(3, 40))
def test_any_order_of_arrival_gives_the_same_stack(slice_at: SliceMaker, seed: int, count: int) -> None:
    headers = [slice_at(2.5 * place, count - place) for place in range(count)]
    random.Random(seed).shuffle(headers)
    (found,) = image_sets(headers)
    assert _z(found) == [2.5 * place for place in range(count)]
    assert found.order_basis is OrderBasis.POSITION
    assert found.spacing_mm == pytest.approx(2.5)
    assert found.is_regular
    assert (found.block, found.blocks, found.normal_lps) == (0, 1, (0, 0, 1))


def test_slice_location_and_instance_number_do_not_decide(slice_at: SliceMaker) -> None:
    (found,) = image_sets([slice_at(30, 1), slice_at(10, 2), slice_at(20, 3)])
    assert _z(found) == [10, 20, 30]


def test_an_oblique_stack_is_ordered_along_its_own_normal(slice_at: SliceMaker) -> None:
    row, column = (0.0, 1.0, 0.0), (0.6, 0.0, -0.8)
    normal = (-0.8, 0.0, -0.6)
    headers = [
        slice_at(0, n, row_cosines=row, column_cosines=column, position_lps_mm=tuple(n * 3.0 * x for x in normal))
        for n in (2, 0, 3, 1)
    ]
    (found,) = image_sets(headers)
    assert [frame.header.instance_number for frame in found.frames] == [0, 1, 2, 3]


def test_a_missing_slice_is_a_gap_and_ends_regularity(slice_at: SliceMaker) -> None:
    (found,) = image_sets([slice_at(z, z) for z in (0, 1, 2, 5, 6, 7)])
    assert _kinds(found) == {IssueKind.GAP}
    assert next(issue.count for issue in found.issues) == 2
    assert not found.is_regular


def test_a_step_of_one_and_a_half_is_no_gap(slice_at: SliceMaker) -> None:
    (found,) = image_sets([slice_at(z, int(z)) for z in (0.0, 1.0, 2.0, 3.5, 4.5)])
    assert found.issues == ()


def test_an_instance_that_comes_twice_is_shown_once(slice_at: SliceMaker) -> None:
    headers = [slice_at(z, z) for z in range(4)]
    (found,) = image_sets([*headers, headers[2]])
    assert len(found.frames) == 4
    assert _kinds(found) == {IssueKind.DUPLICATE_INSTANCE}
    assert found.is_regular


def test_two_images_at_one_place_without_any_difference_are_named(slice_at: SliceMaker) -> None:
    (found,) = image_sets([slice_at(0, 1), slice_at(1, 2), slice_at(1, 3), slice_at(2, 4)])
    assert _kinds(found) == {IssueKind.DUPLICATE_POSITION}
    assert len(found.frames) == 4


def test_gantry_tilt_is_measured_from_positions(slice_at: SliceMaker) -> None:
    tilt = math.radians(18.5)
    headers = [slice_at(0, n, position_lps_mm=(0.0, n * 5 * math.sin(tilt), n * 5 * math.cos(tilt))) for n in range(5)]
    (found,) = image_sets(headers)
    (issue,) = found.issues
    assert issue.kind is IssueKind.TILT
    assert "18.5°" in issue.text
    assert found.spacing_mm == pytest.approx(5 * math.cos(tilt))


def test_orientations_matrices_and_spacings_are_split(slice_at: SliceMaker) -> None:
    headers = [slice_at(z, z) for z in range(4)]
    headers += [slice_at(z, 10 + z, **CORONAL, position_lps_mm=(0.0, z, 0.0)) for z in range(3)]
    headers += [slice_at(z, 20 + z, rows=9) for z in range(2)]
    headers += [slice_at(z, 30 + z, pixel_spacing_mm=(0.5, 0.5)) for z in range(2)]
    found = image_sets(headers)
    assert sorted(len(image_set.frames) for image_set in found) == [2, 2, 3, 4]
    assert [image_set.block for image_set in found] == [0, 1, 2, 3]
    assert all(image_set.blocks == 4 for image_set in found)
    expected = {IssueKind.MIXED_MATRIX, IssueKind.MIXED_ORIENTATION, IssueKind.MIXED_SPACING}
    assert all(_kinds(image_set) == expected for image_set in found)
    assert {image_set.label for image_set in found} == {"axial", "coronal"}
    assert found[0].is_regular


def test_cosines_rounded_per_slice_stay_together(slice_at: SliceMaker) -> None:
    headers = [slice_at(z, z, row_cosines=(1.0, 0.0001 * z, 0.0)) for z in range(10)]
    assert len(image_sets(headers)) == 1


@pytest.mark.parametrize(
    ("field", "values", "labels"),
    [
        ("b_value", (0.0, 1000.0), ["b 0", "b 1000"]),
        ("temporal_position", (1.0, 2.0), ["time 1", "time 2"]),
        ("echo_number", ("1", "2"), ["echo 1", "echo 2"]),
        ("image_type", (("ORIGINAL", "M"), ("ORIGINAL", "P")), ["ORIGINAL\\M", "ORIGINAL\\P"]),
        ("acquisition_number", (3, 4), ["acquisition 3", "acquisition 4"]),
    ],
)
def test_what_collides_in_position_is_split_by_what_differs(
    slice_at: SliceMaker, field: str, values: tuple[Any, Any], labels: list[str]
) -> None:
    headers = []
    for place, z in enumerate(range(5)):
        for which in (1, 0):
            fields: dict[str, Any] = {field: values[which]}
            if field == "image_type":  # Frame Type rules over Image Type; here the instance's own is meant
                header = slice_at(z, place * 2 + which)
                headers.append(replace(header, image_type=values[which]))
            else:
                headers.append(slice_at(z, place * 2 + which, **fields))
    found = image_sets(headers)
    assert [image_set.label for image_set in found] == labels
    assert [len(image_set.frames) for image_set in found] == [5, 5]
    assert all(image_set.is_regular for image_set in found)


def test_what_does_not_collide_is_not_torn_apart(slice_at: SliceMaker) -> None:
    headers = [slice_at(z, z, acquisition_number=z // 3, echo_time_ms=80 + 0.1 * z) for z in range(9)]
    assert [len(image_set.frames) for image_set in image_sets(headers)] == [9]


def test_phases_with_a_time_of_their_own_per_slice_are_told_by_their_order(slice_at: SliceMaker) -> None:
    headers = [
        slice_at(z, z * 3 + phase, trigger_time_ms=phase * 100.0 + z * 1.7) for z in range(6) for phase in range(3)
    ]
    found = image_sets(headers)
    assert [image_set.label for image_set in found] == ["phase 1", "phase 2", "phase 3"]
    assert [frame.header.trigger_time_ms for frame in found[1].frames] == [100 + z * 1.7 for z in range(6)]


def test_without_positions_the_instance_number_orders_and_that_is_said(slice_at: SliceMaker) -> None:
    headers = [slice_at(0, n, position_lps_mm=None, row_cosines=None, column_cosines=None) for n in (3, 1, 2)]
    (found,) = image_sets(headers)
    assert [frame.header.instance_number for frame in found.frames] == [1, 2, 3]
    assert found.order_basis is OrderBasis.INSTANCE_NUMBER
    assert _kinds(found) == {IssueKind.MISSING_ORIENTATION}
    assert not found.is_regular


def test_cosines_that_cannot_be_are_not_trusted(slice_at: SliceMaker) -> None:
    (found,) = image_sets([slice_at(z, z, row_cosines=(5.0, 0.0, 0.0)) for z in range(3)])
    assert _kinds(found) == {IssueKind.BAD_GEOMETRY}


def test_radial_slices_stay_one_stack(slice_at: SliceMaker) -> None:
    headers = [
        slice_at(0, n, row_cosines=(math.cos(n / 4), math.sin(n / 4), 0.0), column_cosines=(0.0, 0.0, -1.0))
        for n in range(6)
    ]
    (found,) = image_sets(headers)
    assert found.order_basis is OrderBasis.INSTANCE_NUMBER
    assert _kinds(found) == {IssueKind.MIXED_ORIENTATION}


def test_radiographs_stand_alone(slice_at: SliceMaker) -> None:
    bare = {"position_lps_mm": None, "row_cosines": None, "column_cosines": None, "modality": "CR"}
    found = image_sets([slice_at(0, 1, view_position="PA", **bare), slice_at(0, 2, view_position="LL", **bare)])
    assert [image_set.label for image_set in found] == ["PA", "LL"]
    assert all(image_set.issues == () for image_set in found)


def test_a_cine_is_ordered_by_frame_number(make_header: HeaderMaker) -> None:
    header = replace(make_header(modality="US"), frames=tuple(FrameHeader(n) for n in range(1, 6)))
    (found,) = image_sets([header])
    assert [frame.ref.frame_number for frame in found.frames] == [1, 2, 3, 4, 5]
    assert found.order_basis is OrderBasis.FRAME_NUMBER


def test_frames_of_an_enhanced_object_are_sorted_by_position(make_header: HeaderMaker) -> None:
    frames = tuple(
        FrameHeader(n + 1, position_lps_mm=(0.0, 0.0, z), **AXIAL)
        for n, z in enumerate((4.0, 2.0, 0.0))  # type: ignore[arg-type]
    )
    (found,) = image_sets([replace(make_header(), frames=frames)])
    assert [frame.ref.frame_number for frame in found.frames] == [3, 2, 1]


def test_images_that_failed_keep_their_place_and_are_counted(slice_at: SliceMaker) -> None:
    headers = [slice_at(z, z) for z in range(4)]
    headers[1] = replace(headers[1], pixels=None, failure="damaged")
    (found,) = image_sets(headers)
    assert len(found.frames) == 4
    assert _kinds(found) == {IssueKind.UNREADABLE}


def test_a_series_that_names_two_patients_is_flagged(slice_at: SliceMaker) -> None:
    other = replace(slice_at(1, 1), patient=PatientLabel(patient_id="other"))
    (found,) = image_sets([slice_at(0, 0), other])
    assert IssueKind.MIXED_PATIENT in _kinds(found)


def test_reports_are_left_out_and_series_come_in_their_order(slice_at: SliceMaker) -> None:
    late = replace(slice_at(0, 0), series_number=9, series_instance_uid="9")
    early = replace(slice_at(0, 1), series_number=2, series_instance_uid="2")
    report = replace(slice_at(0, 2), rows=0, columns=0, series_instance_uid="3")
    assert [image_set.series_instance_uid for image_set in image_sets([late, report, early])] == ["2", "9"]


def test_two_studies_with_the_same_series_number_do_not_mix(slice_at: SliceMaker) -> None:
    other = replace(slice_at(1, 1), study_instance_uid="9.9")
    assert len(image_sets([slice_at(0, 0), other])) == 2


def test_an_image_set_finds_its_frames(slice_at: SliceMaker) -> None:
    (found,) = image_sets([slice_at(z, z) for z in range(3)])
    assert found.index_of(found.frames[2].ref) == 2
    assert found.index_of(replace(found.frames[2].ref, frame_number=7)) is None


def test_two_thousand_slices_are_sorted_while_they_arrive(slice_at: SliceMaker) -> None:
    headers = [slice_at(z * 0.5, z) for z in range(2000)]
    random.Random(3).shuffle(headers)
    started = time.perf_counter()
    (found,) = image_sets(headers)
    # Measured at 20-40 ms; the limit is wide, for machines under load, but catches anything quadratic.
    assert time.perf_counter() - started < 1.0
    assert len(found.frames) == 2000
