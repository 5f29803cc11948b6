"""Whether an order and a study can be of one patient."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ups.codes import OtherId
from ups.workitem import Workitem
from worklist_client.identity.compare import compare
from worklist_client.identity.patient import PatientIdentity, PatientKey, Verdict
from worklist_hub.workitem.whose import are_two_people, contradicts

ANN = Workitem(
    "1.1",
    patient_name="Adams^Ann",
    patient_id="111",
    issuer_of_patient_id="NORTH",
    birth_date="19500101",
    sex="F",
)


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"patient_id": " 111 ", "issuer_of_patient_id": ""},
        {"patient_name": "", "patient_id": "", "birth_date": "", "sex": ""},
        {"patient_name": "ADAMS^A", "birth_date": "1950.01.01", "sex": "U"},
        {"patient_name": "Adams - de Vries^Ann"},
        {"patient_name": "van Adams^Ann"},
        {"patient_name": "Addams^Ann", "patient_id": ""},
        {"patient_name": "Brown^Ann"},
        {"patient_name": "TRAUMA^ONE", "birth_date": "19000101", "sex": ""},
        {"patient_id": "999", "issuer_of_patient_id": "SOUTH"},
        {"patient_id": "999", "other_patient_ids": (OtherId("111", "NORTH"),)},
        {"patient_id": "999", "other_patient_ids": (OtherId("111"),)},
    ],
    ids=str,
)
def test_what_is_missing_written_otherwise_married_or_merged_contradicts_nothing(said: dict[str, object]) -> None:
    other = replace(ANN, **said)  # type: ignore[arg-type]
    assert not contradicts(ANN, other)
    assert not contradicts(other, ANN)


@pytest.mark.parametrize(
    "said",
    [
        {"patient_id": "222"},
        {"patient_id": "222", "issuer_of_patient_id": ""},
        {"birth_date": "19500102"},
        {"sex": "M"},
        {"patient_name": "Brown^Bob", "patient_id": ""},
        {"patient_name": "Brown^Bob", "birth_date": ""},
        {"patient_name": "Brown^Bob", "patient_id": "999", "issuer_of_patient_id": "SOUTH"},
        {"patient_id": "999", "other_patient_ids": (OtherId("998", "NORTH"),)},
    ],
    ids=str,
)
def test_another_number_birth_date_sex_or_family_name_contradicts(said: dict[str, object]) -> None:
    other = replace(ANN, **said)  # type: ignore[arg-type]
    assert contradicts(ANN, other)
    assert contradicts(other, ANN)


def test_two_national_numbers_contradict() -> None:
    one, other = (replace(ANN, other_patient_ids=(OtherId(number, "NLMINBIZA"),)) for number in ("1", "2"))
    assert contradicts(one, other)


def test_another_number_alone_makes_no_second_person() -> None:
    assert not are_two_people(ANN, replace(ANN, patient_id="222"))
    assert are_two_people(ANN, replace(ANN, patient_id="222", patient_name="Brown^Ann"))


def test_a_name_in_another_script_is_not_compared() -> None:
    assert not contradicts(
        replace(ANN, patient_name="Adams^Ann=\u738b^\u5b89"), replace(ANN, patient_name="=\u738b^\u5b89")
    )
    assert contradicts(
        replace(ANN, patient_name="=\u738b^\u5b89", patient_id=""), replace(ANN, patient_name="=\u674e^\u5b89")
    )


@pytest.mark.parametrize("birth_date", ["19500101", "19500102", "19000000", ""])
@pytest.mark.parametrize("sex", ["F", "M", "U", ""])
def test_what_the_card_of_the_desk_calls_a_conflict_is_one_here(birth_date: str, sex: str) -> None:
    other = replace(ANN, birth_date=birth_date, sex=sex)
    verdict = compare(identity(ANN), identity(other)).verdict
    assert contradicts(ANN, other) == (verdict is Verdict.CONFLICT)


def identity(of: Workitem) -> PatientIdentity:
    key = PatientKey(of.issuer_of_patient_id, of.patient_id)
    return PatientIdentity(key, "north", of.patient_name, of.birth_date, of.sex)
