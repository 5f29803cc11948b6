"""Priors are judged by the values in an answer, never by its having been returned."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs.errors import Interrupted, Unreachable
from tests.peers.reading_doubles import (
    BSN,
    NORTH,
    WEST,
    FakePacs,
    answer,
    current,
    never,
    patient,
    services,
    site,
)
from worklist_client.identity.patient import Verdict
from worklist_client.reading.priors import (
    SearchState,
    hangs_by_itself,
    query_elsewhere,
    ranked,
    search_elsewhere,
    search_home,
)


def test_home_takes_the_same_key_and_not_the_study_itself() -> None:
    peer = FakePacs([answer("1.2.1", patient_id="N1"), answer("1.2.7", patient_id="N1")])
    found = search_home(current(), NORTH, services({"north": peer}), never)
    assert [item.study.study_instance_uid for item in found.candidates] == ["1.2.7"]
    assert found.candidates[0].verdict is Verdict.SAME
    assert peer.asked[0].patient_id == "N1"


def test_home_drops_what_the_archive_returned_although_its_number_is_another() -> None:
    peer = FakePacs([answer("1.2.7", patient_id="N2"), answer("1.2.8", patient_id="N1", issuer_of_patient_id="OTHER")])
    assert search_home(current(), NORTH, services({"north": peer}), never).candidates == ()


def test_home_with_a_contradicting_birth_date_is_a_conflict() -> None:
    peer = FakePacs([answer("1.2.7", patient_id="N1", patient_birth_date="19710203")])
    found = search_home(current(), NORTH, services({"north": peer}), never)
    assert found.candidates[0].verdict is Verdict.CONFLICT


def test_elsewhere_is_searched_by_birth_date_and_family_name() -> None:
    query = query_elsewhere(patient())
    assert query is not None
    assert (query.patient_birth_date, query.patient_name, query.patient_id) == ("19600102", "*J*nssen*", "")


def test_elsewhere_without_birth_date_is_searched_by_the_name_alone() -> None:
    query = query_elsewhere(patient(birth_date="", name="HEAD"))
    assert query is not None
    assert (query.patient_birth_date, query.patient_name) == ("", "HEAD*")


def test_the_word_that_is_no_prefix_is_searched() -> None:
    query = query_elsewhere(patient(name="van der Berg^Jan"))
    assert query is not None
    assert query.patient_name == "*Berg*"


@pytest.mark.parametrize("birth_date", ["", "19600102"])
def test_without_a_family_name_nobody_is_asked(birth_date: str) -> None:
    peer = FakePacs([answer("1.2.9")])
    found = search_elsewhere(current(name="", birth_date=birth_date), WEST, services({"west": peer}), never)
    assert found.state is SearchState.NOT_MADE
    assert peer.asked == []


def test_a_national_id_in_the_header_of_one_instance_makes_it_the_same_patient() -> None:
    peer = FakePacs([answer("1.2.9")])
    found = search_elsewhere(current(), WEST, services({"west": peer}, {"1.2.9": BSN}), never)
    assert [item.verdict for item in found.candidates] == [Verdict.SAME]


def test_without_a_national_id_it_is_probable_and_does_not_hang_by_itself() -> None:
    found = search_elsewhere(current(), WEST, services({"west": FakePacs([answer("1.2.9")])}), never)
    assert [item.verdict for item in found.candidates] == [Verdict.PROBABLE]
    assert not hangs_by_itself(found.candidates[0])


def test_the_header_is_read_once_a_patient_not_once_a_study() -> None:
    asked: list[str] = []
    peer = FakePacs([answer("1.2.9"), answer("1.2.10"), answer("1.2.11", patient_id="W10")])
    counted = replace(services({"west": peer}), national_id=lambda _site, study, _cancelled: asked.append(study) or BSN)
    search_elsewhere(current(), WEST, counted, never)
    assert asked == ["1.2.9", "1.2.11"]


def test_a_header_that_cannot_be_read_leaves_it_probable() -> None:
    def unreadable(*_: object) -> str:
        raise Unreachable("nobody listens")

    asked = replace(services({"west": FakePacs([answer("1.2.9")])}), national_id=unreadable)
    assert search_elsewhere(current(), WEST, asked, never).candidates[0].verdict is Verdict.PROBABLE


def test_strangers_whom_the_archive_returned_anyway_are_never_listed() -> None:
    peer = FakePacs(
        [
            answer("1.2.9", patient_name="Bakker^Piet"),
            answer("1.2.10", patient_birth_date="19710203"),
            answer("1.2.11", patient_name=""),
        ]
    )
    assert search_elsewhere(current(), WEST, services({"west": peer}), never).candidates == ()


def test_an_equal_national_id_with_another_sex_is_a_conflict_that_is_listed() -> None:
    peer = FakePacs([answer("1.2.9", patient_sex="M", other_patient_ids=((BSN, "NLMINBIZA"),))])
    found = search_elsewhere(current(), WEST, services({"west": peer}), never)
    assert [item.verdict for item in found.candidates] == [Verdict.CONFLICT]


def test_the_same_number_at_two_hospitals_is_not_the_same_patient() -> None:
    peer = FakePacs([answer("1.2.9", patient_id="N1", issuer_of_patient_id="")])
    found = search_elsewhere(current(national_id=""), WEST, services({"west": peer}), never)
    assert found.candidates[0].verdict is Verdict.PROBABLE


@pytest.mark.parametrize(
    ("foreign", "state"), [("deny", SearchState.NOT_PERMITTED), ("unknown", SearchState.NOT_KNOWN)]
)
def test_without_permission_nothing_is_asked_of_the_hospital(foreign: str, state: SearchState) -> None:
    peer = FakePacs([answer("1.2.9")])
    found = search_elsewhere(current(), site("west", foreign=foreign), services({"west": peer}), never)
    assert (found.state, found.candidates, peer.asked) == (state, (), [])
    assert found.reason


def test_a_hospital_that_is_down_is_named_with_its_reason() -> None:
    peer = FakePacs(error=Unreachable("nobody listens at this address"))
    found = search_elsewhere(current(), WEST, services({"west": peer}), never)
    assert (found.state, found.site_name, found.reason) == (
        SearchState.DOWN,
        "Hospital West",
        "nobody listens at this address",
    )


def test_cancelling_is_not_mistaken_for_a_hospital_that_is_down() -> None:
    peer = FakePacs(error=Interrupted("cancelled"))
    with pytest.raises(Interrupted):
        search_elsewhere(current(), WEST, services({"west": peer}), never)


def test_one_study_at_two_hospitals_is_one_row_and_the_home_one() -> None:
    home = search_home(current(), NORTH, services({"north": FakePacs([answer("1.2.7", patient_id="N1")])}), never)
    away = search_elsewhere(current(), WEST, services({"west": FakePacs([answer("1.2.7")])}), never)
    assert [item.site_id for item in ranked((*away.candidates, *home.candidates), "north")] == ["north"]


def test_conflicts_come_last_however_relevant() -> None:
    peer = FakePacs(
        [
            answer("1.2.7", patient_id="N1", patient_birth_date="19710203"),
            answer("1.2.8", patient_id="N1", study_description="XR hand", modalities=("CR",)),
        ]
    )
    found = search_home(current(), NORTH, services({"north": peer}), never)
    assert [item.study.study_instance_uid for item in ranked(found.candidates, "north")] == ["1.2.8", "1.2.7"]


def test_a_later_study_and_one_without_images_do_not_hang_by_themselves() -> None:
    peer = FakePacs(
        [answer("1.2.7", patient_id="N1", study_date="20270101"), answer("1.2.8", patient_id="N1", modalities=("SR",))]
    )
    found = search_home(current(), NORTH, services({"north": peer}), never)
    assert [hangs_by_itself(item) for item in found.candidates] == [False, False]
