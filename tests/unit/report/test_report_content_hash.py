"""The content hash sees content, not how it was written down."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import ImplicitVRLittleEndian

from tests.validators.samples import SYNTHETIC, request_of, write_study
from worklist_client.report.content_hash import content_hash
from worklist_client.report.signing import render_report


@pytest.fixture
def signed(tmp_path: Path) -> list[tuple[bytes, str]]:
    report = render_report(request_of(write_study(tmp_path, SYNTHETIC["ct"]())))
    return [(one.data, one.content_sha256) for one in report.objects]


def test_frozen_bytes_carry_their_own_hash(signed: list[tuple[bytes, str]]) -> None:
    assert [content_hash(data) for data, _ in signed] == [digest for _, digest in signed]


def test_another_transfer_syntax_is_the_same_content(signed: list[tuple[bytes, str]]) -> None:
    for data, digest in signed:
        dataset = dcmread(BytesIO(data))
        for element in dataset.iterall():
            str(element.value)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        buffer = BytesIO()
        dataset.save_as(buffer, implicit_vr=True)
        assert content_hash(buffer.getvalue()) == digest


def test_undefined_lengths_and_other_file_meta_are_the_same_content(signed: list[tuple[bytes, str]]) -> None:
    def loosen(dataset: Dataset) -> None:
        for element in dataset:
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
                    loosen(item)

    for data, digest in signed:
        dataset = dcmread(BytesIO(data))
        loosen(dataset)
        dataset.file_meta.ImplementationVersionName = "ARCHIVE"
        buffer = BytesIO()
        dataset.save_as(buffer)
        assert buffer.getvalue() != data
        assert content_hash(buffer.getvalue()) == digest


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID", "StationName", "InstitutionName"])
def test_one_changed_value_is_other_content(signed: list[tuple[bytes, str]], keyword: str) -> None:
    data, digest = signed[-1]
    dataset = dcmread(BytesIO(data))
    setattr(dataset, keyword, "1")
    buffer = BytesIO()
    dataset.save_as(buffer)
    assert content_hash(buffer.getvalue()) != digest
    tolerated = {int(Tag(keyword))}
    assert content_hash(buffer.getvalue(), tolerated) == content_hash(data, tolerated)


def test_a_change_deep_in_the_tree_is_other_content(signed: list[tuple[bytes, str]]) -> None:
    data, digest = signed[-1]
    dataset = dcmread(BytesIO(data))
    section = next(item for item in dataset.ContentSequence if item.ValueType == "CONTAINER")
    section.ContentSequence[0].TextValue += " niet"
    buffer = BytesIO()
    dataset.save_as(buffer)
    assert content_hash(buffer.getvalue()) != digest
