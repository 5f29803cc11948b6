"""The short way to the header of the next image of a series gives what the long way gives, whatever differs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from viewer.dicom import ingest as module
from viewer.dicom.attributes import PIXEL_KEYWORDS, WANTED
from viewer.dicom.ingest import HEAD_BYTES, ingest
from viewer.dicom.siblings import READ_AGAIN, Siblings
from viewer.records import InstanceHeader

FileWriter = Callable[..., Path]

PIXELS = np.arange(24, dtype=np.int16).reshape(4, 6)
VALUES: dict[bytes, list[Any]] = {
    b"UI": ["1.2.99"],
    b"DS": ["7.5", ["1", "2"], ["1", "0", "0"], ["0", "1", "0", "0", "0", "1"]],
    b"IS": ["3"],
    b"US": [2, 8],
    b"SL": [4],
    b"UL": [4],
    b"FD": [2.5],
    b"FL": [2.5],
    b"DA": ["20010203"],
    b"TM": ["101112"],
    b"AS": ["001Y"],
    b"CS": ["YES", "SIGMOID", "01", ["ORIGINAL", "SECONDARY"]],
}
"""What an element of this VR is changed to; a text for every other VR."""
PLAIN = sorted(
    keyword
    for keyword, vr in WANTED.values()
    if vr not in (b"SQ", b"OW", b"OV") and keyword not in {*PIXEL_KEYWORDS, "TransferSyntaxUID", "LUTData"}
)


def values_of(keyword: str) -> list[Any]:
    if keyword == "SpecificCharacterSet":
        return ["ISO_IR 101"]
    if keyword.endswith("LookupTableDescriptor") or keyword == "LUTDescriptor":
        return [[256, 0, 8]]
    return VALUES.get(next(vr for name, vr in WANTED.values() if name == keyword), ["Other"])


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    forget(monkeypatch)


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if nothing had been read before."""
    monkeypatch.setattr(module, "_siblings", Siblings())


def by_itself(path: Path) -> InstanceHeader:
    """The header of a file of which no sibling was read."""
    with pytest.MonkeyPatch.context() as patch:
        forget(patch)
        return ingest(str(path))


def test_the_next_image_of_a_series_takes_the_short_way(
    write_dicom: FileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_dicom(PIXELS, name="1.dcm")
    second = write_dicom(
        PIXELS, name="2.dcm", SOPInstanceUID="1.2.4", InstanceNumber=8, ImagePositionPatient=[0, 0, -117.25]
    )
    wanted = by_itself(second)
    ingest(str(first))
    monkeypatch.setattr(module, "header_of", None)
    assert ingest(str(second)) == wanted
    assert wanted.frames[0].position_lps_mm == (0, 0, -117.25)
    assert (wanted.sop_instance_uid, wanted.instance_number, wanted.path) == ("1.2.4", 8, str(second))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("keyword", PLAIN)
def test_any_element_may_differ_from_the_image_before(write_dicom: FileWriter, keyword: str, syntax: str) -> None:
    plain = write_dicom(PIXELS, syntax, name="plain.dcm")
    for number, value in enumerate(values_of(keyword)):
        other = write_dicom(PIXELS, syntax, name=f"{number}.dcm", **{keyword: value})
        for path in (plain, other, plain):
            assert ingest(str(path)) == by_itself(path)


def test_what_is_read_again_is_wanted_at_all() -> None:
    assert {keyword for keyword, _vr in WANTED.values()} >= READ_AGAIN


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(PLAIN), max_size=4, unique=True), min_size=2, max_size=5))
def test_any_order_of_any_files_gives_what_each_gives_by_itself(
    write_dicom: FileWriter, changes: list[list[str]]
) -> None:
    paths = [
        write_dicom(PIXELS, name=f"{number}.dcm", **{keyword: values_of(keyword)[0] for keyword in keywords})
        for number, keywords in enumerate(changes)
    ]
    for path in (*paths, *reversed(paths)):
        assert ingest(str(path)) == by_itself(path)


def test_a_sequence_may_differ_from_the_image_before(write_dicom: FileWriter) -> None:
    paths = []
    for number, reason in enumerate(("bleed?", "bleed?", "stone?")):
        request = Dataset()
        request.ReasonForTheRequestedProcedure = reason
        paths.append(
            write_dicom(PIXELS, name=f"{number}.dcm", InstanceNumber=number, RequestAttributesSequence=[request])
        )
    headers = [ingest(str(path)) for path in paths]
    assert [header.reason_for_requested_procedure for header in headers] == ["bleed?", "bleed?", "stone?"]
    assert [header.instance_number for header in headers] == [0, 1, 2]


def test_a_cut_file_after_a_whole_one_is_called_cut(write_dicom: FileWriter) -> None:
    whole, cut = write_dicom(PIXELS, name="whole.dcm"), write_dicom(PIXELS, name="cut.dcm")
    cut.write_bytes(cut.read_bytes()[:-10])
    assert ingest(str(whole)).pixels is not None
    header = ingest(str(cut))
    assert header.pixels is None
    assert "cut short" in header.failure
    assert ingest(str(whole)) == by_itself(whole)


def test_frames_that_are_no_longer_one_are_all_there(write_dicom: FileWriter) -> None:
    one = write_dicom(PIXELS, name="one.dcm", NumberOfFrames=1)
    two = write_dicom(PIXELS, name="two.dcm", NumberOfFrames=2, Rows=2)
    assert [ingest(str(path)).number_of_frames for path in (one, two, one)] == [1, 2, 1]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_header_that_ends_anywhere_around_the_head_is_read(write_dicom: FileWriter, syntax: str) -> None:
    """The pixels begin before, at and behind the last byte that is read at first."""
    plain = by_itself(write_dicom(PIXELS, syntax, name="plain.dcm"))
    assert plain.pixels is not None
    room = HEAD_BYTES - plain.pixels.offset_bytes - 8
    for number, length in enumerate(range(room - 40, room + 40, 2)):
        path = write_dicom(PIXELS, syntax, name=f"{number}.dcm", ICCProfile=bytes(length - length % 2))
        for header in (by_itself(path), ingest(str(path))):
            assert header.failure == ""
            assert header.pixels is not None
            data = path.read_bytes()[header.pixels.offset_bytes :]
            assert data == PIXELS.tobytes()


def test_every_real_file_after_every_other_kind_is_read_as_by_itself(real_data: Path, tmp_path: Path) -> None:
    paths = sorted(path for path in real_data.rglob("*.dcm") if path.stat().st_size < 1 << 20)[:150]
    for number, original in enumerate(paths):
        path = tmp_path / f"{number}.dcm"  # decoded pixels are written beside it
        shutil.copyfile(original, path)
        assert ingest(str(path)) == ingest(str(path)) == by_itself(path)
