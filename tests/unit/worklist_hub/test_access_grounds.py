"""The ground that the audit names for each thing that was allowed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ups import changes
from ups import dicom_json as dj
from ups.codes import Person
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.access.grants import EVERYTHING, Grant, Privilege, Role
from worklist_hub.access.grounds import HOLDER, OWN_DESK, ground_of, ground_of_seeing, name_of
from worklist_hub.audit.changes import events_of_change
from worklist_hub.workitem.decisions import decide, hash_of
from worklist_hub.workitem.protocol import Caller, ChangeState, Create, Request, RequestCancel, Stored, Update

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ANN, BOB = Person("1", "Ann^A", "North"), Person("2", "Bob^B", "South")
OURS = "1.2.100"
WAITING = Workitem("1.2.3", label="CT", site_id="north", expertise="NEURO", study_instance_uid="1.5").to_json()
HELD = Workitem("1.2.3", label="CT", site_id="north", state=State.IN_PROGRESS, holder=ANN).to_json()
GRANTS = (
    Grant("north", Role.READER, frozenset({"NEURO"})),
    Grant("south", Role.READER),
    Grant("*", Role.COORDINATOR),
)


def caller(reader: Person = ANN, grants: tuple[Grant, ...] | None = GRANTS, **more: Any) -> Caller:
    return Caller(reader, grants=grants, **more)


@pytest.mark.parametrize(
    ("request_", "dataset", "ground"),
    [
        (ChangeState(State.IN_PROGRESS, OURS), WAITING, "reader@north:NEURO"),
        (RequestCancel("read at home"), WAITING, "reader@north:NEURO, coordinator@*"),
        (Update(changes.reservation(ANN)), WAITING, "reader@north:NEURO, coordinator@*"),
        (Update(changes.reservation(BOB)), WAITING, "coordinator@*"),
        (Update(dj.make(ScheduledProcedureStepPriority="LOW")), WAITING, "coordinator@*"),
        (Create("1.2.4", WAITING), None, "coordinator@*"),
        (Update(changes.progress(5), OURS), HELD, HOLDER),
        (ChangeState(State.COMPLETED, OURS), HELD, HOLDER),
        (RequestCancel("go on here"), HELD, HOLDER),
    ],
    ids=str,
)
def test_a_change_names_the_grants_that_allow_it(
    request_: Request, dataset: dict[str, Any] | None, ground: str
) -> None:
    assert ground_of(caller(), request_, dataset) == ground


def test_an_own_desk_and_the_hub_itself_have_no_grants_to_name() -> None:
    claim = ChangeState(State.IN_PROGRESS, OURS)
    assert ground_of(caller(grants=EVERYTHING, is_trusted=True), claim, WAITING) == OWN_DESK
    assert ground_of(Caller(is_feed=True), claim, WAITING) == ""
    assert ground_of(caller(), claim, None) == ""


def test_what_is_seen_is_seen_by_the_grants_of_its_hospitals() -> None:
    assert ground_of_seeing(caller(), ["north"]) == "reader@north:NEURO, coordinator@*"
    assert ground_of_seeing(caller(), []) == "reader@north:NEURO, reader@south, coordinator@*"
    blind = Grant("north", Role.READER, removed=frozenset({Privilege.SEE}))
    assert ground_of_seeing(caller(grants=(blind,)), ["north"]) == ""
    assert name_of(Grant("north", Role.OBSERVER, frozenset({"NEURO"}))) == "observer@north"


def test_the_line_of_a_change_holds_its_ground_and_that_of_a_refusal_by_policy_none() -> None:
    item, claim = Stored(WAITING, State.SCHEDULED), ChangeState(State.IN_PROGRESS, OURS)
    (line,) = events_of_change("1.2.3", claim, caller(), item, decide(item, claim, caller(), NOW))
    assert line.authorization == "reader@north:NEURO"
    observer = caller(grants=(Grant("north", Role.OBSERVER),))
    (line,) = events_of_change("1.2.3", claim, observer, item, decide(item, claim, observer, NOW))
    assert (line.authorization, bool(line.text)) == ("", True)
    held = Stored(HELD, State.IN_PROGRESS, hash_of(OURS), NOW)
    (line,) = events_of_change("1.2.3", claim, caller(BOB), held, decide(held, claim, caller(BOB), NOW))
    assert line.authorization == ""  # with the Transaction UID of another: refused by the policy
