from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.peers.hub import ANN, BOB, study_to_read
from ups import changes
from ups import dicom_json as dj
from ups.codes import RESCHEDULING_RECOMMENDED, UNSPECIFIED_REASON
from ups.identifiers import random_uid, replacement_uid
from ups.states import Answer
from ups.states import ProcedureStepState as State
from worklist_hub.events import Raised
from worklist_hub.matching import MatchingError, match_from, matches, moments
from worklist_hub.protocol import Caller, ChangeState, Create, Decision, Refusal, Update
from worklist_hub.store import migrate
from worklist_hub.store.database import StoreError, open_engines, schema_version
from worklist_hub.store.port import Store
from worklist_hub.store.schema import HEAD, METADATA
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.store.writer import WriterClosed

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def raised() -> list[Raised]:
    return []


@pytest.fixture
def store(tmp_path: Path, clock: Clock, raised: list[Raised]) -> Iterator[WorkitemStore]:
    made = WorkitemStore(tmp_path / "worklist.sqlite", clock=clock, publish=raised.extend)
    yield made
    made.close()


def modified(store: WorkitemStore, uid: str) -> str:
    stored = store.read(uid)
    assert stored is not None
    return dj.text(stored.dataset, "ScheduledProcedureStepModificationDateTime")


def test_intake_sees_what_it_was_promised(store: WorkitemStore, raised: list[Raised]) -> None:
    port: Store = store
    made = study_to_read()
    assert port.create_if_absent(made)
    assert not port.create_if_absent(made)
    assert port.update_scheduled(made.uid, dj.make(NumberOfStudyRelatedInstances=5, PatientID="18"))
    (found,) = port.open_workitems("north")
    assert (found.images, found.patient_id) == (5, "18")
    assert port.open_workitems("south") == ()
    told = len(raised)
    assert port.update_scheduled(made.uid, dj.make(NumberOfStudyRelatedInstances=5))
    assert len(raised) == told
    assert port.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "a report has appeared")
    assert port.open_workitems("north") == ()
    assert not port.create_if_absent(made)
    assert not port.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "again")
    assert not port.update_scheduled(made.uid, dj.make(PatientID="19"))
    assert not port.update_scheduled("1.2.3", dj.make(PatientID="19"))


def test_intake_never_touches_what_somebody_is_reading(store: WorkitemStore) -> None:
    made = study_to_read()
    store.create_if_absent(made)
    store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN))
    assert not store.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "vanished")
    assert not store.update_scheduled(made.uid, dj.make(PatientID="19"))
    (found,) = store.open_workitems("north")
    assert found.state is State.IN_PROGRESS


def test_intake_tells_who_reads_of_late_images_and_changes_nothing_else(
    store: WorkitemStore, raised: list[Raised], clock: Clock
) -> None:
    made, ours = study_to_read(), random_uid()
    store.create_if_absent(made)
    assert not store.update_held(made.uid, dj.make(NumberOfStudyRelatedInstances=9)), "nobody holds it yet"
    store.carry_out(made.uid, ChangeState(State.IN_PROGRESS, ours), Caller(ANN))
    told, claimed = len(raised), store.read(made.uid)
    clock.now += timedelta(minutes=4)
    assert store.update_held(made.uid, dj.make(NumberOfStudyRelatedInstances=9))
    assert len(raised) == told + 1
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


def test_what_was_taken_off_the_list_can_be_put_there_again(store: WorkitemStore) -> None:
    made = study_to_read(study_instance_uid="1.5")
    store.create_if_absent(made)
    store.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "read elsewhere")
    again = study_to_read(study_instance_uid="1.5")
    assert isinstance(store.carry_out(again.uid, Create(again.uid, again.to_json()), Caller(BOB)), Decision)


def test_the_last_of_a_chain_of_replacements_is_found_also_after_a_restart(tmp_path: Path) -> None:
    first = WorkitemStore(tmp_path / "worklist.sqlite")
    made = study_to_read()
    assert first.latest(made.uid) is None
    first.create_if_absent(made)
    first.cancel_scheduled(made.uid, UNSPECIFIED_REASON, "away")
    again = replace(made, uid=replacement_uid(made.uid), replaces=made.uid)
    assert first.create_if_absent(again)
    assert not first.create_if_absent(again)
    first.cancel_scheduled(again.uid, UNSPECIFIED_REASON, "away again")
    first.close()
    second = WorkitemStore(tmp_path / "worklist.sqlite")
    last = second.latest(made.uid)
    second.close()
    assert last is not None
    assert (last.uid, last.state, last.replaces) == (again.uid, State.CANCELED, made.uid)
    assert last.cancel_reason == "away again"


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


def test_time_goes_on_where_the_file_left_off(tmp_path: Path) -> None:
    path, uid = tmp_path / "worklist.sqlite", random_uid()
    first = WorkitemStore(path, clock=lambda: NOW)
    first.create_if_absent(study_to_read(uid))
    before = modified(first, uid)
    first.close()
    second = WorkitemStore(path, clock=lambda: NOW - timedelta(days=1))
    second.update_scheduled(uid, dj.make(PatientID="18"))
    assert modified(second, uid) > before
    second.close()


def test_a_heartbeat_is_noted_without_changing_the_workitem(
    store: WorkitemStore, clock: Clock, raised: list[Raised]
) -> None:
    uid, transaction_uid = random_uid(), random_uid()
    store.create_if_absent(study_to_read(uid))
    store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), Caller(ANN))
    store.carry_out(uid, Update(changes.progress(5), transaction_uid), Caller(ANN))
    before, told = store.read(uid), len(raised)
    clock.now += timedelta(minutes=4)
    store.carry_out(uid, Update(changes.progress(5), transaction_uid), Caller(ANN))
    after = store.read(uid)
    assert before is not None
    assert after is not None
    assert (after.dataset, after.version) == (before.dataset, before.version)
    assert after.alive_at == clock.now
    assert len(raised) == told


def test_events_leave_in_the_order_of_the_commits(store: WorkitemStore, raised: list[Raised]) -> None:
    uids = [random_uid() for _ in range(40)]
    threads = [
        threading.Thread(target=lambda part=part: [store.create_if_absent(study_to_read(uid)) for uid in part])
        for part in (uids[:20], uids[20:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    times = [dj.text(one.dataset, "ScheduledProcedureStepModificationDateTime") for one in raised]
    assert len(times) == 40
    assert times == sorted(times)


def test_a_watcher_that_fails_does_not_undo_the_change(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_raised: object) -> None:
        raise RuntimeError("no channel")

    store = WorkitemStore(tmp_path / "worklist.sqlite", publish=fail)
    made = study_to_read()
    assert store.create_if_absent(made)
    assert store.read(made.uid) is not None
    assert "telling of a change failed" in caplog.text
    store.close()


def test_an_error_rolls_back_and_reaches_the_asker(store: WorkitemStore) -> None:
    def job(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DELETE FROM workitems")
        raise RuntimeError("stop")

    store.create_if_absent(study_to_read())
    with pytest.raises(RuntimeError, match="stop"):
        store.writer.do(job)
    assert len(store.open_workitems("north")) == 1


def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = WorkitemStore(tmp_path / "worklist.sqlite")
    store.close()
    store.close()
    with pytest.raises(WriterClosed):
        store.create_if_absent(study_to_read())


def test_a_release_is_one_transaction(store: WorkitemStore, monkeypatch: pytest.MonkeyPatch) -> None:
    uid, transaction_uid = random_uid(), random_uid()
    store.create_if_absent(study_to_read(uid))
    store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), Caller(ANN))
    leaving = changes.progress(1, code=RESCHEDULING_RECOMMENDED)
    store.carry_out(uid, Update(leaving, transaction_uid), Caller(ANN))

    def fail(*_args: object) -> None:
        raise sa.exc.OperationalError("insert", {}, Exception("disk full"))

    with monkeypatch.context() as patched:
        patched.setattr(store, "_insert", fail)
        with pytest.raises(sa.exc.OperationalError):
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


def test_the_file_is_durable_by_its_settings(store: WorkitemStore) -> None:
    with store.reading.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    assert pragmas == ["wal", 2]


def test_migrated_and_fresh_files_have_the_same_schema(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.sqlite'}")
    with engine.begin() as connection:
        migrate.upgrade(connection, tmp_path / "migrated.sqlite")
        assert schema_version(connection) == HEAD
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        migrated = set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
    engine.dispose()
    writer, readers = open_engines(tmp_path / "fresh.sqlite")
    with readers.connect() as connection:
        assert schema_version(connection) == HEAD
        assert set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars()) == migrated
    writer.dispose()
    readers.dispose()


def test_the_newest_migration_is_the_one_the_code_expects() -> None:
    assert ScriptDirectory.from_config(migrate.configuration()).get_current_head() == HEAD


def test_a_file_of_a_newer_hub_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worklist.sqlite"
    WorkitemStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        WorkitemStore(path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "worklist.sqlite"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError, match=r"worklist\.sqlite"):
        WorkitemStore(path)


def test_opening_an_up_to_date_file_imports_neither_alembic_nor_pydicom(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; import worklist_hub.app;"
        "from worklist_hub.store.workitems import WorkitemStore;"
        "[WorkitemStore(Path(sys.argv[1])).close() for _ in range(2)];"
        "print([name for name in ('alembic', 'pydicom', 'pynetdicom', 'requests') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "worklist.sqlite")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2024", ("2024", "20241231235959.999999")),
        ("202402", ("202402", "20240229235959.999999")),
        ("20240102-", ("20240102", "")),
        ("-20240102", ("", "20240102235959.999999")),
        ("20240102-0500", ("20240102-0500", "20240102235959.999999-0500")),
        ("20240102030405+0000-20240102030406+0000", ("20240102030405+0000", "20240102030406+0000")),
    ],
)
def test_a_range_of_moments_means_all_of_its_ends(value: str, expected: tuple[str, str]) -> None:
    assert moments(value) == expected


@pytest.mark.parametrize("value", ["-", "soon", "20241301", "2024-01-01", ""])
def test_what_is_no_moment_is_refused(value: str) -> None:
    with pytest.raises(MatchingError):
        moments(value)


def test_wildcards_match_texts_only_as_the_standard_has_them() -> None:
    dataset = dj.make(StudyDescription="CT [head]", PatientID="1*")
    assert matches(dataset, [match_from("StudyDescription", "CT [head]")])
    assert matches(dataset, [match_from("StudyDescription", "*[h?ad]")])
    assert not matches(dataset, [match_from("StudyDescription", "CT h")])
    assert not matches(dataset, [match_from("StudyDescription", "ct*")])
    assert matches({}, [match_from("StudyDescription", "")])
    assert not matches({}, [match_from("StudyDescription", "*x")])
