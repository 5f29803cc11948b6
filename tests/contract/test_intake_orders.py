"""An order and a study that name two patients under one accession number never become one workitem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pacs.port import StudyAnswer, StudyQuery
from pacs.site import DicomwebConnection, Site
from tests.peers.hub import ANN, study_to_read
from ups import changes
from ups.codes import ORDER_OF_ANOTHER, RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON
from ups.identifiers import random_uid, workitem_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.intake.poller import Poller
from worklist_hub.intake.rules import READ_ALL_IMAGES
from worklist_hub.store.feeding import Feed
from worklist_hub.store.keys import ACCESSION, STUDY, Key
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState, Create, Decision, Refusal, Update

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NORTH = Site("north", "North", "#cc0000", connections=(DicomwebConnection("north-web", "http://127.0.0.1:1/"),))
BOB = StudyAnswer(
    "1.2.7",
    patient_id="222",
    patient_name="BROWN^BOB",
    patient_birth_date="19800202",
    patient_sex="M",
    study_date="20261122",
    study_time="093000",
    accession_number="ACC7",
    modalities=("CT",),
    number_of_instances=5,
)
ADA = replace(
    BOB,
    study_instance_uid="1.2.8",
    patient_id="111",
    patient_name="ADAMS^ANN",
    patient_birth_date="19500101",
    patient_sex="F",
)


class Answering:
    """A PACS that answers what stands in a list."""

    def __init__(self) -> None:
        self.studies: list[StudyAnswer] = []

    def search_for_studies(self, query: StudyQuery, _cancelled: Callable[[], bool]) -> list[StudyAnswer]:
        return [one for one in self.studies if query.study_instance_uid in ("", one.study_instance_uid)]

    def search_for_series(self, *_asked: Any) -> list[Any]:
        return []


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database)
    yield made
    made.close()


class Bench:
    """A hospital, its order of ADAMS, and the polls."""

    def __init__(self, store: WorkitemStore) -> None:
        self.store, self.pacs, self.feed = store, Answering(), Feed(store)
        self._poller = Poller(NORTH, self.feed, READ_ALL_IMAGES, lambda _site: self.pacs, lambda: NOW)  # type: ignore[arg-type,return-value]
        self.order = study_to_read(
            study_instance_uid="",
            patient_name="ADAMS^ANN",
            patient_id="111",
            birth_date="19500101",
            sex="F",
            accession_number="ACC7",
            clinical_question="bleed after anticoagulation?",
            priority="HIGH",
        )

    def polled(self, *studies: StudyAnswer, times: int = 1) -> dict[str, Workitem]:
        """What is open then, by Study Instance UID."""
        self.pacs.studies = list(studies)
        for _ in range(times):
            self._poller.poll(lambda: False)
        return {item.study_instance_uid: item for item in self.feed.open_workitems("north")}


@pytest.fixture
def bench(store: WorkitemStore) -> Bench:
    return Bench(store)


def remarks(item: Workitem) -> list[str]:
    return [code.value for code in item.remarks]


def test_a_study_of_another_patient_does_not_go_into_an_order_with_its_accession_number(bench: Bench) -> None:
    assert bench.store.create_if_absent(bench.order)
    for _ in range(3):
        listed = bench.polled(BOB)
        order, study = listed[""], listed["1.2.7"]
        assert (order.uid, order.patient_id, order.clinical_question) == (
            bench.order.uid,
            "111",
            "bleed after anticoagulation?",
        )
        assert (study.patient_name, study.patient_id) == ("BROWN^BOB", "222")
        assert (study.clinical_question, study.priority) == ("", "MEDIUM")
        assert remarks(study) == [ORDER_OF_ANOTHER.value]
        assert remarks(order) == []


def test_the_order_still_gets_the_images_of_its_own_patient(bench: Bench) -> None:
    bench.store.create_if_absent(bench.order)
    bench.polled(BOB)
    listed = bench.polled(BOB, ADA, times=2)
    assert set(listed) == {"1.2.7", "1.2.8"}
    assert (listed["1.2.8"].uid, listed["1.2.8"].clinical_question) == (bench.order.uid, "bleed after anticoagulation?")
    assert remarks(listed["1.2.8"]) == []
    assert remarks(listed["1.2.7"]) == [ORDER_OF_ANOTHER.value], "its report would go under the number of another"


def test_a_study_that_somebody_holds_is_told_of_the_order_of_another(bench: Bench) -> None:
    bench.polled(BOB)
    held = bench.polled(BOB)["1.2.7"]
    bench.store.carry_out(held.uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN))
    bench.feed.put([replace(bench.order, uid=random_uid(), accession_number="OTHER")])
    assert remarks(bench.polled(BOB)["1.2.7"]) == []
    assert bench.feed.put([bench.order]) == (True,), "the order of another patient is on the list too"
    listed = bench.polled(BOB)
    assert (listed["1.2.7"].state, remarks(listed["1.2.7"])) == (State.IN_PROGRESS, [ORDER_OF_ANOTHER.value])
    found = bench.feed.latest_of([Key("north", ACCESSION, "ACC7")])
    assert [item.uid for item in found.values()] == [bench.order.uid], "it waits for its own images"


def test_the_remark_goes_when_the_hospital_corrects_the_study(bench: Bench) -> None:
    bench.store.create_if_absent(bench.order)
    bench.polled(BOB)
    assert remarks(bench.polled(replace(BOB, accession_number="ACC9"))["1.2.7"]) == []


def test_a_question_about_somebody_else_is_marked_when_the_hospital_renames_its_study(bench: Bench) -> None:
    bench.store.create_if_absent(bench.order)
    nameless = replace(ADA, patient_id="", patient_name="", patient_birth_date="", patient_sex="")
    assert bench.polled(nameless)["1.2.8"].uid == bench.order.uid
    for _ in range(3):
        listed = bench.polled(replace(BOB, study_instance_uid="1.2.8"))
        assert (listed["1.2.8"].patient_name, remarks(listed["1.2.8"])) == ("BROWN^BOB", [ORDER_OF_ANOTHER.value])


def test_a_new_number_or_name_of_the_same_person_marks_nothing(bench: Bench) -> None:
    bench.store.create_if_absent(bench.order)
    bench.polled(ADA, times=2)
    merged = replace(ADA, patient_id="999")
    assert remarks(bench.polled(merged, times=2)["1.2.8"]) == []
    assert remarks(bench.polled(replace(merged, patient_name="DE VRIES^ANN"), times=2)["1.2.8"]) == []


def test_a_study_that_comes_back_as_somebody_elses_does_not_bring_the_question(bench: Bench) -> None:
    bench.store.create_if_absent(bench.order)
    bench.polled(ADA)
    assert bench.polled(times=2) == {}, "it was taken away"
    again = bench.polled(replace(BOB, study_instance_uid="1.2.8"))["1.2.8"]
    assert (again.patient_id, again.clinical_question, remarks(again)) == ("222", "", [ORDER_OF_ANOTHER.value])


def test_an_order_that_came_while_its_images_were_put_gets_them_at_the_next_poll(bench: Bench) -> None:
    """Its key was there before the study, and nobody had looked yet."""
    said = {"study_instance_uid": "1.2.8", "patient_name": "ADAMS^ANN", "accession_number": "ACC7"}
    images = study_to_read(workitem_uid("north", "1.2.8"), **said)
    bench.store.create_if_absent(bench.order)
    assert bench.feed.put([images]) == (False,)
    assert bench.feed.latest_of([Key("north", STUDY, "1.2.8")])[Key("north", STUDY, "1.2.8")].uid == bench.order.uid
    listed = bench.polled(ADA)
    assert {study: item.uid for study, item in listed.items()} == {"1.2.8": bench.order.uid}


def posted(store: WorkitemStore, workitem: Workitem) -> Decision | Refusal:
    return store.carry_out(workitem.uid, Create(workitem.uid, workitem.to_json()), Caller(ANN))


def test_an_order_that_is_posted_for_another_patient_than_the_study_of_its_number_is_listed_and_gets_its_images(
    bench: Bench,
) -> None:
    bench.polled(BOB)
    assert isinstance(posted(bench.store, bench.order), Decision)
    listed = bench.polled(BOB)
    assert (listed[""].uid, remarks(listed["1.2.7"])) == (bench.order.uid, [ORDER_OF_ANOTHER.value])
    assert bench.polled(BOB, ADA)["1.2.8"].uid == bench.order.uid


def test_a_study_that_is_posted_for_another_patient_than_the_order_of_its_number_stands_by_itself(bench: Bench) -> None:
    assert isinstance(posted(bench.store, bench.order), Decision)
    said = {"patient_name": "BROWN^BOB", "patient_id": "222", "birth_date": "19800202", "sex": "M"}
    study = study_to_read(study_instance_uid="1.2.7", accession_number="ACC7", **said)
    assert isinstance(posted(bench.store, study), Decision)
    assert bench.polled(BOB, ADA)["1.2.8"].uid == bench.order.uid
    again = posted(bench.store, study_to_read(study_instance_uid="1.2.7"))
    assert isinstance(again, Refusal), "the same study is the same study, whosever it is"
    assert again.instead == study.uid


def test_an_order_that_is_posted_again_after_it_was_withdrawn_gets_its_images(bench: Bench) -> None:
    posted(bench.store, bench.order)
    bench.store.cancel_scheduled(bench.order.uid, UNSPECIFIED_REASON, "withdrawn")
    again = replace(bench.order, uid=random_uid())
    assert isinstance(posted(bench.store, again), Decision)
    assert bench.polled(ADA)["1.2.8"].uid == again.uid


def test_a_release_keeps_the_remark(bench: Bench) -> None:
    bench.store.create_if_absent(bench.order)
    held, transaction = bench.polled(BOB)["1.2.7"], random_uid()
    reader = Caller(ANN)
    for request in (
        ChangeState(State.IN_PROGRESS, transaction),
        Update(changes.progress(reason="given back", code=RESCHEDULING_RECOMMENDED), transaction),
        ChangeState(State.CANCELED, transaction),
    ):
        bench.store.carry_out(held.uid, request, reader)
    assert remarks(bench.polled(BOB)["1.2.7"]) == [ORDER_OF_ANOTHER.value]
