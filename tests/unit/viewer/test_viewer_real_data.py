"""Real files of many makers. Every test here has a synthetic twin in the other files of this folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

from viewer.dicom.ingest import ingest
from viewer.dicom.pixels import default_voi, display_frame, modality_values, stored_frame
from viewer.dicom.sorting import image_sets
from viewer.geometry.link import nearest
from viewer.measure import measure
from viewer.measure.spacing import resolve
from viewer.records import Annotation, AnnotationKind, FrameRef, InstanceHeader, SpacingBasis
from viewer.state.image_set import IssueKind, OrderBasis

Reader = Callable[[str], InstanceHeader]
SYNTAXES = "16_one_image_many_syntaxes"
ODD = {
    "ExplVR_BigEndNoMeta.dcm": None,
    "ExplVR_LitEndNoMeta.dcm": None,
    "JPEG2000-embedded-sequence-delimiter.dcm": "header says",
    "MR_truncated.dcm": "cut short",
    "SC_rgb_small_odd_jpeg.dcm": "",
    "badVR.dcm": "",
    "bad_sequence.dcm": "",
    "meta_missing_tsyntax.dcm": "rows",
    "no_meta_group_length.dcm": "no DICOM object",
    "rtplan_truncated.dcm": "ends within",
}
"""What each odd file gives: pixels (""), words of the failure, or None for an object that is not an image."""


@pytest.fixture
def read(real_data: Path, tmp_path: Path) -> Reader:
    """Ingest a copy of a file (the decoded pixels are written beside it)."""

    def reader(name: str) -> InstanceHeader:
        copy = tmp_path / name.replace("/", "_")
        shutil.copyfile(real_data / name, copy)
        return ingest(str(copy))

    return reader


def folder_of(read: Reader, real_data: Path, name: str) -> list[InstanceHeader]:
    """All headers of a folder."""
    return [read(f"{name}/{path.name}") for path in sorted((real_data / name).iterdir())]


@pytest.mark.parametrize("syntax", ["HTJ2K", "J2KR", "JLSL", "JPLL", "RLE", "UNC.explicit_big_endian"])
def test_every_lossless_syntax_gives_the_same_image(read: Reader, syntax: str) -> None:
    plain = stored_frame(read(f"{SYNTAXES}/CT1_UNC.dcm"), 0)
    header = read(f"{SYNTAXES}/CT1_{syntax}.dcm")
    assert header.failure == ""
    assert stored_frame(header, 0).dtype == np.int16
    assert np.array_equal(stored_frame(header, 0), plain)


def test_a_near_lossless_image_differs_by_no_more_than_it_may(read: Reader) -> None:
    plain = stored_frame(read(f"{SYNTAXES}/CT1_UNC.dcm"), 0).astype(int)
    header = read(f"{SYNTAXES}/CT1_JLSN.dcm")
    assert np.abs(stored_frame(header, 0) - plain).max() <= 10
    assert header.lossy


@pytest.mark.parametrize(
    "name",
    [
        "04_mr_pgbm_t1post_raw_24/1-01.dcm",
        "05_cr_thorax_mono1_J2K/RG1_J2KR.dcm",
        "06_cr_tibia_mono1_JPEGLL/RG3_JPLL.dcm",
        "09_us_palette_RLE/OBXXXX1A_rle_2frame.dcm",
        "10_xa_12fr_JPEGLL/jpeg_lossless_sel1-8bit.dcm",
        "11_nm_13fr/NM13x.dcm",
        "12_enhanced/IM_0027_fMAP.dcm",
        "12_enhanced/eCT_Supplemental.dcm",
        "15_seg_liver_3slices/01.dcm",
        f"{SYNTAXES}/CTImage.dcm_DeflatedExplicitVRLittleEndianTransferSyntax_1.2.840.10008.1.2.1.99.dcm",
    ],
)
def test_stored_values_agree_with_pydicom(read: Reader, real_data: Path, name: str) -> None:
    header = read(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pydicom.dcmread(real_data / name).pixel_array
    expected = expected if header.number_of_frames > 1 else expected[np.newaxis]
    for index in (0, header.number_of_frames // 2, header.number_of_frames - 1):
        assert np.array_equal(stored_frame(header, index), expected[index])


def test_an_ultrasound_cine_becomes_rgb(read: Reader, real_data: Path) -> None:
    header = read("08_us_cine_120fr_JPEG/color3d_jpeg_baseline.dcm")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pydicom.dcmread(real_data / "08_us_cine_120fr_JPEG/color3d_jpeg_baseline.dcm").pixel_array
    shown = display_frame(header, 60, default_voi(header, 60), False)
    assert shown.shape == (480, 640, 3)
    # Decoders upsample chroma differently; the picture is the same.
    assert np.abs(shown.astype(int) - expected[60]).mean() < 0.5
    assert header.lossy
    assert header.ultrasound_regions


@pytest.mark.parametrize("name", sorted(ODD))
def test_odd_files_give_an_image_or_a_sentence(read: Reader, name: str) -> None:
    header = read(f"18_odd/{name}")
    words = ODD[name]
    if words == "":
        assert header.failure == ""
        display_frame(header, 0, default_voi(header, 0), False)
    elif words is None:
        assert (header.rows, header.failure) == (0, "")
    else:
        assert header.pixels is None
        assert words in header.failure


def test_nothing_in_the_collection_raises(read: Reader, real_data: Path) -> None:
    folders = ("12_enhanced", "13_prior_19001231_A048383", "15_seg_liver_3slices", "17_charsets", "19_sr_examples")
    for name in folders:
        for header in folder_of(read, real_data, name):
            assert (header.pixels is None) == bool(header.failure) or header.rows == 0


def test_names_in_many_scripts(read: Reader) -> None:
    assert read("17_charsets/chrRuss.dcm").patient.name == "Люкceмбypг"
    assert read("17_charsets/chrH31.dcm").patient.name == "Yamada^Tarou=山田^太郎=やまだ^たろう"
    assert read("17_charsets/chrX1.dcm").patient.name == "Wang^XiaoDong=王^小東"


def test_the_tilted_head_is_one_stack_that_says_so(read: Reader, real_data: Path) -> None:
    (found,) = image_sets(folder_of(read, real_data, "02_ct_plastic_S21610_tilt-18.5_JPEGLS_54"))
    assert len(found.frames) == 54
    assert {issue.kind for issue in found.issues} == {IssueKind.TILT}
    assert "18.5°" in found.issues[0].text
    depths = [frame.plane().depth_mm for frame in found.frames]
    assert depths == sorted(depths)
    target = found.frames[20].plane()
    link = nearest(target.center_lps_mm, (0.0, 0.0, 1.0), [frame.plane() for frame in found.frames])
    assert link.index == 20
    assert link.angle_deg == pytest.approx(18.5, abs=0.1)


def test_a_multi_echo_enhanced_object_is_split_by_echo(read: Reader) -> None:
    found = image_sets([read("12_enhanced/IM_0027_fMAP.dcm")])
    assert [len(image_set.frames) for image_set in found] == [32, 32]


def test_a_cine_is_ordered_by_its_frames(read: Reader) -> None:
    (found,) = image_sets([read("10_xa_12fr_JPEGLL/jpeg_lossless_sel1-8bit.dcm")])
    assert found.order_basis is OrderBasis.FRAME_NUMBER


def test_air_around_the_phantom_measures_about_minus_thousand(read: Reader, real_data: Path) -> None:
    name = "01_ct_plastic_S21570_std1mm_JPEGLS_140"
    path = sorted((real_data / name).iterdir())[70]
    header = read(f"{name}/{path.name}")
    frame = FrameRef(header.sop_instance_uid)
    corners = ((2.0, 2.0), (42.0, 32.0))
    area = Annotation(
        "a", AnnotationKind.RECTANGLE, header.study_instance_uid, header.series_instance_uid, frame, corners
    )
    values = {value.name: value for value in measure(area, header, 0)}
    expected = modality_values(header, 0)[2:33, 2:43]
    assert values["mean"].value == pytest.approx(expected.mean())
    assert -1024 <= values["mean"].value < -900
    assert values["mean"].unit_text == "HU"
    row_mm, column_mm = header.frames[0].pixel_spacing_mm or (0, 0)
    assert values["area"].value == pytest.approx(40 * 30 * row_mm * column_mm)
    assert values["area"].basis is SpacingBasis.PATIENT


def test_films_without_calibration_have_none(read: Reader) -> None:
    assert resolve(read("06_cr_tibia_mono1_JPEGLL/RG3_JPLL.dcm"), 0).basis is SpacingBasis.NONE


def test_the_interface_never_loads_pydicom_qt_or_vtk_through_these_rooms() -> None:
    script = (
        "import sys, viewer.dicom.pixels, viewer.dicom.sorting, viewer.measure, viewer.measure.hit, "
        "viewer.hanging.default, viewer.state.view, viewer.state.annotations, viewer.geometry.link\n"
        "print(sorted({'pydicom', 'imagecodecs', 'PySide6', 'vtkmodules'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
