"""Procedure reported (121058, DCM): by the code that is known, by the hospital's words where there is none."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from tests.validators.samples import SYNTHETIC, request_of, write_study
from worklist_client.report.signing import render_report

PROCEDURE, DESCRIPTION, LANGUAGE = "121058", "121065", "121049"


def modifiers(images: list[Dataset], folder: Path, language: str = "nl") -> dict[str, str]:
    """Concept code -> value of the root's modifiers."""
    study = write_study(folder, images)
    report = render_report(request_of(study, language=language))
    root = dcmread(BytesIO(report.objects[-1].data))
    found = {}
    for item in root.ContentSequence:
        if item.RelationshipType == "HAS CONCEPT MOD":
            value = item.TextValue if item.ValueType == "TEXT" else item.ConceptCodeSequence[0].CodeValue
            found[str(item.ConceptNameCodeSequence[0].CodeValue)] = str(value)
    return found


@pytest.mark.parametrize(("region", "code"), [("CHEST", "24627-2"), ("HEAD", "24725-4"), ("ABDOMEN", "41806-1")])
def test_a_known_region_gives_the_procedure_its_code(region: str, code: str, tmp_path: Path) -> None:
    images = SYNTHETIC["ct"]()
    for image in images:
        image.BodyPartExamined = region
    found = modifiers(images, tmp_path)
    assert found[PROCEDURE] == code
    assert DESCRIPTION not in found


def test_a_study_of_two_regions_is_not_called_after_one_of_them(tmp_path: Path) -> None:
    images = SYNTHETIC["ct"]()
    images[-1].BodyPartExamined = "ABDOMEN"
    found = modifiers(images, tmp_path)
    assert (found[PROCEDURE], found[DESCRIPTION]) == ("25045-6", "CT study")


def test_a_region_without_a_code_is_said_in_the_words_of_the_hospital(tmp_path: Path) -> None:
    images = SYNTHETIC["ct"]()
    for image in images:
        image.BodyPartExamined, image.StudyDescription = "SHOULDER", "CT schouder links"
    found = modifiers(images, tmp_path)
    assert (found[PROCEDURE], found[DESCRIPTION]) == ("25045-6", "CT schouder links")


def test_the_code_of_the_hospital_itself_comes_first(tmp_path: Path) -> None:
    images = SYNTHETIC["ct"]()
    own = Dataset()
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "CT42", "99NORTH", "CT thorax laag gedoseerd"
    for image in images:
        image.ProcedureCodeSequence = [own]
    assert modifiers(images, tmp_path)[PROCEDURE] == "CT42"


@pytest.mark.parametrize(("language", "code"), [("nl", "nl-NL"), ("en", "en-US")])
def test_the_language_of_the_report_is_stated(language: str, code: str, tmp_path: Path) -> None:
    assert modifiers(SYNTHETIC["ct"](), tmp_path, language)[LANGUAGE] == code
