"""Many new workitems in one transaction: decided one by one, written together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ups.dicom_json import DicomJson
from ups.states import TEXTS, Answer
from worklist_hub.audit.changes import events_of_change
from worklist_hub.audit.records import AuditEvent
from worklist_hub.store.columns import columns_of
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.decisions import decide
from worklist_hub.workitem.events import Raised, events_of
from worklist_hub.workitem.protocol import Caller, Create, Decision, Refusal

_FEED = Caller(is_feed=True)
_NEW = {"version": 1, "alive_at": "", "transaction_hash": ""}


def create_all(
    store: WorkitemStore, connection: sa.Connection, wanted: Sequence[tuple[str, Mapping[str, Any]]]
) -> list[Decision | Refusal]:
    """What came of each (UID, dataset), in order. Their keys are the caller's."""
    requests = [Create(uid, dataset) for uid, dataset in wanted]
    outcomes = [decide(None, one, _FEED, store.tick(connection), store.rules) for one in requests]
    made = {
        one.uid: outcome.dataset or {}
        for one, outcome in zip(requests, outcomes, strict=True)
        if isinstance(outcome, Decision)
    }
    positions = _insert(store, connection, list(made.values()))
    outcomes = [
        Refusal(Answer.DUPLICATE, TEXTS[Answer.DUPLICATE])
        if isinstance(outcome, Decision) and one.uid not in positions
        else outcome
        for one, outcome in zip(requests, outcomes, strict=True)
    ]
    raised: list[Raised] = []
    for uid, dataset in made.items():
        if uid in positions:
            raised += events_of(None, dataset, position=positions[uid])
    store.log.append(connection, raised, store.tick(connection))
    if store.ledger is not None:
        audit: list[AuditEvent] = []
        for one, outcome in zip(requests, outcomes, strict=True):
            audit += events_of_change(one.uid, one, _FEED, None, outcome)
        store.ledger.write(connection, audit)
    return outcomes


def _insert(store: WorkitemStore, connection: sa.Connection, datasets: Sequence[DicomJson]) -> dict[str, int]:
    """UID -> position of those that were not there."""
    if not datasets:
        return {}
    rows = [{**columns_of(dataset), **_NEW} for dataset in datasets]
    statement = store.database.insert(WORKITEMS).on_conflict_do_nothing(index_elements=["uid"])
    added = connection.execute(statement.returning(WORKITEMS.c.uid, WORKITEMS.c.position), rows)
    return {row.uid: row.position for row in added}
