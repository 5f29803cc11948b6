"""Whose images these are: the number where there is one on both sides, else the person."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.peers.reading_doubles import header
from viewer.records import PatientLabel
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.reading.whose import are_two_people, is_outdated, is_stranger

PIET = PatientIdentity(PatientKey("NORTH", "P1"), "north", "Jansen^Piet", "19500101", "M")
PIET_UNNUMBERED = replace(PIET, key=PatientKey("NORTH", ""))
LABEL = PatientLabel("Jansen^Piet", "P1", "NORTH", "19500101", "M")
ELS = PatientLabel("Bakker^Els", "", "", "19800202", "F")


@pytest.mark.parametrize("listed", [PIET, PIET_UNNUMBERED], ids=["number on the list only", "no number at all"])
def test_somebody_else_without_a_number_is_a_stranger(listed: PatientIdentity) -> None:
    assert is_stranger(ELS, listed)


@pytest.mark.parametrize(
    "label",
    [
        PatientLabel(birth_date="19500102"),
        PatientLabel(sex="F"),
        PatientLabel("Bakker^Piet", birth_date="19500101", sex="M"),
        PatientLabel("Jansen^Piet", "P1", "SOUTH"),
        PatientLabel("Jansen^Piet", "P2", "NORTH"),
    ],
    ids=["birth date", "sex", "family name", "issuer", "number"],
)
def test_each_word_about_the_person_can_contradict(label: PatientLabel) -> None:
    assert is_stranger(label, PIET if label.patient_id else PIET_UNNUMBERED)


@pytest.mark.parametrize(
    "label",
    [
        LABEL,
        replace(LABEL, patient_id=""),
        replace(LABEL, name="Jansen-de Boer^P", issuer=""),
        PatientLabel(),
        PatientLabel("Onbekend", "", "", "", "O"),
        replace(LABEL, name="Janssen^Piet", birth_date=""),
    ],
)
def test_what_does_not_contradict_is_the_patient(label: PatientLabel) -> None:
    assert not is_stranger(label, replace(PIET_UNNUMBERED, sex="") if label.sex == "O" else PIET)


def test_one_number_of_the_hospital_decides_though_the_name_was_corrected() -> None:
    assert not is_stranger(replace(LABEL, name="Bakker^Piet", birth_date="19500201"), PIET)


def test_a_patient_of_whom_the_list_knows_nothing_has_no_strangers() -> None:
    unknown = PatientIdentity(PatientKey("NORTH", ""), "north")
    assert not is_stranger(LABEL, unknown)
    assert not is_stranger(ELS, unknown)


def test_two_headers_of_one_study_are_two_people_whatever_their_number() -> None:
    assert are_two_people(LABEL, ELS)
    assert are_two_people(LABEL, replace(LABEL, patient_id="P2"))
    assert are_two_people(LABEL, replace(LABEL, birth_date="19800202"))
    assert are_two_people(LABEL, replace(LABEL, name="Bakker^Els", birth_date=""))


def test_headers_written_differently_are_one_person() -> None:
    assert not are_two_people(LABEL, LABEL)
    assert not are_two_people(LABEL, replace(LABEL, name="JANSEN^P", issuer=""))
    assert not are_two_people(LABEL, replace(LABEL, name="Boer^Piet")), "one number and birth date: people marry"
    assert not are_two_people(LABEL, PatientLabel())


def test_a_kept_image_that_names_another_accession_or_patient_is_outdated() -> None:
    kept = header("1.2", "1.2.1", 1, patient=LABEL, accession_number="A1")
    assert not is_outdated(kept, PIET, "A1")
    assert not is_outdated(kept, PIET, "")
    assert is_outdated(kept, PIET, "A2")
    assert is_outdated(kept, replace(PIET, key=PatientKey("NORTH", "P9")), "A1")
