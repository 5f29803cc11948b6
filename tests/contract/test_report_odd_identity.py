"""Patients who are not fully identified: refused in plain words, or valid objects that say no more than the images."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from tests.validators.samples import SYNTHETIC, draft_of, request_of, study_of, write_study
from tests.validators.tools import messages
from worklist_client.report.errors import IdentityMismatch
from worklist_client.report.signing import render_report


def images(**values: object) -> list[Dataset]:
    made = SYNTHETIC["ct"]()
    for image in made:
        for keyword, value in values.items():
            if value is None:
                delattr(image, keyword)
            else:
                setattr(image, keyword, value)
    return made


@pytest.mark.parametrize(
    "values",
    [
        {"PatientID": "", "IssuerOfPatientID": None},
        {"PatientID": None, "IssuerOfPatientID": None},
        {"PatientName": "^^^^"},
        {"PatientName": "", "PatientID": ""},
        {"PatientName": None},
    ],
)
def test_without_number_or_name_the_objects_carry_empty_type_2_attributes_and_stay_valid(
    values: dict[str, object], tmp_path: Path
) -> None:
    study = write_study(tmp_path / "study", images(**values))
    draft = draft_of(study)
    report = render_report(request_of(study, draft))
    for item in report.objects:
        dataset = dcmread(BytesIO(item.data))
        assert "PatientID" in dataset
        assert "PatientName" in dataset
        assert str(dataset.PatientID or "") == draft.patient.key.patient_id
        path = tmp_path / f"{item.kind}-{item.sop_instance_uid}.dcm"
        path.write_bytes(item.data)
        assert [line for line in messages("dciodvfy", path) if line.startswith("Error")] == []


@pytest.mark.parametrize(
    ("keyword", "words"),
    [
        ("PatientID", "patient number"),
        ("IssuerOfPatientID", "issuer of the patient number"),
        ("PatientName", "patient name"),
        ("AccessionNumber", "accession number"),
    ],
)
def test_a_backslash_in_what_says_whose_study_it_is_refuses_the_report_by_name(
    keyword: str, words: str, tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written = write_study(tmp_path / "study", images(**{keyword: ["A", "B"]}))
        study = study_of(list(written.paths))
    plain = draft_of(write_study(tmp_path / "plain", SYNTHETIC["ct"]()))
    with pytest.raises(IdentityMismatch, match=f"the {words} of the images holds a backslash"):
        render_report(request_of(study, plain))
