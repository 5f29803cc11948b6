"""PostgreSQL's primary is killed and its standby promoted: no acknowledged claim is lost where commits are synchronous.

The same check rejects an asynchronous pair, so it can see a loss.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.peers.hub import ANN, study_to_read
from tests.peers.postgres import Cluster, available
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from worklist_hub.store.database import OutcomeUnknown, StoreUnavailable
from worklist_hub.store.durability import STANDBY, risk_of
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState, Decision

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "PostgreSQL is here")
DEADLINE_S = 60.0
WORKITEMS = 300
CLAIMERS = 6


@contextmanager
def pair(*, synchronous: bool) -> Iterator[tuple[Cluster, Cluster, str]]:
    """A primary, its standby, and the address of both for a store."""
    with Cluster() as primary, Cluster(standby_of=primary, name="two") as standby:
        if synchronous:
            primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'two'")
            primary.execute("SELECT pg_reload_conf()")
            primary.wait_for_standby("two")
        hosts = f"127.0.0.1:{primary.port},127.0.0.1:{standby.port}"
        yield primary, standby, f"postgresql://worklist@{hosts}/postgres?target_session_attrs=read-write"


def filled(store: WorkitemStore, count: int) -> list[str]:
    made = [study_to_read() for _ in range(count)]
    for one in made:
        assert store.create_if_absent(one)
    return [one.uid for one in made]


def lost(store: WorkitemStore, acknowledged: dict[str, str]) -> list[str]:
    """Claims that were acknowledged, and that their holder has no longer: the check."""
    replayed = {
        uid: store.carry_out(uid, ChangeState(State.IN_PROGRESS, transaction_uid), Caller(ANN))
        for uid, transaction_uid in acknowledged.items()
        if (stored := store.read(uid)) is not None and stored.state is State.IN_PROGRESS
    }
    return [uid for uid in acknowledged if not isinstance(replayed.get(uid), Decision)]


def test_no_acknowledged_claim_is_lost_when_the_primary_dies(caplog: pytest.LogCaptureFixture) -> None:
    with pair(synchronous=True) as (primary, standby, url):
        store = WorkitemStore(url)
        try:
            found = store.database.durability()
            assert found is not None
            assert found.synchronous_standby_names == "two"
            uids = filled(store, WORKITEMS)
            acknowledged: dict[str, str] = {}
            halfway = threading.Event()
            until = time.monotonic() + DEADLINE_S

            def claim(part: list[str]) -> None:
                for uid in part:
                    transaction_uid = random_uid()
                    while time.monotonic() < until:
                        try:
                            request = ChangeState(State.IN_PROGRESS, transaction_uid)
                            if isinstance(store.carry_out(uid, request, Caller(ANN)), Decision):
                                acknowledged[uid] = transaction_uid
                            break
                        except StoreUnavailable:
                            halfway.wait(0.05)
                    if len(acknowledged) > WORKITEMS // 3:
                        halfway.set()

            threads = [threading.Thread(target=claim, args=(uids[number::CLAIMERS],)) for number in range(CLAIMERS)]
            for thread in threads:
                thread.start()
            assert halfway.wait(DEADLINE_S)
            primary.kill()
            standby.promote()
            for thread in threads:
                thread.join()
            assert len(acknowledged) == WORKITEMS
            assert lost(store, acknowledged) == []
        finally:
            store.close()


def test_the_same_check_rejects_an_asynchronous_pair() -> None:
    with pair(synchronous=False) as (primary, standby, url):
        store = WorkitemStore(url)
        try:
            found = store.database.durability()
            assert found is not None
            assert risk_of(found, STANDBY) != ""
            uids = filled(store, 5)
            primary.execute("SELECT pg_switch_wal()")
            position = primary.execute("SELECT pg_current_wal_lsn()")[0][0]
            until = time.monotonic() + DEADLINE_S
            while not standby.execute(f"SELECT pg_last_wal_replay_lsn() >= '{position}'")[0][0]:
                assert time.monotonic() < until
            standby.stop()
            acknowledged = {}
            for uid in uids:
                acknowledged[uid] = random_uid()
                store.carry_out(uid, ChangeState(State.IN_PROGRESS, acknowledged[uid]), Caller(ANN))
            primary.kill()
            standby.start()
            standby.promote()
            assert lost(store, acknowledged) == uids
        finally:
            store.close()


def test_a_claim_that_no_standby_confirmed_is_not_acknowledged() -> None:
    """An administrator, or a time-out, may end the wait for the standby: PostgreSQL then reports success."""
    with pair(synchronous=True) as (primary, standby, url):
        store = WorkitemStore(url)
        try:
            (uid,) = filled(store, 1)
            standby.stop()
            outcome: list[object] = []

            def claim() -> None:
                try:
                    outcome.append(store.carry_out(uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN)))
                except OutcomeUnknown as error:
                    outcome.append(error)

            thread = threading.Thread(target=claim)
            thread.start()
            until = time.monotonic() + DEADLINE_S
            cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            while thread.is_alive() and time.monotonic() < until:
                primary.execute(cancel)
                thread.join(0.05)
            assert [type(one) for one in outcome] == [OutcomeUnknown]
        finally:
            store.close()
