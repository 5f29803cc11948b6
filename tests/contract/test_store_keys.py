"""Two roads to one study make one workitem, on every database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.peers.hub import ANN, study_to_read
from ups import dicom_json as dj
from ups.codes import UNSPECIFIED_REASON
from ups.identifiers import random_uid, replacement_uid, workitem_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.store.feeding import Feed
from worklist_hub.store.keys import ACCESSION, STUDY, Key
from worklist_hub.store.port import Feed as Port
from worklist_hub.store.schema import WORKITEM_KEYS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.matching import match_from
from worklist_hub.workitem.protocol import Caller, ChangeState, Create

RACERS, STUDIES = 4, 25


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database)
    yield made
    made.close()


@pytest.fixture
def feed(store: WorkitemStore) -> Port:
    return Feed(store)


def polled(study: str = "", **more: object) -> Workitem:
    study = study or random_uid()
    return study_to_read(workitem_uid("north", study), study_instance_uid=study, **more)


def ordered(accession: str, **more: object) -> Workitem:
    return study_to_read(study_instance_uid="", accession_number=accession, **more)


def study_key(workitem: Workitem) -> Key:
    return Key("north", STUDY, workitem.study_instance_uid)


def test_many_studies_are_put_in_one_transaction_and_found_by_their_keys(feed: Port, store: WorkitemStore) -> None:
    made = [polled(accession_number=f"A{number}") for number in range(STUDIES)]
    assert feed.put(made) == (True,) * STUDIES
    assert feed.put(made) == (False,) * STUDIES
    assert len(feed.open_workitems("north")) == STUDIES
    found = feed.latest_of([study_key(one) for one in made])
    assert {key.value: item.uid for key, item in found.items()} == {one.study_instance_uid: one.uid for one in made}
    assert feed.latest_of([Key("south", STUDY, made[0].study_instance_uid)]) == {}
    by_order = feed.latest_of([Key("north", ACCESSION, "A3")])
    assert [item.uid for item in by_order.values()] == [made[3].uid]


def test_a_workitem_of_another_road_is_found_by_the_study(feed: Port, store: WorkitemStore) -> None:
    foreign = study_to_read()
    store.carry_out(foreign.uid, Create(foreign.uid, foreign.to_json()), Caller(ANN))
    assert feed.put([polled(foreign.study_instance_uid)]) == (False,)
    assert [item.uid for item in feed.latest_of([study_key(foreign)]).values()] == [foreign.uid]


def test_a_second_workitem_of_a_study_is_refused_whoever_posts_it(feed: Port, store: WorkitemStore) -> None:
    first = polled()
    feed.put([first])
    second = study_to_read(study_instance_uid=first.study_instance_uid)
    store.carry_out(second.uid, Create(second.uid, second.to_json()), Caller(ANN))
    assert store.read(second.uid) is None
    assert [item.uid for item in feed.latest_of([study_key(first)]).values()] == [first.uid]


def test_the_images_of_an_order_find_its_workitem_and_adopt_it(feed: Port) -> None:
    order = ordered("A1", clinical_question="Bleed?")
    assert feed.put([order]) == (True,)
    images = polled(accession_number="A1")
    assert feed.put([images]) == (False,)
    assert [item.uid for item in feed.latest_of([study_key(images)]).values()] == [order.uid]
    changes = dj.make(StudyInstanceUID=images.study_instance_uid)
    assert feed.adopt(Key("north", ACCESSION, "A1"), order.uid, changes)
    [item] = feed.open_workitems("north")
    assert (item.uid, item.study_instance_uid, item.clinical_question) == (
        order.uid,
        images.study_instance_uid,
        "Bleed?",
    )


def test_an_order_of_studies_that_are_there_finds_the_first_of_them(feed: Port) -> None:
    images = polled(accession_number="A1")
    assert feed.put([images, ordered("A1")]).count(True) == 1


def test_two_studies_of_one_order_are_both_on_the_list(feed: Port) -> None:
    """An accession number often covers a chest and an abdomen: the second must not be taken for the first."""
    assert feed.put([polled(accession_number="A1"), polled(accession_number="A1")]) == (True, True)


def test_the_last_of_a_chain_of_replacements_is_found_also_after_a_restart(any_database: Path | str) -> None:
    first = WorkitemStore(any_database)
    made = polled()
    Feed(first).put([made])
    first.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "away")
    again = replace(made, uid=replacement_uid(made.uid), replaces=made.uid)
    assert Feed(first).put([again]) == (True,)
    assert Feed(first).put([again]) == (False,)
    first.cancel_scheduled(again.uid, UNSPECIFIED_REASON, "away again")
    first.close()
    second = WorkitemStore(any_database)
    [last] = Feed(second).latest_of([study_key(made)]).values()
    second.close()
    assert (last.uid, last.state, last.replaces) == (again.uid, State.CANCELED, made.uid)
    assert last.cancel_reason == "away again"


def test_a_released_claim_is_followed_to_its_replacement(feed: Port, store: WorkitemStore) -> None:
    made = polled()
    feed.put([made])
    store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN))
    [last] = feed.latest_of([study_key(made)]).values()
    assert last.state is State.IN_PROGRESS


def test_a_workitem_that_cannot_be_costs_itself_alone(feed: Port, store: WorkitemStore) -> None:
    good, bad = polled(), study_to_read("not a uid")
    assert feed.put([bad, good]) == (False, True)
    again = replace(bad, uid=random_uid())
    assert feed.put([again]) == (True,), "its key leads nowhere"


def squat(store: WorkitemStore, study: str, **more: str) -> Workitem:
    """Something else under the UID that intake makes for this study of north."""
    said = {"site_id": "south", "site_name": "South", "study_instance_uid": random_uid(), **more}
    taken = study_to_read(workitem_uid("north", study), **said)
    assert store.create_if_absent(taken)
    return taken


def test_a_study_whose_uid_is_taken_by_something_else_is_on_the_list_under_another(
    feed: Port, store: WorkitemStore, caplog: pytest.LogCaptureFixture
) -> None:
    made = polled(accession_number="A1")
    taken = squat(store, made.study_instance_uid)
    assert feed.put([made, polled()]) == (True, True)
    [first, _other] = feed.open_workitems("north")
    assert (first.study_instance_uid, first.patient_name) == (made.study_instance_uid, made.patient_name)
    assert first.uid not in (made.uid, replacement_uid(made.uid))
    keys = [study_key(made), Key("north", ACCESSION, "A1")]
    assert [feed.latest_of([key])[key].uid for key in keys] == [first.uid] * 2
    assert [item.uid for item in feed.open_workitems("south")] == [taken.uid]
    [said] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said == f"the UID of a study is taken by something else: site=north workitem={made.uid} instead={first.uid}"
    assert feed.put([made]) == (False,), "it is there now"
    assert len(feed.open_workitems("north")) == 2


def test_two_that_find_the_uid_taken_make_one_workitem(any_database: Path | str) -> None:
    stores = [WorkitemStore(any_database) for _ in range(2)]
    made = polled()
    squat(stores[0], made.study_instance_uid)
    barrier = threading.Barrier(2)

    def race(store: WorkitemStore) -> None:
        barrier.wait()
        Feed(store).put([made])

    threads = [threading.Thread(target=race, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = stores[0].open_workitems("north")
    for store in stores:
        store.close()
    assert [item.study_instance_uid for item in found] == [made.study_instance_uid]


def test_a_study_that_comes_back_finds_its_place_taken_and_comes_back_all_the_same(
    feed: Port, store: WorkitemStore
) -> None:
    made = polled(accession_number="A1")
    feed.put([made])
    feed.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "away")
    place = replacement_uid(made.uid)
    assert store.create_if_absent(study_to_read(place, site_id="south", site_name="South"))
    assert feed.latest_of([study_key(made)])[study_key(made)].uid == made.uid
    again = replace(made, uid=place, replaces=made.uid)
    assert feed.put([again]) == (True,)
    [item] = feed.open_workitems("north")
    assert (item.replaces, item.study_instance_uid) == (made.uid, made.study_instance_uid)
    for key in (study_key(made), Key("north", ACCESSION, "A1")):
        assert feed.latest_of([key])[key].uid == item.uid
    assert feed.put([again]) == (False,)
    assert len(feed.open_workitems("north")) == 1


@pytest.mark.parametrize("by_order", [False, True])
def test_keys_that_lead_to_something_else_or_nowhere_hide_no_study(
    feed: Port, store: WorkitemStore, by_order: bool
) -> None:
    """As a hub of before has left them."""
    made = polled(accession_number="A1" if by_order else "")
    taken = squat(store, made.study_instance_uid)
    for uid in (taken.uid, random_uid()):
        for key in (study_key(made), Key("north", ACCESSION, "A1")):
            store.change(partial(note_again, key=key, root_uid=uid))
    assert feed.latest_of([study_key(made)]) == {}
    assert feed.put([made]) == (True,)
    [item] = feed.open_workitems("north")
    assert feed.latest_of([study_key(made)])[study_key(made)].uid == item.uid


def note_again(connection: sa.Connection, key: Key, root_uid: str) -> None:
    connection.execute(sa.delete(WORKITEM_KEYS).where(WORKITEM_KEYS.c.value == key.value))
    row = {"site_id": key.site_id, "kind": key.kind, "value": key.value, "root_uid": root_uid}
    connection.execute(sa.insert(WORKITEM_KEYS).values(row))


def test_processes_that_feed_at_once_make_one_workitem_a_study(any_database: Path | str) -> None:
    """Half of them come by the study, half by the order; all at the same moment."""
    stores = [WorkitemStore(any_database) for _ in range(RACERS)]
    studies = [random_uid() for _ in range(STUDIES)]
    barrier = threading.Barrier(RACERS)

    def race(number: int) -> None:
        road = [
            polled(study, accession_number=f"A{at}") if number % 2 else ordered(f"A{at}", uid=random_uid())
            for at, study in enumerate(studies)
        ]
        barrier.wait()
        for start in range(0, STUDIES, 5):
            Feed(stores[number]).put(road[start : start + 5])

    threads = [threading.Thread(target=race, args=(number,)) for number in range(RACERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = stores[0].open_workitems("north")
    with stores[0].reading.connect() as connection:
        keys = connection.execute(sa.select(WORKITEM_KEYS.c.kind, WORKITEM_KEYS.c.root_uid)).all()
    for one in stores:
        one.close()
    assert len(found) == STUDIES
    assert {root for _kind, root in keys} == {item.uid for item in found}
    assert sorted(kind for kind, _root in keys) == [ACCESSION] * STUDIES + [STUDY] * STUDIES


def test_what_has_changed_since_the_last_reading_is_read_again(feed: Port, store: WorkitemStore) -> None:
    made = [polled() for _ in range(3)]
    feed.put(made)
    assert [item.uid for item in feed.open_workitems("north")] == [one.uid for one in made]
    feed.update_all([(made[0].uid, dj.make(PatientID="18")), ("1.2.3", dj.make(PatientID="18"))])
    store.cancel_scheduled(made[1].uid, UNSPECIFIED_REASON, "away")
    store.carry_out(made[2].uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN))
    found = feed.open_workitems("north")
    assert [(item.uid, item.patient_id, item.state) for item in found] == [
        (made[0].uid, "18", State.SCHEDULED),
        (made[2].uid, made[2].patient_id, State.IN_PROGRESS),
    ]


def test_what_may_be_read_elsewhere_is_found_by_its_flag(feed: Port, store: WorkitemStore) -> None:
    here, elsewhere = polled(), polled(elsewhere=True, setting="STROKE")
    feed.put([here, elsewhere])
    flag = match_from("ScheduledProcessingParametersSequence.ConceptCodeSequence.CodeValue", "ELIGIBLE")
    found = store.search([flag], limit=10)
    assert [dj.text(one, "SOPInstanceUID") for one in found] == [elsewhere.uid]
