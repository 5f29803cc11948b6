"""Presentation states: one for what one can hold, inverted once, windows and areas for every image, graphics exact."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.validators.samples import (
    SYNTHETIC,
    Study,
    annotations_on,
    cr_image,
    ct_slice,
    draft_of,
    request_of,
    us_cine,
    write_study,
)
from viewer.records import DisplayedState, FrameRef, VoiFunction, Window
from worklist_client.report.model import Draft, SignedReport
from worklist_client.report.signing import render_report

GRAYSCALE, COLOR = "1.2.840.10008.5.1.4.1.1.11.1", "1.2.840.10008.5.1.4.1.1.11.2"


@pytest.fixture
def ct(tmp_path: Path) -> Study:
    return write_study(tmp_path / "ct", SYNTHETIC["ct"]())


def states(report: SignedReport) -> list[Dataset]:
    return [dcmread(BytesIO(one.data)) for one in report.objects if one.kind == "GSPS"]


def rendered(study: Study, draft: Draft | None = None) -> list[Dataset]:
    return states(render_report(request_of(study, draft)))


def referenced(state: Dataset) -> set[str]:
    return {
        image.ReferencedSOPInstanceUID
        for series in state.ReferencedSeriesSequence
        for image in series.ReferencedImageSequence
    }


def shown(study: Study, place: int = 0, **values: object) -> DisplayedState:
    header = study.header
    state = DisplayedState(
        header.StudyInstanceUID, header.SeriesInstanceUID, FrameRef(study.instances[place].sop_instance_uid)
    )
    return replace(state, **values)  # type: ignore[arg-type]


def test_one_state_covers_the_whole_series(ct: Study) -> None:
    (state,) = rendered(ct)
    assert state.SOPClassUID == GRAYSCALE
    assert referenced(state) == {one.sop_instance_uid for one in ct.instances}
    assert (state.Modality, state.SeriesNumber, state.ContentLabel) == ("PR", 9001, "REPORT")
    assert (state.RescaleSlope, state.RescaleIntercept, state.RescaleType) == (1, -1024, "HU")
    assert state.PresentationLUTShape == "IDENTITY"
    assert "PixelOriginInterpretation" not in state.DisplayedAreaSelectionSequence[0]


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "expected"),
    [
        ("MONOCHROME1", None, False, "INVERSE"),
        ("MONOCHROME1", "INVERSE", False, "INVERSE"),
        ("MONOCHROME1", None, True, "IDENTITY"),
        ("MONOCHROME2", None, False, "IDENTITY"),
        ("MONOCHROME2", None, True, "INVERSE"),
    ],
)
def test_monochrome1_is_inverted_exactly_once(
    tmp_path: Path, photometric: str, shape: str | None, inverted: bool, expected: str
) -> None:
    image = cr_image("P")
    image.PhotometricInterpretation = photometric
    if shape:
        image.PresentationLUTShape = shape
    study = write_study(tmp_path, [image])
    draft = draft_of(study, displayed=(shown(study, inverted=inverted),))
    assert [state.PresentationLUTShape for state in rendered(study, draft)] == [expected]


def test_differing_slope_matrix_and_color_split_the_states(tmp_path: Path) -> None:
    images = [ct_slice("MIX", 1), ct_slice("MIX", 2), ct_slice("MIX", 3, size=(32, 32)), us_cine("MIX")]
    images[1].RescaleIntercept = "-1000"
    images[3].SOPInstanceUID = "2.25.77"
    study = write_study(tmp_path, images)
    found = rendered(study)
    assert sorted(len(referenced(state)) for state in found) == [1, 1, 1, 1]
    assert [state.SOPClassUID for state in found].count(COLOR) == 1
    assert {state.SeriesInstanceUID for state in found} == {found[0].SeriesInstanceUID}
    assert sorted(state.ContentLabel for state in found) == ["REPORT_1", "REPORT_2", "REPORT_3", "REPORT_4"]


def test_a_series_where_nothing_was_done_gets_no_state(ct: Study, tmp_path: Path) -> None:
    other = ct_slice("CT1", 8)
    other.SeriesInstanceUID = "2.25.123"
    second = write_study(tmp_path / "second", [other])
    request = request_of(ct)
    (state,) = states(render_report(replace(request, images=request.images + second.instances)))
    assert second.instances[0].sop_instance_uid not in referenced(state)


def test_a_color_state_has_a_profile_and_no_gray_luts(tmp_path: Path) -> None:
    (state,) = rendered(write_study(tmp_path, SYNTHETIC["us"]()))
    assert state.SOPClassUID == COLOR
    assert len(state.ICCProfile) == 588
    for keyword in ("PresentationLUTShape", "SoftcopyVOILUTSequence", "RescaleSlope"):
        assert keyword not in state


def test_the_viewports_window_holds_for_its_series_and_own_ones_for_their_frames(ct: Study) -> None:
    lung = Window(-600, 1500, VoiFunction.SIGMOID, "lung")
    draft = draft_of(
        ct, displayed=(shown(ct, 1, window=lung), shown(ct, 0, window=Window(40, 80, explanation="brain")))
    )
    (state,) = rendered(ct, draft)
    windows = {
        float(item.WindowCenter): {image.ReferencedSOPInstanceUID for image in item.ReferencedImageSequence}
        for item in state.SoftcopyVOILUTSequence
    }
    uids = [one.sop_instance_uid for one in ct.instances]
    assert windows == {-600.0: {uids[1]}, 40.0: {uids[0], *uids[2:]}}
    functions = [item.get("VOILUTFunction") for item in state.SoftcopyVOILUTSequence]
    assert sorted(str(function) for function in functions) == ["None", "SIGMOID"]
    assert {item.WindowCenterWidthExplanation for item in state.SoftcopyVOILUTSequence} == {"lung", "brain"}


def test_without_a_window_of_the_reader_the_images_own_is_written(ct: Study) -> None:
    """An absent VOI item would mean identity, not "as the image says"."""
    (state,) = rendered(ct, draft_of(ct, displayed=()))
    (item,) = state.SoftcopyVOILUTSequence
    assert (item.WindowCenter, item.WindowWidth) == (40, 400)
    assert "ReferencedImageSequence" not in item


def test_an_images_own_voi_lut_is_copied(tmp_path: Path) -> None:
    image = cr_image("LUT")
    del image.WindowCenter, image.WindowWidth
    lut = Dataset()
    lut.LUTDescriptor, lut.LUTData = [4, 0, 8], [0, 1, 2, 3]
    image.VOILUTSequence = Sequence([lut])
    image["VOILUTSequence"].value[0]["LUTDescriptor"].VR = "US"
    image["VOILUTSequence"].value[0]["LUTData"].VR = "US"
    study = write_study(tmp_path, [image])
    (state,) = rendered(study, draft_of(study, displayed=()))
    assert list(state.SoftcopyVOILUTSequence[0].VOILUTSequence[0].LUTDescriptor) == [4, 0, 8]


def test_the_zoomed_frame_has_its_area_and_all_others_the_full_one(ct: Study) -> None:
    (state,) = rendered(ct)
    areas = {
        tuple(item.DisplayedAreaTopLeftHandCorner) + tuple(item.DisplayedAreaBottomRightHandCorner): len(
            item.ReferencedImageSequence
        )
        for item in state.DisplayedAreaSelectionSequence
    }
    assert areas == {(5, 7, 43, 61): 1, (1, 1, 48, 64): 4}
    assert list(state.DisplayedAreaSelectionSequence[0].PresentationPixelSpacing) == [0.7, 0.7]


@pytest.mark.parametrize(
    ("spacing", "aspect", "expected"), [(None, None, [1, 1]), (None, [2, 3], [2, 3]), ([0.5, 0.25], None, None)]
)
def test_pixels_that_are_not_square_stay_so(
    tmp_path: Path, spacing: list[float] | None, aspect: list[int] | None, expected: list[int] | None
) -> None:
    image = cr_image("ASPECT")
    del image.ImagerPixelSpacing
    if spacing:
        image.PixelSpacing = spacing
    if aspect:
        image.PixelAspectRatio = aspect
    (state,) = rendered(write_study(tmp_path, [image]))
    area = state.DisplayedAreaSelectionSequence[0]
    assert (list(area.get("PresentationPixelAspectRatio") or []) or None) == expected
    assert (list(area.get("PresentationPixelSpacing") or []) or None) == spacing


def test_rotation_and_flip_split_images_that_were_turned_differently(ct: Study) -> None:
    draft = draft_of(ct, displayed=(shown(ct, 0, rotation_deg=90, flipped=True), shown(ct, 1)))
    found = {state.get("ImageRotation", 0): state for state in rendered(ct, draft)}
    assert set(found) == {0, 90}
    assert found[90].ImageHorizontalFlip == "Y"
    assert referenced(found[90]) == {ct.instances[0].sop_instance_uid}
    area = found[90].DisplayedAreaSelectionSequence[0]
    assert (list(area.DisplayedAreaTopLeftHandCorner), list(area.DisplayedAreaBottomRightHandCorner)) == (
        [1, 1],
        [48, 64],
    )
    assert "ImageRotation" not in found[0]


def test_graphics_lie_half_a_pixel_further_than_the_index(ct: Study) -> None:
    (state,) = rendered(ct)
    length, arrow, ellipse, rectangle = state.GraphicAnnotationSequence
    points = [annotation.points for annotation in annotations_on(ct.header)]
    (line,) = length.GraphicObjectSequence
    assert (line.GraphicType, line.NumberOfGraphicPoints) == ("POLYLINE", 2)
    assert list(line.GraphicData) == [value + 0.5 for point in points[0] for value in point]
    shaft, head = arrow.GraphicObjectSequence
    assert head.GraphicFilled == "Y"
    tip = [value + 0.5 for value in points[1][0]]
    assert list(head.GraphicData)[:2] == list(head.GraphicData)[-2:] == tip
    assert list(shaft.GraphicData)[-2:] == [value + 0.5 for value in points[1][1]]
    (oval,) = ellipse.GraphicObjectSequence
    assert (oval.GraphicType, oval.NumberOfGraphicPoints, oval.GraphicFilled) == ("ELLIPSE", 4, "N")
    (box,) = rectangle.GraphicObjectSequence
    assert (box.GraphicType, box.NumberOfGraphicPoints) == ("POLYLINE", 5)
    assert arrow.TextObjectSequence[0].UnformattedTextValue == "nodule ≥ 4 mm"
    assert length.TextObjectSequence[0].UnformattedTextValue == "Lengte 14,1 mm"
    assert length.TextObjectSequence[0].TrackingUID == line.TrackingUID


def test_frames_of_a_loop_are_named_in_annotation_and_area(tmp_path: Path) -> None:
    study = write_study(tmp_path, SYNTHETIC["us"]())
    state = replace(shown(study), frame=FrameRef(study.instances[0].sop_instance_uid, 2), area_px=(0, 0, 20, 20))
    draft = draft_of(study, annotations=annotations_on(study.header, 2), measurements=(), displayed=(state,))
    (found,) = rendered(study, draft)
    frames = [
        list(item.ReferencedImageSequence[0].ReferencedFrameNumber)
        if isinstance(item.ReferencedImageSequence[0].ReferencedFrameNumber, list)
        or item.ReferencedImageSequence[0]["ReferencedFrameNumber"].VM > 1
        else [item.ReferencedImageSequence[0].ReferencedFrameNumber]
        for item in found.DisplayedAreaSelectionSequence
    ]
    assert sorted(frames) == [[1, 3], [2]]
    for item in found.GraphicAnnotationSequence:
        assert item.ReferencedImageSequence[0].ReferencedFrameNumber == 2
    assert "ReferencedFrameNumber" not in found.ReferencedSeriesSequence[0].ReferencedImageSequence[0]


def test_a_loop_whose_values_change_meaning_is_left_out_and_named(tmp_path: Path) -> None:
    image = ct_slice("ENH", 1)
    del image.RescaleSlope, image.RescaleIntercept, image.RescaleType
    frames = []
    for intercept in ("0", "10"):
        transformation = Dataset()
        transformation.RescaleSlope, transformation.RescaleIntercept, transformation.RescaleType = "1", intercept, "HU"
        frame = Dataset()
        frame.PixelValueTransformationSequence = Sequence([transformation])
        frames.append(frame)
    image.PerFrameFunctionalGroupsSequence = Sequence(frames)
    report = render_report(request_of(write_study(tmp_path, [image])))
    assert [one.kind for one in report.objects] == ["SR"]
    assert any("no presentation state" in note for note in report.notes)


def test_an_arrow_without_length_still_has_a_head(ct: Study) -> None:
    arrow = annotations_on(ct.header)[1]
    point = arrow.points[0]
    (state,) = rendered(ct, draft_of(ct, annotations=(replace(arrow, points=(point, point)),), measurements=()))
    head = state.GraphicAnnotationSequence[0].GraphicObjectSequence[1]
    assert len(set(zip(head.GraphicData[::2], head.GraphicData[1::2], strict=True))) == 3
