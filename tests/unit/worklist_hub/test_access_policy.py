"""The policy by itself: what each role may do, and what is shown of a row."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.peers.hub import ANN, BOB, study_to_read
from ups import dicom_json as dj
from ups.states import Answer
from ups.states import ProcedureStepState as State
from worklist_hub.access import policy
from worklist_hub.access.grants import EVERYTHING, Grant, GrantError, Privilege, Role, within
from worklist_hub.access.policy import Action, Row, may, row_filter, verdict_on
from worklist_hub.access.view import event_for, shown
from worklist_hub.workitem.claims import hash_of
from worklist_hub.workitem.decisions import decide
from worklist_hub.workitem.events import events_of
from worklist_hub.workitem.protocol import Caller, ChangeState, Create, Decision, Refusal, RequestCancel, Stored, Update

ROW = Row("north", "neuro")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FREE = study_to_read(
    "1.2.3",
    expertise="neuro",
    patient_id="4711",
    birth_date="19600502",
    study_date="20260501",
    clinical_question="Bleeding?",
    accession_number="A1",
).to_json()


def caller(*grants: Grant, reader: Any = ANN) -> Caller:
    return Caller(reader, grants=grants)


def member(role: Role, site: str = "north", **more: Any) -> Caller:
    return caller(Grant(site, role, **more))


def held_by(person: Any, state: State = State.IN_PROGRESS) -> dict[str, Any]:
    made = copy.deepcopy(FREE)
    performed: dict[str, Any] = {}
    dj.put_items(performed, "ActualHumanPerformersSequence", [person.item()])
    dj.put_items(made, "UnifiedProcedureStepPerformedProcedureSequence", [performed])
    dj.put(made, "ProcedureStepState", state.value)
    return made


ALLOWED: dict[Role, set[Action]] = {
    Role.READER: {Action.SEE, Action.RETRIEVE, Action.CLAIM, Action.RESERVE, Action.TAKE_OVER, Action.READ_ELSEWHERE},
    Role.COORDINATOR: {
        Action.SEE,
        Action.RETRIEVE,
        Action.RESERVE,
        Action.ASSIGN,
        Action.READ_ELSEWHERE,
        Action.CORRECT,
        Action.CREATE,
    },
    Role.SITE_ADMINISTRATOR: {Action.SEE, Action.RETRIEVE, Action.READ_ELSEWHERE, Action.ACCOUNTS, Action.AUDIT},
    Role.INTAKE: {Action.SEE, Action.RETRIEVE, Action.CREATE, Action.CORRECT, Action.READ_ELSEWHERE},
    Role.OBSERVER: {Action.SEE, Action.RETRIEVE},
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_its_line_says_and_nothing_else(role: Role, action: Action) -> None:
    assert bool(may(member(role), action, ROW)) is (action in ALLOWED[role])


@pytest.mark.parametrize("action", set(Action) - {Action.CREATE, Action.ACCOUNTS, Action.AUDIT})
@pytest.mark.parametrize(
    "who",
    [
        caller(),
        Caller(ANN),
        *(member(role, "south") for role in Role),
        member(Role.READER, expertise=frozenset({"msk"})),
        member(Role.READER, removed=frozenset({Privilege.SEE})),
    ],
)
def test_a_row_outside_every_grant_does_not_exist(who: Caller, action: Action) -> None:
    verdict = may(who, action, ROW)
    assert not verdict
    assert verdict.is_hidden


def test_without_any_grant_not_even_a_hospital_can_be_asked_about() -> None:
    for action in Action:
        assert not may(caller(), action, ROW)
        assert not may(Caller(is_feed=True), action, ROW)


def test_privileges_widen_and_narrow_a_role_at_one_hospital() -> None:
    who = caller(
        Grant("north", Role.READER, added=frozenset({Privilege.ASSIGN})),
        Grant("south", Role.READER, removed=frozenset({Privilege.TAKE_OVER})),
    )
    assert may(who, Action.ASSIGN, ROW)
    assert not may(who, Action.ASSIGN, Row("south"))
    assert may(who, Action.TAKE_OVER, ROW)
    assert may(who, Action.TAKE_OVER, Row("south")).reason == policy.NOT_TAKE_OVER


def test_what_a_reader_holds_stays_his_when_his_grant_is_gone() -> None:
    mine = held_by(ANN)
    assert may(caller(), Action.HOLD, mine)
    assert shown(caller(), mine) == mine
    assert row_filter(caller(), ["PatientID"]).admits(mine)
    assert not may(caller(reader=BOB), Action.HOLD, mine)


def signed_in(subject: str, *grants: Grant) -> Caller:
    return Caller(ANN, grants=grants, subject=subject)


def claimed(by: Caller) -> dict[str, Any]:
    stored = Stored(copy.deepcopy(FREE), State.SCHEDULED)
    made = decide(stored, ChangeState(State.IN_PROGRESS, "1.2"), replace(by, grants=EVERYTHING), NOON)
    assert isinstance(made, Decision)
    assert made.dataset is not None
    return made.dataset


def test_another_account_with_the_holder_s_number_neither_sees_nor_has_the_claim() -> None:
    ann, namesake = signed_in("idp|ann"), signed_in("idp|bob")
    theirs = claimed(ann)
    assert may(ann, Action.SEE, theirs)
    assert shown(namesake, theirs) is None
    assert not row_filter(namesake, ["PatientID"]).admits(theirs)
    stored = Stored(theirs, State.IN_PROGRESS, hash_of("1.2"))
    for who in (namesake, replace(namesake, grants=EVERYTHING)):
        assert isinstance(decide(stored, ChangeState(State.IN_PROGRESS, "1.2"), who, NOON), Refusal)
        assert isinstance(decide(stored, ChangeState(State.COMPLETED, "1.2"), who, NOON), Refusal)
    taken = decide(stored, RequestCancel("mine"), replace(namesake, grants=EVERYTHING), NOON)
    assert isinstance(taken, Decision)
    assert taken.replacement is None  # passed on to the holder, not taken over


def test_the_same_account_is_the_holder_at_whatever_desk_and_a_claim_that_names_none_is_known_by_its_number() -> None:
    ann = signed_in("idp|ann", *EVERYTHING)
    stored = Stored(claimed(ann), State.IN_PROGRESS, hash_of("1.2"))
    assert isinstance(decide(stored, ChangeState(State.IN_PROGRESS, "1.2"), replace(ann, ae_title="B"), NOON), Decision)
    taken = decide(stored, RequestCancel("mine"), ann, NOON)
    assert isinstance(taken, Decision)
    assert taken.replacement is not None
    assert may(signed_in("idp|ann"), Action.HOLD, held_by(ANN))


@pytest.mark.parametrize("state", [State.COMPLETED, State.CANCELED])
def test_what_a_reader_held_is_his_no_more_once_it_is_home_or_given_back(state: State) -> None:
    moved, still_here = signed_in("idp|ann", Grant("south", Role.READER)), signed_in("idp|ann", *EVERYTHING)
    over = {**claimed(moved), **dj.make(ProcedureStepState=state.value)}
    assert shown(moved, over) is None
    assert not row_filter(moved, ["PatientID"]).admits(over)
    assert shown(still_here, over) == over


def test_whoever_lost_both_claim_and_grant_is_told_what_became_of_the_claim() -> None:
    moved = signed_in("idp|ann", Grant("south", Role.READER))
    over = {**claimed(moved), **dj.make(ProcedureStepState="CANCELED")}
    stored = Stored(over, State.CANCELED, hash_of("1.2"))
    told = decide(stored, ChangeState(State.COMPLETED, "1.2"), moved, NOON)
    assert isinstance(told, Refusal)
    assert told.answer is Answer.ALREADY_CANCELED or told.answer.is_failure
    assert told.answer is not Answer.UNKNOWN_WORKITEM
    again = decide(stored, ChangeState(State.CANCELED, "1.2"), moved, NOON)
    assert isinstance(again, Decision)


def test_a_stolen_transaction_uid_is_not_enough_and_a_wrong_one_is_told_as_wrong() -> None:
    stored = Stored(held_by(ANN), State.IN_PROGRESS, hash_of("1.2"))
    thief = Caller(BOB, grants=EVERYTHING)
    now = datetime(2026, 1, 1, tzinfo=UTC)
    stolen = decide(stored, ChangeState(State.CANCELED, "1.2"), thief, now)
    assert isinstance(stolen, Refusal)
    assert stolen.is_forbidden
    assert stolen.text == policy.NOT_YOURS
    wrong = decide(stored, ChangeState(State.CANCELED, "1.3"), thief, now)
    assert isinstance(wrong, Refusal)
    assert wrong.answer is Answer.WRONG_TRANSACTION_UID
    assert not isinstance(decide(stored, ChangeState(State.CANCELED, "1.2"), Caller(ANN, grants=()), now), Refusal)


def test_a_refusal_of_a_hidden_row_is_that_of_an_unknown_one() -> None:
    stored, now = Stored(held_by(ANN), State.IN_PROGRESS, hash_of("1.2")), datetime(2026, 1, 1, tzinfo=UTC)
    stranger = member(Role.READER, "south", expertise=frozenset())
    stranger = replace(stranger, reader=BOB)
    for request in (ChangeState(State.IN_PROGRESS, "1.3"), Update({}), Update({}, "1.3"), RequestCancel()):
        assert decide(stored, request, stranger, now) == decide(None, request, stranger, now)


@pytest.mark.parametrize(
    ("request_", "allowed"),
    [
        (ChangeState(State.IN_PROGRESS, "1.2"), {Role.READER}),
        (RequestCancel(), {Role.READER, Role.COORDINATOR, Role.SITE_ADMINISTRATOR, Role.INTAKE}),
        (Create("1.2.3", FREE), {Role.COORDINATOR, Role.INTAKE}),
        (Update(dj.make(ScheduledProcedureStepPriority="HIGH")), {Role.COORDINATOR, Role.INTAKE}),
        (Update({}), {Role.COORDINATOR, Role.INTAKE}),
    ],
)
def test_a_request_needs_the_role_for_what_it_amounts_to(request_: Any, allowed: set[Role]) -> None:
    assert {role for role in Role if verdict_on(member(role), request_, FREE)} == allowed


def test_reserving_is_for_oneself_and_assigning_for_others() -> None:
    def reserve(person: Any) -> Update:
        changes: dict[str, Any] = {}
        dj.put_items(changes, "ScheduledHumanPerformersSequence", [person.item()] if person else [])
        return Update(changes)

    reader, coordinator = member(Role.READER), member(Role.COORDINATOR)
    assert verdict_on(reader, reserve(ANN), FREE)
    assert verdict_on(reader, reserve(BOB), FREE).reason == policy.NOT_ASSIGN
    assert verdict_on(coordinator, reserve(BOB), FREE)
    for_bob = {**FREE, **reserve(BOB).changes}
    assert verdict_on(reader, reserve(ANN), for_bob).reason == policy.NOT_ASSIGN
    assert verdict_on(reader, reserve(None), for_bob).reason == policy.NOT_ASSIGN
    assert verdict_on(reader, reserve(None), {**FREE, **reserve(ANN).changes})


def test_of_a_study_that_another_holds_the_line_is_shown_and_nothing_that_identifies() -> None:
    reader, theirs = member(Role.READER), held_by(BOB)
    before = copy.deepcopy(theirs)
    line = shown(reader, theirs)
    assert line is not None
    told = str(line)
    for hidden in ("4711", "19600502", "Bleeding", "A1"):
        assert hidden not in told
    assert dj.text(line, "PatientAge") == "065Y"
    assert Row.of(line).holder_code == BOB.code
    assert dj.text(line, "StudyInstanceUID")
    assert theirs == before
    assert shown(reader, FREE) == FREE
    assert shown(reader, held_by(ANN)) == held_by(ANN)
    assert shown(member(Role.COORDINATOR), theirs) == theirs


def test_a_search_on_what_is_hidden_does_not_find_what_hides_it() -> None:
    reader = member(Role.READER)
    assert row_filter(reader, ["PatientID"]).admits(FREE)
    assert row_filter(reader, ["PatientName"]).admits(held_by(BOB))
    assert not row_filter(reader, ["PatientID"]).admits(held_by(BOB))


def test_an_event_shows_what_a_search_would_show() -> None:
    reader, theirs = member(Role.READER), held_by(BOB)
    notice = dj.make(ReasonForCancellation="please", ContactDisplayName="Ann")
    asked, claimed, *_ = events_of(FREE, theirs, position=1, cancel_notice=notice)
    assert event_for(member(Role.READER, "south"), claimed.dataset) is None
    told = event_for(reader, claimed.dataset)
    assert told is not None
    assert "4711" not in str(told)
    assert dj.number(told, "EventTypeID") == 1
    assert event_for(reader, asked.dataset) is None  # a request to let go is for the holder
    assert event_for(replace(reader, reader=BOB), asked.dataset) == asked.dataset


def test_a_grant_is_written_and_read_alike() -> None:
    written = {"site": "north", "role": "reader", "expertise": ["neuro"], "privileges": ["assign", "-take_over"]}
    assert Grant.from_json(written).as_json() == written


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"role": "reader"}, "site must be"),
        ({"site": "north", "role": "king"}, "role must be one of reader"),
        ({"site": "north", "role": "reader", "privileges": ["fly"]}, "'fly' is none"),
        ({"site": "north", "role": "reader", "expertise": "neuro"}, "list of texts"),
        ({"site": "north", "role": "reader", "until": "1"}, "until is unknown"),
    ],
)
def test_a_wrong_grant_says_what_is_wrong(written: dict[str, Any], said: str) -> None:
    with pytest.raises(GrantError, match=said):
        Grant.from_json(written)


def test_a_hospital_that_left_the_directory_is_nobodys() -> None:
    grants = (Grant("north", Role.READER), Grant("gone", Role.READER), Grant("*", Role.OBSERVER))
    assert within(grants, ["north"]) == (grants[0], grants[2])
