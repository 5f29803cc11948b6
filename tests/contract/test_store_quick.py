"""The quick road of a claim leaves behind what the long one does, on both databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.peers.hub import ANN, BOB, study_to_read
from ups import dicom_json as dj
from ups.codes import Person
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.audit.ledger import Ledger
from worklist_hub.audit.tables import AUDIT_EVENTS
from worklist_hub.store.columns import changed_columns, columns_of
from worklist_hub.store.schema import EVENTS, WORKITEMS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState, Decision, Refusal

NOW = datetime(2026, 3, 1, 3, 4, 5, 678, UTC)
OWN = ("uid", "position", "study_instance_uid")


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database, clock=lambda: NOW)
    made.ledger = Ledger(made.database.do, process="test", clock=lambda: NOW)
    yield made
    made.ledger.close()
    made.close()


def claim(transaction_uid: str) -> ChangeState:
    return ChangeState(State.IN_PROGRESS, transaction_uid)


def the_long_road(store: WorkitemStore, uid: str, asked: ChangeState, caller: Caller) -> Decision | Refusal:
    return store._write(lambda connection: store._carry_out(connection, uid, asked, caller))


def study(store: WorkitemStore, *, with_extras: bool = False) -> str:
    made = study_to_read()
    if with_extras:
        dataset = made.to_json()
        dj.put(dataset, "ModalitiesInStudy", "CT", "SR")
        dj.put(dataset, "ReasonForCancellation", "as an event may have it, too")
        made = Workitem.from_json(dataset)
    assert store.create_if_absent(made)
    return made.uid


def left_behind(store: WorkitemStore, uid: str) -> dict[str, Any]:
    """Everything in the database about a workitem, without what differs from workitem to workitem."""
    with store.reading.connect() as connection:
        row = connection.execute(sa.select(WORKITEMS).where(WORKITEMS.c.uid == uid)).mappings().one()
        events = connection.execute(sa.select(EVENTS).where(EVENTS.c.uid == uid).order_by(EVENTS.c.seq)).mappings()
        audit = connection.execute(
            sa.select(AUDIT_EVENTS.c.action, AUDIT_EVENTS.c.reader, AUDIT_EVENTS.c.body)
            .where(AUDIT_EVENTS.c.workitem_uid == uid)
            .order_by(AUDIT_EVENTS.c.number)
        )
        kept = {name: value for name, value in row.items() if name not in OWN}
        told = [
            {**{name: one[name] for name in ("kind", "at")}, "frame": json.loads(one["frame"]), "before": one["before"]}
            for one in events.all()
        ]
        found = {"row": kept, "events": told, "audit": [tuple(one) for one in audit.all()]}
    text = json.dumps(found, sort_keys=True)
    for own in (uid, row["study_instance_uid"]):
        text = text.replace(own, "*")
    text = re.sub(r"20260301030405\.0\d{5}", "now", text)  # never twice the same
    result: dict[str, Any] = json.loads(text)
    return result


@pytest.mark.parametrize("with_extras", [False, True])
def test_a_claim_is_written_as_by_the_long_road(store: WorkitemStore, with_extras: bool) -> None:
    quick, long = study(store, with_extras=with_extras), study(store, with_extras=with_extras)
    transaction_uid = random_uid()
    assert isinstance(store.carry_out(quick, claim(transaction_uid), Caller(ANN, "DESK")), Decision)
    assert isinstance(the_long_road(store, long, claim(transaction_uid), Caller(ANN, "DESK")), Decision)
    found = left_behind(store, quick)
    assert found == left_behind(store, long)
    assert [one["frame"]["00741000"]["Value"] for one in found["events"]] == [["SCHEDULED"], ["IN PROGRESS"]]
    assert found["row"]["holder"] == ANN.code
    assert [action for action, *_ in found["audit"]] == ["create", "claim"]


def test_a_refusal_is_audited_as_by_the_long_road(store: WorkitemStore) -> None:
    quick, long, held = study(store), study(store), random_uid()
    for uid in (quick, long):
        store.carry_out(uid, claim(held), Caller(ANN))
    refused = store.carry_out(quick, claim(random_uid()), Caller(BOB))
    assert refused == the_long_road(store, long, claim(random_uid()), Caller(BOB))
    assert isinstance(refused, Refusal)
    assert refused.holder == ANN
    assert left_behind(store, quick) == left_behind(store, long)


def test_the_columns_of_a_change_are_those_of_the_whole(store: WorkitemStore) -> None:
    """Whatever differs: nothing is left at its old value."""
    before = study_to_read().to_json()
    changes: list[dict[str, Any]] = [
        dj.make(PatientName="Bakker^Piet", PatientID="7"),
        dj.make(ModalitiesInStudy=["CT", "SR"]),
        dj.make(StudyInstanceUID="1.2.3"),
        dj.make(ReferencedRequestSequence=[dj.make(AccessionNumber="A1", StudyInstanceUID="1.2.4")]),
        dj.make(ScheduledHumanPerformersSequence=[Person("1", "A").item(), Person("2", "B").item()]),
        dj.make(ExpectedCompletionDateTime="20260301030405.000000+0100", ProcedureStepState="CANCELED"),
    ]
    after = before
    for change in changes:
        previous, after = after, {**after, **change}
        assert {**columns_of(previous), **changed_columns(previous, after)} == columns_of(after)
        assert {**columns_of(after), **changed_columns(after, previous)} == columns_of(previous)
    assert changed_columns(after, after).keys() == {"dataset", "extras"}
