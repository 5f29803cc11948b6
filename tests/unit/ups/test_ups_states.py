"""The table of PS3.4 CC.2 against the standard's own sentences, written out a second time here."""

from __future__ import annotations

import pytest

from ups.states import TEXTS, TRANSITIONS, Action, Answer, ProcedureStepState, row

S, P, C, X = ProcedureStepState
EXPECTED = {
    Action.CREATE: ("0111", "0111", "0111", "0111"),
    Action.CLAIM: ("0000", "C302", "C300", "C300"),
    Action.COMPLETE: ("C310", "0000", "B306", "C300"),
    Action.CANCEL: ("C310", "0000", "C300", "B304"),
    Action.UNCLAIM: ("C303", "C303", "C303", "C303"),
    Action.UPDATE: ("0000", "C301", "C300", "C300"),
    Action.UPDATE_CLAIMED: ("C310", "0000", "C300", "C300"),
    Action.REQUEST_CANCEL: ("0000", "0000 passed on to the performer", "C311", "B304"),
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("state", ProcedureStepState)
def test_every_cell_is_what_the_standard_says(action: Action, state: ProcedureStepState) -> None:
    assert row(action, state).answer.value == EXPECTED[action][(S, P, C, X).index(state)]


@pytest.mark.parametrize("action", [Action.COMPLETE, Action.CANCEL, Action.UPDATE_CLAIMED])
def test_whoever_changes_a_claimed_workitem_must_hold_it(action: Action) -> None:
    assert row(action, P).needs_transaction_uid


def test_nothing_leads_out_of_a_final_state() -> None:
    for action in (Action.CLAIM, Action.UPDATE, Action.UPDATE_CLAIMED):
        for state in (C, X):
            assert row(action, state).answer.is_failure


def test_warnings_are_successes_and_failures_have_a_sentence() -> None:
    assert not Answer.ALREADY_CANCELED.is_failure
    assert not Answer.ALREADY_COMPLETED.is_failure
    assert all(TEXTS[answer] for answer in Answer if answer.is_failure)


def test_the_table_is_total() -> None:
    assert set(TRANSITIONS) == set(Action)
    assert all(set(cells) == set(ProcedureStepState) for cells in TRANSITIONS.values())
    assert [state.is_final for state in (S, P, C, X)] == [False, False, True, True]
