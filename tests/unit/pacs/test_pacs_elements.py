"""The identifiers of an object, read without pydicom, against what pydicom writes."""

from __future__ import annotations

import contextlib
import zlib
from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pacs.elements import Identifiers, encode_file_meta, file_meta, identifiers
from pacs.errors import ProtocolViolation

SYNTAXES = [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
EXPECTED = Identifiers(str(CTImageStorage), "1.2.3.1", "1.2.3", "1.2.3.4")


def part10(syntax: UID, *, nested: bool = True) -> bytes:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, "1.2.3.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.PatientName, dataset.PatientID = "A^B", "P"
    if nested:
        inner, outer = Dataset(), Dataset()
        inner.StudyInstanceUID = inner.ReferencedSOPInstanceUID = "9.9.9"
        outer.ReferencedInstanceSequence = [inner, inner]
        dataset.ReferencedStudySequence = [outer]
        for sequence in (dataset["ReferencedStudySequence"], outer["ReferencedInstanceSequence"]):
            sequence.is_undefined_length = True
        outer.is_undefined_length_sequence_item = True
    dataset.Rows = 1
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_identifiers_are_those_of_the_top_level(syntax: UID, nested: bool) -> None:
    data = part10(syntax, nested=nested)
    meta = file_meta(data)
    assert (meta.sop_instance_uid, meta.transfer_syntax_uid) == ("1.2.3.1", str(syntax))
    assert identifiers(data[meta.data_set_offset :], meta.transfer_syntax_uid) == EXPECTED


def test_what_lies_beyond_the_head_stays_empty() -> None:
    data = part10(ExplicitVRLittleEndian)
    meta = file_meta(data)
    assert identifiers(data[meta.data_set_offset :][:80], meta.transfer_syntax_uid).series_instance_uid == ""


def test_a_written_file_meta_is_read_by_pydicom_and_by_us() -> None:
    data = encode_file_meta(str(CTImageStorage), "1.2.3.1", "1.2.840.10008.1.2", "1.2.9")
    assert data[:128] == bytes(128)
    meta = pydicom.dcmread(BytesIO(data)).file_meta
    assert (meta.MediaStorageSOPInstanceUID, meta.TransferSyntaxUID) == ("1.2.3.1", "1.2.840.10008.1.2")
    assert meta.FileMetaInformationGroupLength == len(data) - 144
    assert file_meta(data).data_set_offset == len(data)


@pytest.mark.parametrize(
    "data", [b"", b"x" * 200, bytes(128) + b"DICM", bytes(128) + b"DICM\x02\x00\x10\x00UI\xff\x7f1.2"]
)
def test_what_is_no_dicom_file_is_a_typed_error(data: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        file_meta(data)


def test_sequences_nested_beyond_measure_are_refused() -> None:
    opening = b"\x08\x00\x10\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    with pytest.raises(ProtocolViolation, match="nested"):
        identifiers(opening * 2000, str(ExplicitVRLittleEndian))


def test_a_deflate_bomb_is_inflated_only_as_far_as_needed() -> None:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = squeezer.compress(bytes(50_000_000)) + squeezer.flush()
    assert identifiers(bomb[:65536], str(DeflatedExplicitVRLittleEndian)) == Identifiers()


@given(st.binary(max_size=400), st.sampled_from(SYNTAXES))
def test_no_bytes_whatever_raise_anything_but_our_error(data: bytes, syntax: UID) -> None:
    for read in (lambda: identifiers(data, str(syntax)), lambda: file_meta(bytes(128) + b"DICM" + data)):
        with contextlib.suppress(ProtocolViolation):
            read()
