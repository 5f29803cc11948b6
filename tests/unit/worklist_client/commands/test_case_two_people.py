"""Two people in one study, whom no number tells apart: never under one banner, never in one report."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import patient
from viewer.records import PatientLabel
from worklist_client.commands.case_state import CannotSign
from worklist_client.identity.patient import PatientIdentity, PatientKey

SERIES = f"{STUDY}.1"
ZOE = PatientLabel("Jánssen^Zoë", "", "", "19600102", "F")
PIET = PatientLabel("Bakker^Piet", "", "", "19500101", "M")


def shared(bench: Bench, first: PatientLabel, second: PatientLabel) -> None:
    """One study, two images, each with its own label."""
    bench.holds(STUDY, 2)
    one, other = bench.worker.headers
    bench.worker.headers = [replace(one, patient=first), replace(other, patient=second)]


def drawn(bench: Bench) -> list[str]:
    return [item[2] for item in bench.viewer.of_kind("arrived")]


def test_images_of_somebody_else_without_a_number_are_not_drawn_and_refuse_the_report(bench: Bench) -> None:
    shared(bench, ZOE, PIET)
    case = bench.opened(patient=patient(number=""))
    assert drawn(bench) == [f"{SERIES}.1"]
    assert (case.is_strange, case.editable) == (True, False)
    (missing,) = {item[4] for item in bench.viewer.of_kind("missing")}
    assert "BAKKER, Piet" in missing
    with pytest.raises(CannotSign, match="another patient"):
        case.signing.summary()


@pytest.mark.parametrize("number", ["", "N1"], ids=["without a number", "under one number"])
def test_two_people_of_whom_the_list_contradicts_neither_cannot_be_reported(bench: Bench, number: str) -> None:
    shared(bench, replace(ZOE, patient_id=number), replace(PIET, patient_id=number))
    case = bench.opened(patient=PatientIdentity(PatientKey("NORTH-ISSUER", number), "north"))
    assert drawn(bench) == [f"{SERIES}.1"]
    assert (case.has_two_patients, case.editable) == (True, False)
    (missing,) = {item[4] for item in bench.viewer.of_kind("missing")}
    assert "BAKKER, Piet" in missing
    assert "JÁNSSEN, Zoë" in missing
    with pytest.raises(CannotSign, match="two patients"):
        case.signing.summary()


def test_images_without_any_label_beside_labelled_ones_are_of_one_person(bench: Bench) -> None:
    shared(bench, ZOE, PatientLabel())
    case = bench.opened(patient=patient(number=""))
    assert len(drawn(bench)) == 2
    assert case.editable
