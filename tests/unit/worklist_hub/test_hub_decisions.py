"""`decide` walked over every state and action, and the rules that the hub adds to the table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ups import changes
from ups import dicom_json as dj
from ups.codes import NOT_CHECKED
from ups.states import Answer, ProcedureStepState, row
from ups.workitem import RESCHEDULED, RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON, Code, Person, Workitem
from worklist_hub.workitem.claims import hash_of, holder_of
from worklist_hub.workitem.decisions import _action, decide
from worklist_hub.workitem.events import ASSIGNED, CANCEL_REQUESTED, PROGRESS_REPORT, STATE_REPORT, events_of
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    ClaimRules,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Stored,
    Update,
)

S, P, C, X = ProcedureStepState
STALE_AFTER = ClaimRules().stale_after
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS, THEIRS = "1.2.100", "1.2.200"
ANN, BOB = Person("1", "Ann^A", "North"), Person("2", "Bob^B", "South")
OUTPUTS = [changes.output("1.5", "1.6", [("1.7", "1.8")])]


def stored(state: ProcedureStepState, **more: object) -> Stored:
    """A workitem of Ann's in any state."""
    item = Workitem(
        "1.2.3", state=state, label="CT", readiness="READY", priority="HIGH", study_instance_uid="1.5", start="20260101"
    )
    if state is not S:
        item = replace(item, holder=ANN)
    claimed = hash_of(OURS) if state in (P, C, X) else ""
    return replace(Stored(item.to_json(), state, claimed, NOW if claimed else None), **more)


def ready_to_complete() -> Stored:
    """In progress, with everything that COMPLETED asks for."""
    written = changes.performed(OUTPUTS, person=ANN, start=NOW, end=NOW)
    return stored(P, dataset=stored(P).dataset | written)


REQUESTS: list[Request] = [
    Create("1.2.3", {}),
    *(ChangeState(state, OURS) for state in ProcedureStepState),
    Update(changes.reservation(BOB)),
    Update(changes.progress(5), OURS),
    RequestCancel("why"),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
@pytest.mark.parametrize("state", ProcedureStepState)
def test_each_action_in_each_state_is_answered_as_the_table_says(request_: Request, state: ProcedureStepState) -> None:
    item = ready_to_complete() if state is P else stored(state)
    if isinstance(request_, ChangeState) and request_.state is P and state is P:
        request_ = ChangeState(P, THEIRS)
    outcome = decide(item, request_, Caller(BOB), NOW)
    expected = Answer.DUPLICATE if isinstance(request_, Create) else row(_action(request_), state).answer
    assert outcome.answer is expected
    assert isinstance(outcome, Refusal) is expected.is_failure


@pytest.mark.parametrize("request_", REQUESTS[1:], ids=str)
def test_of_an_unknown_workitem_nothing_is_answered(request_: Request) -> None:
    assert decide(None, request_, Caller(), NOW).answer is Answer.UNKNOWN_WORKITEM


@pytest.mark.parametrize("transaction_uid", ["", THEIRS, OURS + "0"])
@pytest.mark.parametrize("state", [C, X])
def test_a_claimed_workitem_changes_only_for_its_holder(state: ProcedureStepState, transaction_uid: str) -> None:
    item = ready_to_complete()
    assert decide(item, ChangeState(state, transaction_uid), Caller(ANN), NOW).answer is Answer.WRONG_TRANSACTION_UID
    update = Update(changes.progress(5), transaction_uid)
    assert decide(item, update, Caller(ANN), NOW).answer is Answer.WRONG_TRANSACTION_UID


def test_a_claim_names_its_holder_and_keeps_only_a_hash() -> None:
    outcome = decide(stored(S), ChangeState(P, OURS), Caller(ANN), NOW)
    assert isinstance(outcome, Decision)
    assert outcome.dataset is not None
    assert outcome.transaction_hash == hash_of(OURS)
    assert holder_of(outcome.dataset) == ANN
    assert OURS not in str(outcome)


@pytest.mark.parametrize("transaction_uid", ["", "abc", "1..2", "1." * 40])
def test_a_claim_without_a_proper_transaction_uid_is_refused(transaction_uid: str) -> None:
    outcome = decide(stored(S), ChangeState(P, transaction_uid), Caller(ANN), NOW)
    assert outcome.answer is Answer.WRONG_TRANSACTION_UID


def test_the_same_claim_again_succeeds_and_changes_nothing() -> None:
    outcome = decide(stored(P), ChangeState(P, OURS), Caller(ANN), NOW)
    assert outcome == Decision(Answer.OK, is_alive=True)


@pytest.mark.parametrize("caller", [Caller(BOB), Caller(), Caller(Person("", "Ann^A", "North"))], ids=str)
def test_the_same_claim_from_another_reader_is_refused_and_names_the_holder(caller: Caller) -> None:
    outcome = decide(stored(P), ChangeState(P, OURS), caller, NOW)
    assert isinstance(outcome, Refusal)
    assert (outcome.answer, outcome.holder) == (Answer.ALREADY_IN_PROGRESS, ANN)


def test_the_same_claim_by_the_same_reader_from_another_desk_succeeds() -> None:
    at_home = Caller(Person("1", "Ann^A", "At home"), "HOMEDESK")
    assert decide(stored(P), ChangeState(P, OURS), at_home, NOW) == Decision(Answer.OK, is_alive=True)


def test_where_nobody_is_named_the_transaction_uid_alone_tells_a_claim_sent_again() -> None:
    nameless = decide(stored(S), ChangeState(P, OURS), Caller(), NOW)
    assert isinstance(nameless, Decision)
    item = Stored(nameless.dataset or {}, P, nameless.transaction_hash, NOW)
    assert isinstance(decide(item, ChangeState(P, OURS), Caller(), NOW), Decision)
    assert decide(item, ChangeState(P, OURS), Caller(BOB), NOW).answer is Answer.ALREADY_IN_PROGRESS


def test_a_loser_learns_who_won() -> None:
    outcome = decide(stored(P), ChangeState(P, THEIRS), Caller(BOB), NOW)
    assert isinstance(outcome, Refusal)
    assert outcome.holder == ANN


def test_release_cancels_and_schedules_the_replacement_at_once() -> None:
    leaving = changes.progress(10, reason="night over", code=RESCHEDULING_RECOMMENDED)
    outcome = decide(stored(P, dataset=stored(P).dataset | leaving), ChangeState(X, OURS), Caller(ANN), NOW)
    assert isinstance(outcome, Decision)
    old, new = Workitem.from_json(outcome.dataset or {}), Workitem.from_json(outcome.replacement or {})
    assert (old.state, old.cancel_code, old.cancel_reason) == (X, RESCHEDULED, "night over")
    assert (new.state, new.replaces, new.holder) == (S, old.uid, None)
    assert new.remarks == (NOT_CHECKED,), "patient and order are as they were when it was claimed"


def test_cancelling_for_another_reason_makes_no_replacement() -> None:
    for reason in (changes.progress(10, code=Code("110514", "DCM", "Incorrect worklist entry")), {}):
        outcome = decide(stored(P, dataset=stored(P).dataset | reason), ChangeState(X, OURS), Caller(ANN), NOW)
        assert isinstance(outcome, Decision)
        assert outcome.replacement is None
        assert Workitem.from_json(outcome.dataset or {}).cancel_code is not None


def test_what_is_signed_is_neither_released_nor_taken_over() -> None:
    fenced = stored(P, dataset=stored(P).dataset | changes.fence(), alive_at=NOW - 10 * STALE_AFTER)
    assert decide(fenced, ChangeState(X, OURS), Caller(ANN), NOW).answer is Answer.PERFORMER_REFUSES
    for caller in (Caller(ANN), Caller(BOB)):
        assert decide(fenced, RequestCancel("mine"), caller, NOW).answer is Answer.PERFORMER_REFUSES
    given_up = decide(fenced, Update(changes.progress(0, "delivery given up"), OURS), Caller(ANN), NOW)
    assert isinstance(given_up, Decision)


@pytest.mark.parametrize("missing", ["PerformedProcedureStepEndDateTime", "OutputInformationSequence"])
def test_completing_without_a_report_is_refused(missing: str) -> None:
    item = ready_to_complete()
    dj.remove(dj.first_item(item.dataset, "UnifiedProcedureStepPerformedProcedureSequence"), missing)
    outcome = decide(item, ChangeState(C, OURS), Caller(ANN), NOW)
    assert isinstance(outcome, Refusal)
    assert outcome.answer is Answer.FINAL_STATE_REQUIREMENTS
    assert missing in outcome.text


def test_an_update_that_changes_nothing_only_says_alive() -> None:
    item = stored(P, dataset=stored(P).dataset | changes.progress(5, "reading"))
    outcome = decide(item, Update(changes.progress(5, "reading"), OURS), Caller(ANN), NOW)
    assert outcome == Decision(Answer.OK, None, item.transaction_hash, is_alive=True)


def test_nobody_writes_another_performer_over_the_holder() -> None:
    forged = changes.performed(OUTPUTS, person=BOB, start=NOW, end=NOW)
    outcome = decide(stored(P), Update(forged, OURS), Caller(BOB), NOW)
    assert isinstance(outcome, Decision)
    assert holder_of(outcome.dataset or {}) == ANN
    before = decide(stored(S), Update(forged), Caller(BOB), NOW)
    assert before.answer is Answer.INVALID_ATTRIBUTE


@pytest.mark.parametrize(
    "change",
    [
        dj.make(ProcedureStepState="COMPLETED"),
        dj.make(SOPInstanceUID="1.9"),
        dj.make(ScheduledProcedureStepPriority="URGENT"),
        dj.make(InputReadinessState="SOON"),
    ],
)
def test_what_nobody_may_write_by_update_is_refused(change: dict[str, object]) -> None:
    assert decide(stored(S), Update(change), Caller(is_feed=True), NOW).answer is Answer.INVALID_ATTRIBUTE


def test_only_the_feed_says_whose_study_it_is_and_where_it_comes_from() -> None:
    for change in (
        dj.make(PatientID="18"),
        dj.make(StudyInstanceUID="1.9"),
        Workitem("1.2.3", site_id="south").to_json(),
    ):
        dj.remove(change, "SOPInstanceUID", "ProcedureStepState", "SOPClassUID")
        assert decide(stored(S), Update(change), Caller(ANN), NOW).answer is Answer.INVALID_ATTRIBUTE
        assert isinstance(decide(stored(S), Update(change), Caller(is_feed=True), NOW), Decision)


def test_a_cancel_request_while_scheduled_is_carried_out_with_its_reason() -> None:
    outcome = decide(stored(S), RequestCancel("read at home", UNSPECIFIED_REASON), Caller(BOB), NOW)
    assert isinstance(outcome, Decision)
    item = Workitem.from_json(outcome.dataset or {})
    assert (item.state, item.cancel_reason, item.cancel_code) == (X, "read at home", UNSPECIFIED_REASON)
    assert outcome.replacement is None


def test_a_cancel_request_on_a_live_claim_is_passed_on() -> None:
    outcome = decide(stored(P), RequestCancel("urgent", contact_uri="tel:1"), Caller(BOB, "BOBDESK"), NOW)
    assert isinstance(outcome, Decision)
    assert outcome.dataset is None
    assert dj.text(outcome.cancel_notice or {}, "RequestingAE") == "BOBDESK"
    assert dj.text(outcome.cancel_notice or {}, "ContactDisplayName") == "Bob^B"


@pytest.mark.parametrize(
    ("caller", "silent"),
    [(Caller(BOB), STALE_AFTER + timedelta(seconds=1)), (Caller(ANN), timedelta())],
    ids=["stale", "own"],
)
def test_a_stale_claim_or_ones_own_is_taken_over(caller: Caller, silent: timedelta) -> None:
    outcome = decide(stored(P, alive_at=NOW - silent), RequestCancel("mine"), caller, NOW)
    assert isinstance(outcome, Decision)
    new = Workitem.from_json(outcome.replacement or {})
    assert new.reserved_for == caller.reader


def test_a_live_claim_is_not_taken_over_by_somebody_who_shares_its_number() -> None:
    """The number may be that of a practice; such a request is passed on to whoever reads."""
    colleague = Caller(Person(ANN.code, "Cas^C", ANN.organisation))
    outcome = decide(stored(P), RequestCancel("mine"), colleague, NOW)
    assert outcome.answer is Answer.PASSED_ON


def test_callers_without_a_name_are_not_each_other() -> None:
    item = Workitem("1.2.3", state=P, label="CT", holder=Person("", "somebody"))
    anonymous = Stored(item.to_json(), P, hash_of(OURS), NOW)
    outcome = decide(anonymous, RequestCancel("mine"), Caller(Person("", "other")), NOW)
    assert outcome.answer is Answer.PASSED_ON


def test_creation_fills_what_is_needed_and_takes_no_secrets() -> None:
    given = dj.make(StudyDescription="CT head", TransactionUID="1.666", ProcedureStepState="SCHEDULED")
    outcome = decide(None, Create("1.2.3", given), Caller(), NOW)
    assert isinstance(outcome, Decision)
    item = Workitem.from_json(outcome.dataset or {})
    assert (item.priority, item.readiness, item.label, item.uid) == ("MEDIUM", "READY", "CT head", "1.2.3")
    assert outcome.answer is Answer.CREATED_WITH_CHANGES
    assert "1.666" not in str(outcome)


@pytest.mark.parametrize(
    ("uid", "given", "answer"),
    [
        ("", {}, Answer.INVALID_ATTRIBUTE),
        ("1.02", {}, Answer.INVALID_ATTRIBUTE),
        ("../x", {}, Answer.INVALID_ATTRIBUTE),
        ("1.2", dj.make(SOPInstanceUID="1.3"), Answer.INVALID_ATTRIBUTE),
        ("1.2", dj.make(ProcedureStepState="IN PROGRESS"), Answer.NOT_CREATED_AS_SCHEDULED),
        ("1.2", dj.make(ScheduledProcedureStepPriority="STAT"), Answer.INVALID_ATTRIBUTE),
    ],
)
def test_a_bad_creation_is_refused(uid: str, given: dict[str, object], answer: Answer) -> None:
    assert decide(None, Create(uid, given), Caller(), NOW).answer is answer


def test_the_decision_leaves_the_stored_workitem_alone() -> None:
    item = ready_to_complete()
    before = str(item)
    for request in (ChangeState(C, OURS), Update(changes.fence(), OURS), RequestCancel("x"), ChangeState(X, OURS)):
        decide(item, request, Caller(ANN), NOW)
    assert str(item) == before


def _kinds(
    before: dict[str, object] | None, after: dict[str, object], notice: dict[str, object] | None = None
) -> list[int]:
    raised = events_of(before, after, position=1, cancel_notice=notice)
    return [int(dj.number(one.dataset, "EventTypeID")) for one in raised]


def test_each_change_raises_the_events_of_the_standard() -> None:
    row_ = stored(S).dataset
    assert _kinds(None, row_) == [STATE_REPORT]
    assert _kinds(row_, stored(P).dataset) == [STATE_REPORT]
    assert _kinds(row_, row_ | changes.progress(5)) == [PROGRESS_REPORT]
    assert _kinds(row_, row_ | changes.reservation(BOB)) == [ASSIGNED]
    assert _kinds(row_, row_ | dj.make(InputReadinessState="INCOMPLETE")) == [STATE_REPORT]
    assert _kinds(row_, row_) == []
    assert _kinds(row_, row_, dj.make(RequestingAE="X")) == [CANCEL_REQUESTED]


def test_a_change_without_an_event_of_its_own_is_told_all_the_same() -> None:
    row_ = stored(S).dataset
    later = dj.make(ScheduledProcedureStepPriority="LOW", ScheduledProcedureStepModificationDateTime="2026")
    assert _kinds(row_, row_ | later) == [STATE_REPORT]


def test_an_event_carries_the_whole_row_and_the_reason() -> None:
    outcome = decide(stored(S), RequestCancel("read at home"), Caller(BOB), NOW)
    assert isinstance(outcome, Decision)
    (raised,) = events_of(stored(S).dataset, outcome.dataset or {}, position=1)
    assert Workitem.from_json(raised.dataset).study_instance_uid == "1.5"
    assert dj.text(raised.dataset, "ReasonForCancellation") == "read at home"
    assert dj.text(raised.dataset, "AffectedSOPInstanceUID") == "1.2.3"
