"""The live list: late, doubled and shuffled news end in the same list; a release looks like a release."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pacs.site import Site
from ups.codes import RESCHEDULED, Code, Person
from ups.events import Changed, ChannelState, Progress, Snapshot
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.worklist.entries import Status
from worklist_client.worklist.live import ChangeSet, LiveList

ME, OTHER = Person("r1", "Vries^Anna"), Person("r2", "Jong^Bert")
S, P, D, C = ProcedureStepState


def workitem(number: int = 1, second: int = 0, **changes: Any) -> Workitem:
    made = Workitem(
        uid=f"2.25.{number}",
        readiness="READY",
        study_instance_uid=f"1.2.{number}",
        site_id="north",
        modified=f"202603010300{second:02d}.000000+0000",
    )
    return replace(made, **changes)


def released(second: int) -> tuple[Workitem, Workitem]:
    """The cancelled workitem and its replacement, as the hub tells of both."""
    old = workitem(1, second, state=C, holder=OTHER, cancel_code=RESCHEDULED)
    new = workitem(1, second, uid=replacement_uid(old.uid), replaces=old.uid)
    return old, new


def uids(changes: ChangeSet) -> tuple[list[str], list[str], list[tuple[str, str]]]:
    return (
        [row.workitem_uid for row in changes.added],
        [row.workitem_uid for row in changes.changed],
        list(changes.removed),
    )


@pytest.fixture
def live() -> LiveList:
    made = LiveList("r1", [Site("north", "North", "#123456", issuer_of_patient_id="N")])
    made.apply(Snapshot((workitem(1), workitem(2)), True))
    return made


def test_a_claim_of_this_desk_is_mine_whatever_number_it_was_made_with() -> None:
    """A mistyped number is corrected in the settings while a study is held: it read as gone to another reader."""
    held = {"2.25.1"}
    live = LiveList("corrected", name="Vries^Anna", holds=held.__contains__)
    live.apply(Snapshot((workitem(1, state=P, holder=ME), workitem(2, state=P, holder=ME)), True))
    assert live.get(("north", "1.2.1")).status is Status.MINE
    assert live.get(("north", "1.2.1")).is_own
    assert live.get(("north", "1.2.2")).status is Status.CLAIMED


def test_a_study_of_somebody_who_shares_my_number_is_not_mine() -> None:
    live = LiveList("r1", name="Bakker^Cas")
    live.apply(Snapshot((workitem(1, state=P, holder=ME),), True))
    assert live.get(("north", "1.2.1")).status is Status.CLAIMED
    assert live.known_as("r1", "VRIES^Anna^^dr.").changed[0].status is Status.MINE


def test_what_the_journal_learned_of_a_claim_is_looked_up_again() -> None:
    held: set[str] = set()
    live = LiveList("corrected", holds=held.__contains__)
    live.apply(Snapshot((workitem(1, state=P, holder=ME), workitem(2, state=P, holder=ME)), True))
    assert live.look_again(["2.25.1", "2.25.7"]).is_empty
    held.update(("2.25.1", "2.25.2"))
    assert uids(live.look_again(["2.25.1"])) == ([], ["2.25.1"], [])
    held.clear()
    assert live.look_again(["2.25.1"]).changed[0].status is Status.CLAIMED


def test_the_first_snapshot_adds_everything() -> None:
    changes = LiveList("r1").apply(Snapshot((workitem(1), workitem(2)), True))
    assert uids(changes) == (["2.25.1", "2.25.2"], [], [])


def test_a_change_changes_one_row(live: LiveList) -> None:
    changes = live.apply(Changed(workitem(1, 5, state=P, holder=OTHER)))
    assert uids(changes) == ([], ["2.25.1"], [])
    row = live.get(("north", "1.2.1"))
    assert (row.status, row.holder) == (Status.CLAIMED, "Jong^Bert")
    assert live.of_workitem("2.25.1") == row


def test_the_same_news_twice_is_no_news(live: LiveList) -> None:
    news = Changed(workitem(1, 5, state=P, holder=ME))
    assert not live.apply(news).is_empty
    assert live.apply(news).is_empty


def test_an_older_word_is_dropped(live: LiveList) -> None:
    live.apply(Changed(workitem(1, 5, state=P, holder=ME)))
    assert live.apply(Changed(workitem(1, 4))).is_empty
    assert live.get(("north", "1.2.1")).status is Status.MINE


def test_what_is_over_never_opens_again(live: LiveList) -> None:
    live.apply(Changed(workitem(1, 5, state=D)))
    assert live.apply(Changed(workitem(1, 6, state=P))).is_empty


def test_a_release_shows_as_available_from_its_first_event_on(live: LiveList) -> None:
    live.apply(Changed(workitem(1, 5, state=P, holder=OTHER)))
    old, new = released(6)
    first = live.apply(Changed(old))
    assert [row.status for row in first.changed] == [Status.AVAILABLE]
    assert first.changed[0].workitem_uid == new.uid
    assert (first.changed[0].holder, first.changed[0].cancel_reason) == ("", "")
    live.apply(Changed(new))
    assert live.get(("north", "1.2.1")).workitem_uid == new.uid
    assert live.apply(Changed(old)).is_empty


def test_the_replacement_may_come_before_the_end_of_the_old_one(live: LiveList) -> None:
    live.apply(Changed(workitem(1, 5, state=P, holder=OTHER)))
    old, new = released(6)
    live.apply(Changed(new))
    assert live.apply(Changed(old)).is_empty
    assert live.apply(Changed(workitem(1, 9, state=P, holder=OTHER))).is_empty
    assert live.get(("north", "1.2.1")).status is Status.AVAILABLE


def test_a_take_over_reserves_the_replacement(live: LiveList) -> None:
    old, new = released(6)
    live.apply(Changed(old))
    live.apply(Changed(replace(new, reserved_for=ME)))
    row = live.get(("north", "1.2.1"))
    assert (row.status, row.reserved_for) == (Status.RESERVED, "Vries^Anna")


def test_a_withdrawn_study_shows_as_withdrawn_with_its_reason(live: LiveList) -> None:
    code = Code("110510", "DCM", "Duplicate order")
    live.apply(Changed(workitem(1, 5, state=C, cancel_code=code)))
    row = live.get(("north", "1.2.1"))
    assert (row.status, row.cancel_reason) == (Status.CANCELED, "Duplicate order")


def test_a_release_of_a_study_never_seen_waits_for_its_replacement(live: LiveList) -> None:
    old, new = (replace(item, study_instance_uid="1.2.9") for item in released(6))
    assert live.apply(Changed(old)).is_empty
    assert [row.workitem_uid for row in live.apply(Changed(new)).added] == [new.uid]


def test_the_same_study_at_two_sites_is_two_rows(live: LiveList) -> None:
    changes = live.apply(Changed(workitem(1, 5, uid="2.25.77", site_id="west")))
    assert len(changes.added) == 1
    assert len(live.entries) == 3


def test_a_workitem_without_site_or_study_is_no_study_to_read(live: LiveList) -> None:
    assert live.apply(Changed(workitem(3, site_id=""))).is_empty
    assert live.apply(Changed(workitem(3, study_instance_uid=""))).is_empty


def test_a_new_order_for_a_finished_study_takes_its_row_and_an_old_one_does_not(live: LiveList) -> None:
    live.apply(Changed(workitem(1, 5, state=D)))
    live.apply(Changed(workitem(1, 3, uid="2.25.500")))
    assert live.get(("north", "1.2.1")).workitem_uid == "2.25.500"
    assert live.apply(Changed(workitem(1, 9, state=D))).is_empty


def test_a_complete_snapshot_forgets_open_rows_that_are_gone_but_not_reported_ones(live: LiveList) -> None:
    live.apply(Changed(workitem(3, 1, state=D)))
    changes = live.apply(Snapshot((workitem(2),), True))
    assert uids(changes) == ([], [], [("north", "1.2.1")])
    assert {row.workitem_uid for row in live.entries} == {"2.25.2", "2.25.3"}


def test_a_snapshot_after_a_gap_forgets_nothing(live: LiveList) -> None:
    assert uids(live.apply(Snapshot((workitem(2, 5, state=P),), False))) == ([], ["2.25.2"], [])
    assert len(live.entries) == 2


def test_finished_rows_are_dropped_when_they_are_old(live: LiveList) -> None:
    live.apply(Changed(workitem(1, 5, state=D)))
    live.apply(Changed(workitem(2, 5, state=P)))
    assert live.drop_finished("20260301030005").removed == ()
    assert live.drop_finished("20260301030006").removed == (("north", "1.2.1"),)
    assert len(live.entries) == 1


def test_a_directory_that_comes_later_fills_in_the_issuer() -> None:
    live = LiveList("r1")
    live.apply(Changed(workitem(1, patient_id="100")))
    changes = live.replace_sites([Site("north", "North", "#123456", issuer_of_patient_id="N")])
    assert [row.patient.key.issuer for row in changes.changed] == ["N"]
    assert live.replace_sites([Site("north", "North", "#123456", issuer_of_patient_id="N")]).is_empty


def test_other_events_change_no_row(live: LiveList) -> None:
    assert live.apply(ChannelState(False, "away")).is_empty
    assert live.apply(Progress("2.25.1", 50.0, "reading")).is_empty


@given(st.randoms(use_true_random=False), st.booleans())
def test_any_order_and_repetition_of_news_ends_in_the_same_list(chosen: random.Random, twice: bool) -> None:
    old, new = released(3)
    history = [
        workitem(1, 0),
        workitem(1, 1, state=P, holder=OTHER),
        workitem(1, 2, state=P, holder=OTHER, progress_percent=50.0),
        old,
        new,
        replace(new, modified="20260301030004.000000+0000", state=P, holder=ME),
        workitem(2, 1),
        workitem(2, 2, state=P, holder=OTHER),
        workitem(2, 3, state=D, holder=OTHER),
    ]
    news = history * 2 if twice else list(history)
    chosen.shuffle(news)
    live = LiveList("r1")
    for item in news:
        live.apply(Changed(item))
    rows = {row.study_instance_uid: (row.workitem_uid, row.status) for row in live.entries}
    assert rows == {"1.2.1": (new.uid, Status.MINE), "1.2.2": ("2.25.2", Status.REPORTED)}
