"""What every database must do behind the store; SQLite and PostgreSQL pass the same tests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from tests.peers.hub import ANN, BOB, study_to_read
from tests.peers.postgres import Cluster
from ups import changes
from ups import dicom_json as dj
from ups.codes import RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON
from ups.identifiers import random_uid
from ups.states import Answer
from ups.states import ProcedureStepState as State
from worklist_hub.store import migrate
from worklist_hub.store.database import StoreError, StoreUnavailable
from worklist_hub.store.feed import KEPT, LATE_S, SEARCH_AGAIN_S, Cursor, EventFeed
from worklist_hub.store.port import Store
from worklist_hub.store.schema import HEAD, METADATA, schema_version
from worklist_hub.store.subscriptions import FILTERED_GLOBAL, GLOBAL, SubscriptionStore
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.events import Raised
from worklist_hub.workitem.matching import match_from, matches
from worklist_hub.workitem.protocol import Caller, ChangeState, Create, Decision, Refusal, Update

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEADLINE_S = 20.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(any_database: Path | str, clock: Clock) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database, clock=clock)
    yield made
    made.close()


def told(store: WorkitemStore) -> tuple[Raised, ...]:
    return store.log.after(Cursor()).events


def modified(store: WorkitemStore, uid: str) -> str:
    stored = store.read(uid)
    assert stored is not None
    return dj.text(stored.dataset, "ScheduledProcedureStepModificationDateTime")


def in_threads(*work: object) -> None:
    threads = [threading.Thread(target=one) for one in work]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_intake_sees_what_it_was_promised(store: WorkitemStore) -> None:
    port: Store = store
    made = study_to_read()
    assert port.create_if_absent(made)
    assert not port.create_if_absent(made)
    assert port.update_scheduled(made.uid, dj.make(NumberOfStudyRelatedInstances=5, PatientID="18"))
    (found,) = port.open_workitems("north")
    assert (found.images, found.patient_id) == (5, "18")
    assert port.open_workitems("south") == ()
    before_it = len(told(store))
    assert port.update_scheduled(made.uid, dj.make(NumberOfStudyRelatedInstances=5))
    assert len(told(store)) == before_it
    assert port.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "a report has appeared")
    assert port.open_workitems("north") == ()
    assert not port.create_if_absent(made)
    assert not port.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "again")
    assert not port.update_scheduled(made.uid, dj.make(PatientID="19"))
    assert not port.update_scheduled("1.2.3", dj.make(PatientID="19"))


def test_a_reader_cannot_put_a_study_on_the_list_a_second_time(store: WorkitemStore) -> None:
    """Two readers each held a claim of the same study of the same hospital."""
    made, ours = study_to_read(study_instance_uid="1.5"), random_uid()
    store.create_if_absent(made)

    def posted(**more: str) -> Answer:
        other = study_to_read(**{"study_instance_uid": "1.5"} | more)
        return store.carry_out(other.uid, Create(other.uid, other.to_json()), Caller(BOB)).answer

    assert posted() is Answer.DUPLICATE
    store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, ours), Caller(ANN))
    assert posted() is Answer.DUPLICATE
    assert posted(site_id="south") is not Answer.DUPLICATE, "another hospital's study"
    done = changes.performed([changes.output("1.5", "1.6", [("1.7", "1.8")])], person=ANN, start=NOW, end=NOW)
    store.carry_out(made.uid, Update(done, ours), Caller(ANN))
    store.carry_out(made.uid, ChangeState(State.COMPLETED, ours), Caller(ANN))
    assert posted() is Answer.DUPLICATE, "it is reported"


def test_of_many_who_put_a_study_on_the_list_at_one_moment_one_does(store: WorkitemStore) -> None:
    together = threading.Barrier(6)

    def posted(_number: int) -> Answer:
        other = study_to_read(study_instance_uid="1.5")
        together.wait(DEADLINE_S)
        return store.carry_out(other.uid, Create(other.uid, other.to_json()), Caller(BOB)).answer

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(posted, range(6)))
    assert answers.count(Answer.DUPLICATE) == 5
    assert len(store.open_workitems("north")) == 1


def test_what_was_taken_off_the_list_can_be_put_there_again(store: WorkitemStore) -> None:
    made = study_to_read(study_instance_uid="1.5")
    store.create_if_absent(made)
    store.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "read elsewhere")
    again = study_to_read(study_instance_uid="1.5")
    assert isinstance(store.carry_out(again.uid, Create(again.uid, again.to_json()), Caller(BOB)), Decision)


def test_intake_never_touches_what_somebody_is_reading(store: WorkitemStore) -> None:
    made = study_to_read()
    store.create_if_absent(made)
    store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN))
    assert not store.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "vanished")
    assert not store.update_scheduled(made.uid, dj.make(PatientID="19"))
    (found,) = store.open_workitems("north")
    assert found.state is State.IN_PROGRESS


def test_intake_tells_who_reads_of_late_images_and_changes_nothing_else(store: WorkitemStore, clock: Clock) -> None:
    made, ours = study_to_read(), random_uid()
    store.create_if_absent(made)
    assert not store.update_held(made.uid, dj.make(NumberOfStudyRelatedInstances=9)), "nobody holds it yet"
    store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, ours), Caller(ANN))
    before_it, claimed = len(told(store)), store.read(made.uid)
    clock.now += timedelta(minutes=4)
    assert store.update_held(made.uid, dj.make(NumberOfStudyRelatedInstances=9))
    assert len(told(store)) == before_it + 1
    now = store.read(made.uid)
    assert claimed is not None
    assert now is not None
    assert (now.state, now.transaction_hash) == (State.IN_PROGRESS, claimed.transaction_hash)
    assert now.alive_at == claimed.alive_at, "the feed does not speak for the holder"
    with pytest.raises(dj.DatasetError):
        store.update_held(made.uid, dj.make(PatientID="19"))
    assert isinstance(store.carry_out(made.uid, Update(changes.fence(), ours), Caller(ANN)), Decision)
    assert not store.update_held(made.uid, dj.make(NumberOfStudyRelatedInstances=11))
    (found,) = store.open_workitems("north")
    assert (found.images, found.holder) == (9, ANN)


def test_a_workitem_that_cannot_be_is_refused_to_intake_too(store: WorkitemStore) -> None:
    with pytest.raises(dj.DatasetError):
        store.create_if_absent(study_to_read("not a uid"))
    made = study_to_read()
    store.create_if_absent(made)
    with pytest.raises(dj.DatasetError):
        store.update_scheduled(made.uid, dj.make(InputReadinessState="SOON"))


def test_server_time_never_repeats_and_never_goes_back(store: WorkitemStore, clock: Clock) -> None:
    uids = [random_uid() for _ in range(5)]
    for number, uid in enumerate(uids):
        clock.now = NOW - timedelta(hours=number)
        store.create_if_absent(study_to_read(uid))
    times = [modified(store, uid) for uid in uids]
    assert times == sorted(set(times))


def test_a_heartbeat_is_noted_without_changing_the_workitem(store: WorkitemStore, clock: Clock) -> None:
    uid, transaction_uid = random_uid(), random_uid()
    store.create_if_absent(study_to_read(uid))
    store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), Caller(ANN))
    store.carry_out(uid, Update(changes.progress(5), transaction_uid), Caller(ANN))
    before, before_it = store.read(uid), len(told(store))
    clock.now += timedelta(minutes=4)
    store.carry_out(uid, Update(changes.progress(5), transaction_uid), Caller(ANN))
    after = store.read(uid)
    assert before is not None
    assert after is not None
    assert (after.dataset, after.version) == (before.dataset, before.version)
    assert after.alive_at == clock.now
    assert len(told(store)) == before_it


def test_a_release_is_one_transaction(store: WorkitemStore, monkeypatch: pytest.MonkeyPatch) -> None:
    uid, transaction_uid = random_uid(), random_uid()
    store.create_if_absent(study_to_read(uid))
    store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), Caller(ANN))
    leaving = changes.progress(1, code=RESCHEDULING_RECOMMENDED)
    store.carry_out(uid, Update(leaving, transaction_uid), Caller(ANN))

    def fail(*_args: object) -> None:
        raise RuntimeError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "_insert", fail)
        with pytest.raises(RuntimeError, match="disk full"):
            store.carry_out(uid, ChangeState(State.CANCELED, transaction_uid), Caller(ANN))
    stored = store.read(uid)
    assert stored is not None
    assert stored.state is State.IN_PROGRESS
    assert isinstance(store.carry_out(uid, ChangeState(State.CANCELED, transaction_uid), Caller(ANN)), Decision)
    assert len(store.open_workitems("north")) == 1


def test_an_unknown_workitem_is_refused(store: WorkitemStore) -> None:
    outcome = store.carry_out("1.2.3", Update({}), Caller())
    assert isinstance(outcome, Refusal)
    assert outcome.answer is Answer.UNKNOWN_WORKITEM


def test_time_goes_on_where_the_database_left_off(any_database: Path | str) -> None:
    uid = random_uid()
    first = WorkitemStore(any_database, clock=lambda: NOW)
    first.create_if_absent(study_to_read(uid))
    before = modified(first, uid)
    first.close()
    second = WorkitemStore(any_database, clock=lambda: NOW - timedelta(days=1))
    second.update_scheduled(uid, dj.make(PatientID="18"))
    assert modified(second, uid) > before
    second.close()


def test_an_error_rolls_back_and_reaches_the_asker(store: WorkitemStore) -> None:
    def job(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DELETE FROM workitems")
        raise RuntimeError("stop")

    store.create_if_absent(study_to_read())
    with pytest.raises(RuntimeError, match="stop"):
        store.change(job)
    assert len(store.open_workitems("north")) == 1


def test_many_creators_of_one_workitem_make_one_and_the_others_are_told(any_database: Path | str) -> None:
    stores = [WorkitemStore(any_database) for _ in range(3)]
    try:
        for _ in range(10):
            made, answers = study_to_read(), []
            barrier = threading.Barrier(len(stores) * 2)

            def create(store: WorkitemStore, made=made, answers=answers, barrier=barrier) -> None:  # type: ignore[no-untyped-def]
                barrier.wait()
                answers.append(store.create_if_absent(made))

            in_threads(*[lambda store=store: create(store) for store in stores * 2])
            assert sorted(answers) == [False] * 5 + [True]
    finally:
        for store in stores:
            store.close()


def test_events_are_read_once_and_in_the_order_of_the_changes(store: WorkitemStore) -> None:
    uids = [random_uid() for _ in range(40)]

    def create(part: list[str]) -> None:
        for uid in part:
            store.create_if_absent(study_to_read(uid))

    in_threads(lambda: create(uids[:20]), lambda: create(uids[20:]))
    found: list[str] = []
    cursor = Cursor()
    while (page := store.log.after(cursor, limit=7)).events:
        found += [one.uid for one in page.events]
        cursor = page.cursor
    assert sorted(found) == sorted(uids)
    assert [uid for uid in found if uid in uids[:20]] == uids[:20]
    assert [uid for uid in found if uid in uids[20:]] == uids[20:]
    assert cursor == store.log.newest()


def test_an_event_carries_what_the_workitem_was(store: WorkitemStore) -> None:
    made = study_to_read()
    store.create_if_absent(made)
    store.update_scheduled(made.uid, dj.make(WorklistLabel="NEURO", StudyDescription="CT"))
    created, changed = told(store)
    assert created.before is None
    assert changed.before is not None
    assert not matches(changed.before, [match_from("WorklistLabel", "NEURO")])
    assert matches(changed.before, [match_from("ProcedureStepLabel", "CT head")])
    assert matches(changed.dataset, [match_from("WorklistLabel", "NEURO")])


def test_an_event_behind_a_transaction_that_still_runs_is_not_passed(postgres_cluster: object) -> None:
    """A takes its number first and commits last: a reader that had passed B's would never see it."""
    store = WorkitemStore(postgres_cluster.new_database())  # type: ignore[attr-defined]
    try:
        started, finish = threading.Event(), threading.Event()

        def slow(connection: sa.Connection) -> None:
            store.log.append(connection, [Raised("slow", 1, {})], NOW)
            started.set()
            assert finish.wait(DEADLINE_S)

        thread = threading.Thread(target=lambda: store.change(slow))
        thread.start()
        assert started.wait(DEADLINE_S)
        store.change(lambda connection: store.log.append(connection, [Raised("quick", 2, {})], NOW))
        page = store.log.after(Cursor())
        assert (page.events, page.waits_for is not None, page.cursor) == ((), True, Cursor())
        finish.set()
        thread.join()
        assert [one.uid for one in store.log.after(page.cursor).events] == ["slow", "quick"]
    finally:
        store.close()


def test_a_transaction_that_has_a_number_and_writes_its_event_later_is_not_passed(postgres_cluster: Cluster) -> None:
    store = WorkitemStore(postgres_cluster.new_database())
    try:
        numbered, finish = threading.Event(), threading.Event()

        def slow(connection: sa.Connection) -> None:
            connection.execute(sa.select(sa.func.pg_current_xact_id()))
            numbered.set()
            assert finish.wait(DEADLINE_S)
            store.log.append(connection, [Raised("slow", 1, {})], NOW)

        thread = threading.Thread(target=lambda: store.change(slow))
        thread.start()
        assert numbered.wait(DEADLINE_S)
        store.change(lambda connection: store.log.append(connection, [Raised("quick", 2, {})], NOW))
        page = store.log.after(Cursor())
        assert (page.events, page.cursor) == ((), Cursor())
        finish.set()
        thread.join()
        assert [one.uid for one in store.log.after(page.cursor).events] == ["slow", "quick"]
    finally:
        store.close()


@pytest.mark.parametrize("ending", ["ROLLBACK", "PREPARE TRANSACTION 'forgotten'"])
def test_a_transaction_of_another_database_holds_no_event_back(ending: str) -> None:
    with Cluster(["max_prepared_transactions = 2"]) as cluster:
        store, elsewhere = WorkitemStore(cluster.new_database()), cluster.new_database()
        try:
            with psycopg.connect(elsewhere, autocommit=True) as forgotten:
                forgotten.execute("CREATE TABLE anything (a int)")
                forgotten.execute("BEGIN")
                forgotten.execute("INSERT INTO anything VALUES (1)")
                if ending != "ROLLBACK":
                    forgotten.execute(ending.encode())
                study = study_to_read()
                store.create_if_absent(study)
                page = store.log.after(Cursor())
                assert ([one.uid for one in page.events], page.waits_for) == ([study.uid], None)
                if ending == "ROLLBACK":
                    forgotten.execute(ending.encode())
        finally:
            store.close()


def test_no_event_is_passed_while_many_write_here_and_elsewhere(postgres_cluster: Cluster) -> None:
    """Readers that read all the time, writers whose transactions end in any order, and strangers between them."""
    url, elsewhere = postgres_cluster.new_database(), postgres_cluster.new_database()
    store = WorkitemStore(url)
    begun, over = threading.Barrier(6), threading.Event()

    def write(number: int) -> None:
        with psycopg.connect(url) as connection:
            begun.wait(DEADLINE_S)
            for turn in range(60):
                connection.execute("SELECT pg_current_xact_id(), pg_sleep(%s)", ((number * 7 + turn) % 5 / 2000,))
                connection.execute(
                    "INSERT INTO events (xid, kind, uid, position, frame, before, at)"
                    " VALUES (pg_current_xact_id()::text::bigint, 'ups', %s, 0, '{}', '', '')",
                    (f"{number}.{turn}",),
                )
                connection.commit()

    def disturb() -> None:
        with psycopg.connect(elsewhere) as connection:
            begun.wait(DEADLINE_S)
            while not over.is_set():
                connection.execute("SELECT pg_current_xact_id(), pg_sleep(0.002)")
                connection.rollback()

    def read() -> list[str]:
        cursor, found = Cursor(), list[str]()
        begun.wait(DEADLINE_S)
        while True:
            is_last = over.is_set()
            page = store.log.after(cursor)
            cursor = page.cursor
            found += [one.uid for one in page.events]
            if is_last and not page.events:
                return found

    try:
        with ThreadPoolExecutor(6) as pool:
            writers = [pool.submit(write, number) for number in range(3)]
            readers = [pool.submit(read) for _ in range(2)]
            stranger = pool.submit(disturb)
            for writer in writers:
                writer.result(DEADLINE_S)
            over.set()
            stranger.result(DEADLINE_S)
            expected = sorted(f"{number}.{turn}" for number in range(3) for turn in range(60))
            for reader in readers:
                assert sorted(reader.result(DEADLINE_S)) == expected
    finally:
        over.set()
        store.close()


def test_events_that_are_held_back_are_told_and_watchers_search_again(
    postgres_cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    url = postgres_cluster.new_database()
    store = WorkitemStore(url)
    moment, gaps, heard = [0.0], threading.Semaphore(0), threading.Event()
    feed = EventFeed(store.database, lambda _events: heard.set(), on_gap=gaps.release, clock=lambda: moment[0])
    try:
        with psycopg.connect(url) as forgotten:
            forgotten.execute("SELECT pg_current_xact_id()")
            store.create_if_absent(study_to_read())
            assert feed.late_s == 0.0
            feed.start()
            until = time.monotonic() + DEADLINE_S
            while not gaps.acquire(timeout=0.02):
                moment[0] += LATE_S / 2
                assert time.monotonic() < until
            assert feed.late_s > SEARCH_AGAIN_S
            assert "holds events back" in caplog.text
            assert not heard.is_set()
        assert heard.wait(DEADLINE_S)
        while feed.late_s:
            assert time.monotonic() < until
    finally:
        feed.stop()
        store.close()


def test_a_feed_delivers_the_changes_of_every_process(any_database: Path | str) -> None:
    stores = [WorkitemStore(any_database) for _ in range(2)]
    stores[0].create_if_absent(study_to_read())
    heard: list[list[str]] = [[], []]
    complete = threading.Event()

    def deliver(number: int, raised: tuple[Raised, ...]) -> None:
        heard[number] += [one.uid for one in raised]
        if all(len(found) == 20 for found in heard):
            complete.set()

    feeds = [
        EventFeed(store.database, lambda raised, number=number: deliver(number, raised))  # type: ignore[misc]
        for number, store in enumerate(stores)
    ]
    for feed in feeds:
        feed.start()
    uids = [random_uid() for _ in range(20)]
    try:
        for number, uid in enumerate(uids):
            stores[number % 2].create_if_absent(study_to_read(uid))
        assert complete.wait(DEADLINE_S)
        assert [sorted(found) for found in heard] == [sorted(uids)] * 2
    finally:
        for feed in feeds:
            feed.stop()
        for store in stores:
            store.close()


def test_a_feed_that_stops_has_delivered_everything_and_survives_a_deliverer_that_fails(store: WorkitemStore) -> None:
    heard: list[str] = []

    def deliver(raised: tuple[Raised, ...]) -> None:
        heard.extend(one.uid for one in raised)
        if len(heard) == 1:
            raise RuntimeError("no channel")

    feed = EventFeed(store.database, deliver)  # type: ignore[arg-type]
    feed.start()
    made = [study_to_read() for _ in range(10)]
    for one in made:
        store.create_if_absent(one)
    feed.stop()
    assert heard == [one.uid for one in made]


def test_a_changed_subscription_reaches_the_other_processes(any_database: Path | str) -> None:
    here, there = WorkitemStore(any_database), WorkitemStore(any_database)
    reread = threading.Event()
    feed = EventFeed(there.database, lambda _raised: None, on_subscriptions=reread.set)
    feed.start()
    try:
        SubscriptionStore(here).subscribe("DESK", GLOBAL, {}, deletion_lock=False)
        assert reread.wait(DEADLINE_S)
        assert [one.ae_title for one in SubscriptionStore(there).subscribers()] == ["DESK"]
    finally:
        feed.stop()
        here.close()
        there.close()


def test_a_feed_that_was_away_for_too_long_says_so(store: WorkitemStore) -> None:
    times = iter([0.0, KEPT.total_seconds()])
    gap = threading.Event()
    last = [0.0]

    def clock() -> float:
        last[0] = next(times, last[0])
        return last[0]

    feed = EventFeed(store.database, lambda _raised: None, on_gap=gap.set, clock=clock)
    feed.start()
    assert gap.wait(DEADLINE_S)
    feed.stop()


def test_subscriptions_are_kept_renewed_suspended_and_removed(store: WorkitemStore) -> None:
    kept = SubscriptionStore(store)
    kept.subscribe("DESK", FILTERED_GLOBAL, {"WorklistLabel": "NEURO"}, deletion_lock=False)
    kept.subscribe("DESK", "1.2.3", {}, deletion_lock=True)
    assert kept.suspend("DESK", FILTERED_GLOBAL)
    suspended = {one.uid: one for one in kept.subscribers()}
    assert suspended[FILTERED_GLOBAL].until_position == 1
    assert suspended[FILTERED_GLOBAL].matching[0].value == "NEURO"
    kept.subscribe("DESK", FILTERED_GLOBAL, {}, deletion_lock=False)
    assert {one.until_position for one in kept.subscribers()} == {0}
    assert not kept.unsubscribe("OTHER", "1.2.3")
    assert not kept.suspend("DESK", "1.2.4")
    assert kept.unsubscribe("DESK", GLOBAL)
    assert kept.subscribers() == ()


def test_one_process_at_a_time_has_a_lease_and_another_gets_it_after(postgres_cluster: object) -> None:
    url = postgres_cluster.new_database()  # type: ignore[attr-defined]
    first, second = WorkitemStore(url), WorkitemStore(url)
    tick = threading.Event()

    def until(held: object) -> bool:
        left = int(DEADLINE_S / 0.02)
        while not held.is_held() and left:  # type: ignore[attr-defined]
            tick.wait(0.02)
            left -= 1
        return left > 0

    try:
        one = first.lease("poll north")
        assert until(one)
        two, other = second.lease("poll north"), second.lease("poll south")
        assert until(other)
        assert not two.is_held()
        first.close()
        assert until(two)
        assert not one.is_held()
        two.release()
        third = WorkitemStore(url)
        assert until(third.lease("poll north"))
        third.close()
    finally:
        second.close()


def test_on_one_desk_the_lease_is_always_there(tmp_path: Path) -> None:
    store = WorkitemStore(tmp_path / "worklist.sqlite")
    assert store.lease("poll north").is_held()
    store.lease("poll north").release()
    store.close()


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = WorkitemStore(tmp_path / "worklist.sqlite")
    store.close()
    store.close()
    with pytest.raises(StoreUnavailable):
        store.create_if_absent(study_to_read())


def test_migrated_and_fresh_databases_have_the_same_schema(any_database: Path | str) -> None:
    store = WorkitemStore(any_database)
    fresh = _schema(store)
    store.change(_drop_everything)
    store.change(lambda connection: migrate.upgrade(connection, "test"))
    assert _schema(store) == fresh
    with store.reading.connect() as connection:
        assert schema_version(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    store.close()


def test_a_database_of_the_first_version_is_carried_forward_with_its_workitems(any_database: Path | str) -> None:
    made = study_to_read(patient_id="17", modalities=("CT", "SR"))
    store = WorkitemStore(any_database)
    store.create_if_absent(made)

    def back(connection: sa.Connection) -> None:
        migrate.command.downgrade(migrate.configuration(connection), "0001")

    store.change(back)
    store.close()
    again = WorkitemStore(any_database)
    assert [one.uid for one in again.open_workitems("north")] == [made.uid]
    for key, value in (("PatientID", "17"), ("ModalitiesInStudy", "SR")):
        assert len(again.search([match_from(key, value)], limit=5)) == 1
    again.close()


def test_a_database_of_a_newer_hub_is_refused(any_database: Path | str) -> None:
    store = WorkitemStore(any_database)
    store.change(lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"))
    store.close()
    with pytest.raises(StoreError, match="newer version"):
        WorkitemStore(any_database)


def _schema(store: WorkitemStore) -> object:
    with store.reading.connect() as connection:
        seen = sa.inspect(connection)
        return {
            table: (
                [(column["name"], str(column["type"]), column["nullable"]) for column in seen.get_columns(table)],
                sorted((str(index["name"]), tuple(index["column_names"])) for index in seen.get_indexes(table)),
            )
            for table in seen.get_table_names()
        }


def _drop_everything(connection: sa.Connection) -> None:
    METADATA.drop_all(connection)
    connection.exec_driver_sql("DROP TABLE alembic_version")
