"""Reserve, assign, take over, hand over: two desks of two readers, and two of one, on the real hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups import changes
from ups.claiming import ClaimKind
from ups.client import UpsClient
from ups.codes import Person
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from worklist_client.journal import DraftRow, DraftState, Journal
from worklist_client.worklist.assigning import Assigning, AssignKind, TakeOverKind, was_handed_over
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.entries import Status
from worklist_client.worklist.outcomes import FenceKind, NotClaimedHere
from worklist_client.worklist.rows import entry_from_workitem
from worklist_hub.service import Hub
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ClaimRules, Sweep

DRAFT = {"findings": "a small haemorrhage"}


class Desk:
    def __init__(self, client: UpsClient, journal: Journal) -> None:
        self.client, self.journal = client, journal
        self.claims = ClaimDesk(journal, client, random_uid, lambda: datetime.now(UTC))
        self.assigning = Assigning(client, self.claims)


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(tmp_path: Path, clock: Clock) -> Iterator[Hub]:
    store = WorkitemStore(tmp_path / "worklist.sqlite", clock=clock)
    rules = ClaimRules(timedelta(minutes=5), timedelta(minutes=15))
    with running_hub(tmp_path, intake_enabled=False, store=store, claims=rules) as running:
        yield running


@contextmanager
def desk_of(hub: Hub, folder: Path, reader: Person = ANN, name: str = "") -> Iterator[Desk]:
    path = folder / f"{reader.code}{name}" / "journal.sqlite"
    with client_of(hub, reader) as client, Journal.open(path) as journal:
        yield Desk(client, journal)


@pytest.fixture
def ann(hub: Hub, tmp_path: Path) -> Iterator[Desk]:
    with desk_of(hub, tmp_path) as made:
        yield made


@pytest.fixture
def bob(hub: Hub, tmp_path: Path) -> Iterator[Desk]:
    with desk_of(hub, tmp_path, BOB) as made:
        yield made


@pytest.fixture
def study(ann: Desk) -> str:
    made = study_to_read()
    ann.client.create(made)
    return made.uid


def silent_for(hub: Hub, clock: Clock, minutes: int, uid: str) -> None:
    clock.now += timedelta(minutes=minutes)
    hub.store.carry_out(uid, Sweep(), Caller())


def test_a_reservation_is_seen_and_the_last_word_counts(ann: Desk, bob: Desk, study: str) -> None:
    assert ann.assigning.reserve(study).kind is AssignKind.DONE
    entry = entry_from_workitem(bob.client.retrieve(study), me=BOB.code, sites={})
    assert (entry.status, entry.reserved_for_code) == (Status.RESERVED, ANN.code)
    assert bob.assigning.assign(study, BOB).kind is AssignKind.DONE
    assert bob.assigning.assign(study, None).kind is AssignKind.DONE
    assert ann.client.retrieve(study).reserved_for is None


def test_what_somebody_has_claimed_cannot_be_reserved(ann: Desk, bob: Desk, study: str) -> None:
    ann.claims.claim(study)
    assert bob.assigning.reserve(study).kind is AssignKind.GONE
    assert bob.assigning.reserve("1.2.3").kind is AssignKind.GONE


def test_a_live_claim_is_asked_for_and_a_stale_one_is_taken(
    hub: Hub, clock: Clock, ann: Desk, bob: Desk, study: str
) -> None:
    ann.claims.claim(study)
    ann.assigning.note_started(study)
    assert bob.assigning.take_over(study, "stroke team waits").kind is TakeOverKind.ASKED
    silent_for(hub, clock, 20, study)
    entry = entry_from_workitem(bob.client.retrieve(study), me=BOB.code, sites={})
    assert entry.silent_since is not None  # shown as stale, and not taken away: a report was begun
    assert bob.assigning.take_over(study, "").kind is TakeOverKind.REFUSED
    taken = bob.assigning.take_over(study, "stroke team waits")
    assert taken.kind is TakeOverKind.TAKEN
    assert bob.claims.claim(taken.replacement_uid).kind is ClaimKind.WON


def test_the_first_reader_loses_the_claim_and_not_his_text(
    hub: Hub, clock: Clock, ann: Desk, bob: Desk, study: str
) -> None:
    ann.claims.claim(study)
    row = DraftRow(random_uid(), study, "north", "1.2", "i", "p", "{}", 1, datetime.now(UTC))
    ann.journal.drafts.save(row)
    ann.assigning.note_started(study)
    silent_for(hub, clock, 20, study)
    assert bob.assigning.take_over(study, "patient is getting worse").kind is TakeOverKind.TAKEN
    assert [result.kind for result in ann.claims.heartbeat()] == [ClaimKind.LOST]
    assert ann.journal.drafts.get(row.draft_uid).state is DraftState.ORPHAN
    assert ann.claims.fence(study).kind is FenceKind.REFUSED
    assert ann.client.retrieve(study).cancel_reason == "patient is getting worse"


def test_a_sign_of_life_takes_the_mark_away(hub: Hub, clock: Clock, ann: Desk, study: str) -> None:
    ann.claims.claim(study)
    ann.assigning.note_started(study)
    silent_for(hub, clock, 6, study)
    assert ann.client.retrieve(study).silent_since
    assert [result.kind for result in ann.claims.heartbeat()] == [ClaimKind.WON]
    assert ann.client.retrieve(study).silent_since == ""


def test_another_desk_of_the_same_reader_goes_on_at_once(hub: Hub, tmp_path: Path, ann: Desk, study: str) -> None:
    ann.claims.claim(study)
    ann.assigning.note_started(study)
    with desk_of(hub, tmp_path, ANN, "home") as home:
        taken = home.assigning.take_over(study, "going on at home")
        assert taken.kind is TakeOverKind.TAKEN
        assert home.claims.claim(taken.replacement_uid).kind is ClaimKind.WON
    assert [result.kind for result in ann.claims.heartbeat()] == [ClaimKind.LOST]


def test_what_is_signed_cannot_be_taken(hub: Hub, clock: Clock, ann: Desk, bob: Desk, study: str) -> None:
    ann.claims.claim(study)
    assert ann.claims.fence(study).kind is FenceKind.PASSED
    silent_for(hub, clock, 60, study)
    refused = bob.assigning.take_over(study, "mine")
    assert (refused.kind, bob.client.retrieve(study).state) == (TakeOverKind.REFUSED, State.IN_PROGRESS)


def test_a_study_is_handed_over_with_its_draft(ann: Desk, bob: Desk, study: str) -> None:
    ann.claims.claim(study)
    released = ann.assigning.hand_over(study, BOB, DRAFT, "my night ends")
    assert was_handed_over(released)
    assert bob.client.retrieve(released.replacement_uid).reserved_for == BOB
    bob.claims.claim(released.replacement_uid)
    found = bob.assigning.handed_draft(released.replacement_uid)
    assert found is not None
    assert (found.author, found.draft) == (ANN.code, DRAFT)
    with pytest.raises(NotClaimedHere):
        ann.assigning.handed_draft(study)


def test_without_a_draft_there_is_none_to_take(ann: Desk, bob: Desk, study: str) -> None:
    ann.claims.claim(study)
    released = ann.assigning.hand_over(study, None, None)
    bob.claims.claim(released.replacement_uid)
    assert bob.assigning.handed_draft(released.replacement_uid) is None
    bob.assigning.note_started(released.replacement_uid)
    bob.claims.fence(released.replacement_uid)
    bob.assigning.note_started(released.replacement_uid)  # does not take the fence back
    assert bob.client.retrieve(released.replacement_uid).progress_percent == changes.FENCED_PERCENT
