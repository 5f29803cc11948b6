"""Finished workitems are kept for their time, then become numbers; never while a report of the study waits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.peers.hub import ANN, running_hub, study_to_read
from ups import changes
from ups import dicom_json as dj
from ups.codes import RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON
from ups.identifiers import random_uid, replacement_uid
from ups.states import ProcedureStepState as State
from worklist_hub.store.feed import Cursor
from worklist_hub.store.retention import KEPT, Cleared, Housekeeper, Retention, turnaround_s
from worklist_hub.store.schema import STATISTICS
from worklist_hub.store.subscriptions import FILTERED_GLOBAL, GLOBAL, SubscriptionStore
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState, Decision, Update

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = NOW + KEPT + timedelta(days=1)


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database, clock=lambda: NOW)
    yield made
    made.close()


def finished(store: WorkitemStore, **more: object) -> str:
    made = study_to_read(**more)
    store.create_if_absent(made)
    assert store.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "read elsewhere")
    return made.uid


def statistics(store: WorkitemStore) -> list[tuple[object, ...]]:
    with store.reading.connect() as connection:
        columns = [STATISTICS.c[name] for name in ("month", "site_id", "state", "modality", "workitems", "measured")]
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(STATISTICS.c.site_id))]


def test_what_is_past_its_time_becomes_numbers(store: WorkitemStore) -> None:
    uids = [finished(store, modalities=("CT", "SR")) for _ in range(5)] + [finished(store, site_id="south")]
    waiting = study_to_read()
    store.create_if_absent(waiting)
    cleared = Retention(store, batch=2).run(LATER)
    assert cleared.workitems == 6
    assert [store.read(uid) for uid in uids] == [None] * 6
    assert store.read(waiting.uid) is not None
    assert statistics(store) == [
        ("202601", "north", "CANCELED", "CT", 5, 0),
        ("202601", "south", "CANCELED", "", 1, 0),
    ]
    finished(store, modalities=("CT",))
    Retention(store).run(LATER)
    assert statistics(store)[0] == ("202601", "north", "CANCELED", "CT", 6, 0)


def test_what_is_not_yet_past_its_time_stays(store: WorkitemStore) -> None:
    uid = finished(store)
    assert Retention(store).run(NOW + KEPT - timedelta(days=1)).workitems == 0
    assert store.read(uid) is not None


def test_a_released_workitem_stays_while_its_study_waits(store: WorkitemStore) -> None:
    uid, transaction_uid = random_uid(), random_uid()
    store.create_if_absent(study_to_read(uid))
    store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), Caller(ANN))
    leaving = changes.progress(1, code=RESCHEDULING_RECOMMENDED)
    store.carry_out(uid, Update(leaving, transaction_uid), Caller(ANN))
    assert isinstance(store.carry_out(uid, ChangeState(State.CANCELED, transaction_uid), Caller(ANN)), Decision)
    assert Retention(store).run(LATER).workitems == 0
    assert store.read(uid) is not None
    assert store.cancel_scheduled(replacement_uid(uid), UNSPECIFIED_REASON, "read elsewhere")
    assert Retention(store).run(LATER).workitems == 2


def test_a_deletion_lock_keeps_it(store: WorkitemStore) -> None:
    uid = finished(store)
    subscriptions = SubscriptionStore(store)
    subscriptions.subscribe("ARCHIVE", uid, {}, deletion_lock=True)
    assert Retention(store).run(LATER).workitems == 0
    subscriptions.unsubscribe("ARCHIVE", uid)
    assert Retention(store).run(LATER).workitems == 1


@pytest.mark.parametrize(
    ("uid", "filters"), [(GLOBAL, {}), (FILTERED_GLOBAL, {"ModalitiesInStudy": "MR"})], ids=["global", "filtered"]
)
def test_a_deletion_lock_of_a_global_subscription_keeps_what_it_covers(
    store: WorkitemStore, uid: str, filters: dict[str, str]
) -> None:
    kept, excepted, other = (finished(store, modalities=(one,)) for one in ("MR", "MR", "CT"))
    subscriptions = SubscriptionStore(store)
    subscriptions.subscribe("ARCHIVE", uid, filters, deletion_lock=True)
    subscriptions.unsubscribe("ARCHIVE", excepted)
    Retention(store).run(LATER)
    assert store.read(kept) is not None
    assert store.read(excepted) is None
    assert (store.read(other) is None) is bool(filters)
    subscriptions.unsubscribe("ARCHIVE", uid)
    Retention(store).run(LATER)
    assert store.read(kept) is None


def test_two_runs_at_once_count_nothing_twice(store: WorkitemStore) -> None:
    finished(store)
    retention = Retention(store)
    (found,) = [retention._candidates("99990101", "")]
    assert store.change(lambda connection: retention._clear(connection, found)) == 1
    assert store.change(lambda connection: retention._clear(connection, found)) == 0
    assert statistics(store)[0][4] == 1


def test_told_events_go_after_a_while(store: WorkitemStore) -> None:
    finished(store)
    assert Retention(store).run(NOW).events == 0
    told = len(store.log.after(Cursor()).events)
    assert told >= 2
    assert Retention(store).run(NOW + timedelta(hours=2)) == Cleared(0, told)
    assert store.log.after(Cursor()).events == ()


def test_turnaround_is_from_start_to_end() -> None:
    performed = dj.make(PerformedProcedureStepEndDateTime="20260101121000+0000")
    dataset: dj.DicomJson = {}
    dj.put_items(dataset, "UnifiedProcedureStepPerformedProcedureSequence", [performed])
    assert turnaround_s("20260101120000+0000", dataset) == 600
    assert turnaround_s("20260101130000+0000", dataset) == 0
    assert turnaround_s("", dataset) is None
    assert turnaround_s("20260101120000+0000", {}) is None


def test_the_housekeeper_clears_away_by_itself_and_stops(store: WorkitemStore) -> None:
    finished(store)  # by a clock of the past; the housekeeper asks the server's own
    keeper, tick, left = Housekeeper(store, pause_s=0.02), threading.Event(), 1000
    keeper.start()
    while store.log.after(Cursor()).events and left:
        tick.wait(0.02)
        left -= 1
    keeper.stop()
    assert left


def test_the_hub_clears_away_after_what_its_configuration_says(tmp_path: Path) -> None:
    with running_hub(tmp_path, intake_enabled=False, kept=timedelta(days=8)) as hub:
        uid, retention = finished(hub.store), hub.housekeeper.retention
        now = datetime.now(UTC)
        assert retention.run(now + timedelta(days=7)).workitems == 0
        assert retention.run(now + timedelta(days=9)).workitems == 1
        assert hub.store.read(uid) is None
