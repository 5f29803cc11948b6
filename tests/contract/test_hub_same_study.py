"""One study, one workitem, whoever creates it and however many at once; the other one is told which it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs.site import Site
from tests.peers.hub import ANN, client_of, running_hub, study_to_read
from ups import changes
from ups.client import UpsClient
from ups.codes import RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON, Person
from ups.errors import AlreadyThere
from ups.identifiers import random_uid, replacement_uid, workitem_uid
from ups.states import ProcedureStepState as State
from ups.tags import TAG_OF
from ups.workitem import Workitem
from worklist_client.settings.sign_in import HubAccounts
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.settings import AuthSettings
from worklist_hub.accounts.store import AccountStore
from worklist_hub.service import Hub
from worklist_hub.store.durability import LOSING
from worklist_hub.store.feeding import Feed
from worklist_hub.store.keys import ACCESSION, Key
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState, Create, Decision, Refusal, Update

ROUNDS = 20
PASSWORD = "only of these tests"


@pytest.fixture
def hubs(tmp_path: Path, any_database: Path | str) -> Iterator[tuple[Hub, ...]]:
    """Two on one PostgreSQL; SQLite has one hub, whose callers are at once all the same."""
    with ExitStack() as stack:
        if isinstance(any_database, Path):
            yield (stack.enter_context(running_hub(tmp_path)),) * 2
            return
        made = []
        for name in ("a", "b"):
            (tmp_path / name).mkdir()
            hub = running_hub(tmp_path / name, database_url=any_database, durability=LOSING)
            made.append(stack.enter_context(hub))
        yield tuple(made)


def created(client: UpsClient, workitem: Workitem) -> str:
    """The UID of the workitem that is there for it then."""
    try:
        client.create(workitem)
    except AlreadyThere as error:
        return error.instead
    return workitem.uid


def test_callers_who_create_one_study_at_once_get_one_workitem_and_its_uid(hubs: tuple[Hub, ...]) -> None:
    barrier, told = threading.Barrier(len(hubs)), list[dict[str, str]]()
    studies = {random_uid(): f"A{place}" for place in range(ROUNDS)}

    def feeder(hub: Hub) -> None:
        mine: dict[str, str] = {}
        with client_of(hub) as client:
            for study, order in studies.items():
                made = study_to_read(study_instance_uid=study, accession_number=order)
                barrier.wait(20)
                mine[study] = created(client, made)
        told.append(mine)

    threads = [threading.Thread(target=feeder, args=(hub,)) for hub in hubs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with client_of(hubs[0]) as client:
        there = {row.study_instance_uid: row.uid for row in client.iter_search()}
    assert set(there) == set(studies)
    assert told == [there, there]


def test_callers_who_create_one_order_at_once_get_one_workitem(any_database: Path | str) -> None:
    """Before there are images an order has its number alone."""
    stores = [WorkitemStore(any_database) for _ in range(2 if isinstance(any_database, str) else 1)] * 2
    barrier, uids, instead = threading.Barrier(2), list[str](), list[str]()

    def feeder(store: WorkitemStore) -> None:
        for place in range(ROUNDS):
            made = study_to_read(study_instance_uid="", accession_number=f"A{place}")
            barrier.wait(20)
            outcome = store.carry_out(made.uid, Create(made.uid, made.to_json()), Caller(ANN))
            if isinstance(outcome, Decision):
                uids.append(made.uid)
            else:
                instead.append(outcome.instead)

    threads = [threading.Thread(target=feeder, args=(store,)) for store in stores[:2]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    there = {item.uid for item in stores[0].open_workitems("north")}
    for store in dict.fromkeys(stores):
        store.close()
    assert len(there) == ROUNDS
    assert set(uids) == set(instead) == there
    assert len(uids) == ROUNDS


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database)
    yield made
    made.close()


def post(store: WorkitemStore, workitem: Workitem) -> Decision | Refusal:
    return store.carry_out(workitem.uid, Create(workitem.uid, workitem.to_json()), Caller(ANN))


def test_images_that_come_for_an_order_on_the_list_are_told_its_workitem(store: WorkitemStore) -> None:
    order = study_to_read(study_instance_uid="", accession_number="A1")
    assert isinstance(post(store, order), Decision)
    refused = post(store, study_to_read(accession_number="A1"))
    assert isinstance(refused, Refusal)
    assert refused.instead == order.uid


def test_two_studies_of_one_order_and_the_same_number_of_two_hospitals_are_all_listed(store: WorkitemStore) -> None:
    made = [study_to_read(accession_number="A1") for _ in range(2)]
    made.append(study_to_read(accession_number="A1", site_id="south", site_name="South", study_instance_uid=""))
    assert all(isinstance(post(store, one), Decision) for one in made)


def test_a_refused_second_one_leaves_no_key_that_leads_nowhere(store: WorkitemStore) -> None:
    first = study_to_read(accession_number="A1")
    post(store, first)
    assert isinstance(
        post(store, study_to_read(study_instance_uid=first.study_instance_uid, accession_number="A2")), Refusal
    )
    order = study_to_read(study_instance_uid="", accession_number="A2")
    assert Feed(store).put([order]) == (True,)


def by_order(store: WorkitemStore, number: str) -> list[str]:
    return [item.uid for item in Feed(store).latest_of([Key("north", ACCESSION, number)]).values()]


def order_of(workitem: Workitem, number: str) -> dict[str, Any]:
    """The change that corrects the number of its order."""
    tag = TAG_OF["ReferencedRequestSequence"]
    return {tag: replace(workitem, accession_number=number).to_json()[tag]}


def test_a_study_is_found_by_its_corrected_accession_number_and_no_more_by_the_wrong_one(store: WorkitemStore) -> None:
    made = study_to_read(accession_number="WRONG")
    Feed(store).put([made])
    Feed(store).update_all([(made.uid, order_of(made, "RIGHT"))])
    assert (by_order(store, "RIGHT"), by_order(store, "WRONG")) == ([made.uid], [])
    late = study_to_read(study_instance_uid="", accession_number="RIGHT")
    assert Feed(store).put([late]) == (False,)
    refused = post(store, late)
    assert isinstance(refused, Refusal)
    assert refused.instead == made.uid


INTAKE = Caller(Person("9", "His", "North"), grants=(Grant("north", Role.INTAKE),))


def test_an_order_that_is_given_the_study_of_another_workitem_is_refused_and_told_which(store: WorkitemStore) -> None:
    """Else two readers would each claim the study."""
    polled, order = study_to_read(accession_number="A1"), study_to_read(study_instance_uid="", accession_number="A2")
    assert Feed(store).put([polled, order]) == (True, True)
    given = replace(order, study_instance_uid=polled.study_instance_uid).to_json()
    named = {TAG_OF[name]: given[TAG_OF[name]] for name in ("StudyInstanceUID", "ReferencedRequestSequence")}
    refused = store.carry_out(order.uid, Update(named), INTAKE)
    assert isinstance(refused, Refusal)
    assert refused.instead == polled.uid
    assert by_order(store, "A2") == [order.uid]
    assert store.open_workitems("north")[1].study_instance_uid == ""


def test_nobody_takes_the_place_that_a_release_will_need(store: WorkitemStore) -> None:
    """The reader of north released; the study was on no list, and his draft went to a reader of south."""
    made, transaction = study_to_read(), random_uid()
    Feed(store).put([made])
    south = {"site_id": "south", "site_name": "South"}
    for uid in (replacement_uid(made.uid), replacement_uid(replacement_uid(made.uid)), workitem_uid("north", "1.2.3")):
        refused = post(store, study_to_read(uid, **south))
        assert isinstance(refused, Refusal)
        assert "UID of version 5" in refused.text
    for request in (
        ChangeState(State.IN_PROGRESS, transaction),
        Update(changes.progress(reason="given back", code=RESCHEDULING_RECOMMENDED), transaction),
        ChangeState(State.CANCELED, transaction),
    ):
        assert isinstance(store.carry_out(made.uid, request, Caller(ANN)), Decision)
    assert [item.uid for item in store.open_workitems("north")] == [replacement_uid(made.uid)]


def test_what_was_taken_off_the_list_is_put_back_in_its_own_place_by_its_own_study_alone(store: WorkitemStore) -> None:
    made = study_to_read()
    Feed(store).put([made])
    back = replace(made, uid=replacement_uid(made.uid), replaces=made.uid)
    assert isinstance(post(store, back), Refusal)  # it is there
    assert Feed(store).cancel_scheduled(made.uid, UNSPECIFIED_REASON, "read elsewhere")
    assert isinstance(post(store, replace(back, site_id="south", site_name="South")), Refusal)
    assert isinstance(post(store, replace(back, study_instance_uid=random_uid())), Refusal)
    assert isinstance(post(store, replace(back, replaces="")), Refusal)
    assert isinstance(post(store, back), Decision)
    assert [item.uid for item in store.open_workitems("north")] == [back.uid]


def test_a_feeder_may_name_a_study_of_its_own_as_polling_would(store: WorkitemStore) -> None:
    study = random_uid()
    assert isinstance(post(store, study_to_read(workitem_uid("north", study), study_instance_uid=study)), Decision)


def test_a_correction_after_a_release_goes_to_the_whole_chain(store: WorkitemStore) -> None:
    made, transaction = study_to_read(accession_number="WRONG"), random_uid()
    feed = Feed(store)
    feed.put([made])
    for request in (
        ChangeState(State.IN_PROGRESS, transaction),
        Update(changes.progress(reason="given back", code=RESCHEDULING_RECOMMENDED), transaction),
        ChangeState(State.CANCELED, transaction),
    ):
        assert isinstance(store.carry_out(made.uid, request, Caller(ANN)), Decision)
    [replacement] = feed.open_workitems("north")
    assert feed.update_scheduled(replacement.uid, order_of(replacement, "RIGHT"))
    assert (by_order(store, "RIGHT"), by_order(store, "WRONG")) == ([replacement.uid], [])


@pytest.fixture
def feeder(tmp_path: Path) -> Iterator[UpsClient]:
    """A feeder over HTTP: an account with the role of intake."""
    auth = AuthSettings(accounts=True, signing_key_file=str(tmp_path / "key.pem"))
    with running_hub(tmp_path, sites=(Site("north", "North", "#2f6fb5"),), auth=auth) as hub:
        grant = Grant("north", Role.INTAKE)
        AccountStore(hub.store.database).create("his", Person("9", "His", "North"), (grant,), PASSWORD)
        client = UpsClient(hub.url, token=HubAccounts(hub.url).sign_in("his", PASSWORD).access)
        yield client
        client.close()


def test_a_feeder_over_http_is_told_the_first_workitem_of_a_study_it_posts_twice(feeder: UpsClient) -> None:
    first = study_to_read(accession_number="A1")
    feeder.create(first)
    with pytest.raises(AlreadyThere, match="on the list already") as again:
        feeder.create(study_to_read(study_instance_uid=first.study_instance_uid, accession_number="A1"))
    assert again.value.instead == first.uid
    with pytest.raises(AlreadyThere) as order:
        feeder.create(study_to_read(study_instance_uid="", accession_number="A1"))
    assert order.value.instead == first.uid


def test_a_feeder_over_http_brings_the_images_to_the_order_that_it_was_told(feeder: UpsClient) -> None:
    order = study_to_read(study_instance_uid="", accession_number="A1", clinical_question="Bleed?")
    feeder.create(order)
    images = study_to_read(accession_number="A1")
    with pytest.raises(AlreadyThere) as there:
        feeder.create(images)
    brought = replace(order, study_instance_uid=images.study_instance_uid).to_json()
    feeder.update(
        there.value.instead, {tag: brought[tag] for tag in brought if brought[tag] != order.to_json().get(tag)}
    )
    found = feeder.retrieve(order.uid)
    assert (found.study_instance_uid, found.clinical_question) == (images.study_instance_uid, "Bleed?")
    with pytest.raises(AlreadyThere) as again:
        feeder.create(study_to_read(study_instance_uid=images.study_instance_uid))
    assert again.value.instead == order.uid


def test_a_feeder_over_http_corrects_an_order_which_is_found_by_its_new_number(feeder: UpsClient) -> None:
    first = study_to_read(accession_number="WRONG")
    feeder.create(first)
    feeder.update(first.uid, order_of(first, "RIGHT"))
    with pytest.raises(AlreadyThere) as order:
        feeder.create(study_to_read(study_instance_uid="", accession_number="RIGHT"))
    assert order.value.instead == first.uid
    feeder.create(study_to_read(study_instance_uid="", accession_number="WRONG"))
