"""Claims in time: silence, marks, take-over, release by itself, hand-over, and whose clock counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ups import changes
from ups import dicom_json as dj
from ups.codes import DUPLICATE_ORDER, RESCHEDULED, RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON, Code, Person
from ups.states import Answer, ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.workitem.claims import hash_of
from worklist_hub.workitem.decisions import RELEASED_BY_ITSELF, decide
from worklist_hub.workitem.final_state import missing_for_completion
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    ClaimRules,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Stored,
    Sweep,
    Update,
)

S, P, C, X = ProcedureStepState
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
RULES = ClaimRules(timedelta(minutes=5), timedelta(minutes=15))
OURS, THEIRS = "1.2.100", "1.2.200"
ANN, BOB = Person("1", "Ann^A", "North"), Person("2", "Bob^B", "South")
STARTED, FENCED = changes.started(), changes.fence()


def claimed(silent: timedelta = timedelta(), *more: dict[str, object]) -> Stored:
    """Ann's claim, silent for so long."""
    item = Workitem("1.2.3", state=P, label="CT", readiness="READY", priority="HIGH", start="20260101", holder=ANN)
    dataset = item.to_json()
    for changed in more:
        dataset |= changed
    return Stored(dataset, P, hash_of(OURS), NOW - silent)


def asked(item: Stored, request: Request, who: Person | None = None, rules: ClaimRules = RULES) -> Decision | Refusal:
    return decide(item, request, Caller(who), NOW, rules)


def carried(item: Stored, request: Request, who: Person | None = None) -> Decision:
    outcome = asked(item, request, who)
    assert isinstance(outcome, Decision)
    return outcome


@pytest.mark.parametrize(
    ("minutes", "more", "marked", "released"),
    [
        (5, (), False, False),
        (6, (), True, False),
        (15, (), True, False),
        (16, (), False, True),
        (16, (STARTED,), True, False),
        (60 * 24 * 30, (STARTED,), True, False),
        (60 * 24 * 30, (FENCED,), True, False),
    ],
)
def test_silence_is_shown_and_only_a_claim_without_a_report_goes_back_by_itself(
    minutes: int, more: tuple[dict[str, object], ...], marked: bool, released: bool
) -> None:
    outcome = carried(claimed(timedelta(minutes=minutes), *more), Sweep())
    if released:
        assert outcome.replacement is not None
        old = Workitem.from_json(outcome.dataset or {})
        assert (old.state, old.cancel_code, old.cancel_reason) == (X, RESCHEDULED, RELEASED_BY_ITSELF)
        assert Workitem.from_json(outcome.replacement).reserved_for is None
    else:
        assert outcome.replacement is None
        assert (outcome.dataset is not None) is marked
        if marked:
            item = Workitem.from_json(outcome.dataset or {})
            assert (item.state, item.holder) == (P, ANN)
            assert item.silent_since.startswith("2")
            assert outcome.transaction_hash == hash_of(OURS)
            assert not outcome.is_alive


def test_release_by_itself_can_be_switched_off() -> None:
    outcome = asked(claimed(timedelta(days=9)), Sweep(), rules=ClaimRules(RULES.stale_after, None))
    assert isinstance(outcome, Decision)
    assert outcome.replacement is None


@pytest.mark.parametrize("more", [(), (STARTED,)], ids=["unstarted", "started"])
@pytest.mark.parametrize("request_", [Sweep(), RequestCancel("I read on")], ids=["sweep", "take over"])
def test_a_claim_is_not_silent_while_the_hub_was_away(more: tuple[dict[str, object], ...], request_: Request) -> None:
    """A desk says every 30 s that it is there; a hub that was down for 16 minutes could not hear it."""
    item = claimed(timedelta(minutes=16), *more)
    deaf = replace(RULES, heard_since=NOW - timedelta(seconds=5))
    outcome = asked(item, request_, BOB, rules=deaf)
    assert isinstance(outcome, Decision)
    assert (outcome.dataset, outcome.replacement) == (None, None)
    heard = replace(RULES, heard_since=NOW - timedelta(minutes=16))
    outcome = asked(item, request_, BOB, rules=heard)
    assert isinstance(outcome, Decision)
    assert outcome.dataset is not None


@pytest.mark.parametrize("state", [S, C, X])
def test_sweeping_leaves_everything_alone_that_is_no_claim(state: ProcedureStepState) -> None:
    item = replace(claimed(timedelta(days=1)), state=state)
    assert carried(item, Sweep()) == Decision(Answer.OK)
    assert decide(None, Sweep(), Caller(), NOW).answer is Answer.UNKNOWN_WORKITEM


def marked_claim(*more: dict[str, object]) -> Stored:
    silent = claimed(timedelta(minutes=7), *more)
    return replace(silent, dataset=carried(silent, Sweep()).dataset or {})


def test_a_claim_is_marked_once() -> None:
    assert carried(marked_claim(STARTED), Sweep()) == Decision(Answer.OK)


@pytest.mark.parametrize("request_", [ChangeState(P, OURS), Update(changes.progress(5), OURS)], ids=str)
@pytest.mark.parametrize("more", [(), (STARTED,)])
def test_a_sign_of_life_takes_the_mark_away(request_: Request, more: tuple[dict[str, object], ...]) -> None:
    outcome = carried(marked_claim(*more), request_, ANN)
    assert outcome.is_alive
    assert Workitem.from_json(outcome.dataset or {}).silent_since == ""


def test_the_mark_is_the_hubs_own_and_a_holder_who_sends_it_back_is_alive() -> None:
    item = marked_claim(STARTED)
    progress = "00741002"
    outcome = carried(item, Update({progress: item.dataset[progress]}, OURS), ANN)
    assert Workitem.from_json(outcome.dataset or {}).silent_since == ""
    assert Workitem.from_json(outcome.dataset or {}).progress_text == changes.STARTED_TEXT
    unmarked = claimed(timedelta(), STARTED)
    forged = Workitem("1.2.3", silent_since="20260101", progress_percent=1, progress_text="reporting").to_json()
    assert carried(unmarked, Update({progress: forged[progress]}, OURS), ANN).dataset is None


def test_a_stale_claim_is_taken_over_with_a_reason_and_its_owner_is_told() -> None:
    item = claimed(timedelta(minutes=6), STARTED)
    outcome = carried(item, RequestCancel("patient is getting worse", contact_uri="tel:1"), BOB)
    old, new = Workitem.from_json(outcome.dataset or {}), Workitem.from_json(outcome.replacement or {})
    assert (old.state, old.holder, old.cancel_reason, old.cancel_code) == (
        X,
        ANN,
        "patient is getting worse",
        RESCHEDULED,
    )
    assert (new.state, new.reserved_for, new.holder, new.progress_percent) == (S, BOB, None, None)
    notice = outcome.cancel_notice or {}
    assert dj.text(notice, "ContactDisplayName") == BOB.name
    assert dj.text(notice, "ReasonForCancellation") == "patient is getting worse"
    contact = dj.first_item(
        dj.first_item(old.attributes, "ProcedureStepProgressInformationSequence"),
        "ProcedureStepCommunicationsURISequence",
    )
    assert dj.text(contact, "ContactDisplayName") == BOB.name


@pytest.mark.parametrize(
    ("request_", "who"),
    [(RequestCancel(""), BOB), (RequestCancel("order withdrawn", DUPLICATE_ORDER), BOB), (RequestCancel("mine"), None)],
    ids=["no reason", "order withdrawn", "nobody"],
)
def test_nothing_is_taken_over_without_a_name_and_a_reason_to_read_it(
    request_: RequestCancel, who: Person | None
) -> None:
    outcome = asked(claimed(timedelta(hours=1)), request_, who)
    assert outcome.answer is Answer.PERFORMER_UNREACHABLE
    assert isinstance(outcome, Refusal)
    assert outcome.holder == ANN


@pytest.mark.parametrize("more", [(), (STARTED,)])
def test_another_desk_of_the_same_reader_need_not_wait_nor_explain(more: tuple[dict[str, object], ...]) -> None:
    outcome = carried(claimed(timedelta(), *more), RequestCancel(), ANN)
    assert Workitem.from_json(outcome.replacement or {}).reserved_for == ANN
    assert outcome.cancel_notice is not None


def test_what_is_signed_stays_with_its_reader_however_long_he_is_silent() -> None:
    item = claimed(timedelta(days=3), FENCED)
    for who in (ANN, BOB):
        assert asked(item, RequestCancel("mine", UNSPECIFIED_REASON), who).answer is Answer.PERFORMER_REFUSES
    assert asked(item, ChangeState(X, OURS), ANN).answer is Answer.PERFORMER_REFUSES
    assert carried(item, Sweep()).replacement is None


def test_after_a_take_over_the_first_desk_may_do_nothing_more() -> None:
    taken = carried(claimed(timedelta(hours=1)), RequestCancel("mine"), BOB)
    old = Stored(taken.dataset or {}, X, taken.transaction_hash)
    for request in (
        Update(FENCED, OURS),
        Update(changes.progress(5), OURS),
        ChangeState(C, OURS),
        ChangeState(P, OURS),
    ):
        assert isinstance(asked(old, request, ANN), Refusal)


def test_handing_over_releases_to_the_one_who_was_named() -> None:
    named = carried(claimed(), Update(changes.reservation(BOB), OURS), ANN)
    leaving = changes.progress(10, code=RESCHEDULING_RECOMMENDED)
    item = replace(claimed(), dataset=(named.dataset or {}) | leaving)
    assert Workitem.from_json(carried(item, ChangeState(X, OURS), ANN).replacement or {}).reserved_for == BOB


def test_a_reservation_of_the_holder_himself_does_not_follow_a_release() -> None:
    item = claimed(timedelta(), changes.reservation(ANN), changes.progress(10, code=RESCHEDULING_RECOMMENDED))
    assert Workitem.from_json(carried(item, ChangeState(X, OURS), ANN).replacement or {}).reserved_for is None


def test_only_the_servers_clock_counts() -> None:
    lie = dj.make(ScheduledProcedureStepModificationDateTime="20991231235959")
    assert carried(claimed(), Update(lie, OURS), ANN).dataset is None
    performed = changes.performed(
        [changes.output("1.5", "1.6", [("1.7", "1.8")])], person=BOB, start=NOW + timedelta(days=9), end=NOW
    )
    ours = claimed(timedelta(), changes.performer(ANN, NOW - timedelta(hours=1)))
    outcome = carried(ours, Update(performed, OURS), ANN)
    assert outcome.answer is Answer.UPDATED_WITH_CHANGES
    item = dj.first_item(outcome.dataset or {}, "UnifiedProcedureStepPerformedProcedureSequence")
    assert dj.text(item, "PerformedProcedureStepStartDateTime") == "20260102020405.000000+0000"
    stamped = carried(claimed(), RequestCancel(), ANN).dataset or {}
    assert dj.text(stamped, "ScheduledProcedureStepModificationDateTime") == "20260102030405.000000+0000"


@pytest.mark.parametrize("percent", ["101", "-1", "inf", "nan", "1e9", "x"])
def test_a_progress_that_is_no_percentage_is_refused(percent: str) -> None:
    change: dict[str, object] = {}
    dj.put_items(change, "ProcedureStepProgressInformationSequence", [{"00741004": {"vr": "DS", "Value": [percent]}}])
    assert asked(claimed(), Update(change, OURS), ANN).answer is Answer.INVALID_ATTRIBUTE


def test_a_reservation_needs_somebody_who_can_be_known() -> None:
    nameless = changes.reservation(Person("", "Somebody^X"))
    item = replace(claimed(), state=S)
    assert asked(item, Update(nameless), ANN).answer is Answer.INVALID_ATTRIBUTE
    assert isinstance(asked(item, Update(changes.reservation(None)), ANN), Decision)


def complete() -> dict[str, object]:
    outputs = [changes.output("1.5", "1.6", [("1.7", "1.8")])]
    stamped = dj.make(ScheduledProcedureStepModificationDateTime="20260101")
    return claimed().dataset | stamped | changes.performed(outputs, person=ANN, start=NOW, end=NOW)


def test_a_workitem_with_everything_may_be_completed() -> None:
    assert missing_for_completion(complete()) == ""


@pytest.mark.parametrize(
    "keyword",
    [
        "ScheduledProcedureStepPriority",
        "ProcedureStepLabel",
        "InputReadinessState",
        "ScheduledProcedureStepStartDateTime",
        "PerformedProcedureStepStartDateTime",
        "PerformedProcedureStepEndDateTime",
        "PerformedStationNameCodeSequence",
        "PerformedWorkitemCodeSequence",
        "OutputInformationSequence",
        "HumanPerformerName",
        "TypeOfInstances",
        "ReferencedSOPSequence",
        "ReferencedSOPInstanceUID",
    ],
)
def test_each_final_state_requirement_is_named_where_it_is_missing(keyword: str) -> None:
    dataset = complete()
    _remove_everywhere(dataset, keyword)
    assert missing_for_completion(dataset) == keyword


def _remove_everywhere(dataset: dict[str, object], keyword: str) -> None:
    dj.remove(dataset, keyword)
    for element in dataset.values():
        for value in element.get("Value", []) if isinstance(element, dict) and element.get("vr") == "SQ" else []:
            _remove_everywhere(value, keyword)


def test_a_cancelled_claim_says_when_and_why_whatever_its_holder_wrote() -> None:
    for given in ({}, changes.progress(10, code=Code("110514", "DCM", "Incorrect worklist entry selected"))):
        item = Workitem.from_json(carried(claimed(timedelta(), given), ChangeState(X, OURS), ANN).dataset or {})
        progress = dj.first_item(item.attributes, "ProcedureStepProgressInformationSequence")
        assert dj.text(progress, "ProcedureStepCancellationDateTime") == "20260102030405.000000+0000"
        assert item.cancel_code is not None
