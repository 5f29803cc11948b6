"""Several hub processes on one PostgreSQL are one worklist; and a region does not start where it could lose a claim."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.peers.hub import ANN, BOB, client_of, study_to_read
from tests.peers.hub_process import HubProcess
from tests.peers.postgres import Cluster
from ups.client import UpsClient
from ups.errors import Conflict
from ups.events import Changed, Event, EventChannel, Snapshot
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from worklist_hub.config import HubConfig
from worklist_hub.service import Hub
from worklist_hub.store.database import Durability, StoreError
from worklist_hub.store.durability import LOSING, SINGLE, STANDBY, risk_of

DEADLINE_S = 30.0
SAFE = Durability(True, True, "on", "two", 1)


class Desk:
    """Watches one hub; knows the state of each row."""

    def __init__(self, url: str, aet: str) -> None:
        self.client = UpsClient(url, reader=BOB)
        self.states: dict[str, State] = {}
        self._stop = threading.Event()
        self._changed = threading.Condition()
        channel = EventChannel(self.client, aet)
        work = (self._emit, self._stop.is_set)
        self._thread = threading.Thread(target=channel.run, args=(*work, self._stop.wait))
        self._thread.start()

    def _emit(self, event: Event) -> None:
        rows = event.workitems if isinstance(event, Snapshot) else ()
        with self._changed:
            self.states |= {row.uid: row.state for row in rows}
            if isinstance(event, Changed):
                self.states[event.workitem.uid] = event.workitem.state
            self._changed.notify_all()

    def until(self, wanted: Callable[[dict[str, State]], bool]) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: wanted(self.states), DEADLINE_S)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.client.close()


def end(hub: Hub) -> None:
    """Of one that has not served: it begins, and stops at once."""
    hub.stop()
    thread = threading.Thread(target=hub.run)
    thread.start()
    thread.join()


def test_two_hub_processes_serve_one_worklist(tmp_path: Path, postgres_cluster: Cluster) -> None:
    url = postgres_cluster.new_database()
    with HubProcess(tmp_path / "a", url) as first, HubProcess(tmp_path / "b", url) as second:
        desk = Desk(second.url, "BOB")
        here, there = UpsClient(first.url, reader=ANN), UpsClient(second.url, reader=BOB)
        try:
            known = study_to_read()
            here.create(known)
            assert desk.until(lambda states: states.get(known.uid) is State.SCHEDULED)
            here.change_state(known.uid, State.IN_PROGRESS, random_uid())
            assert desk.until(lambda states: states[known.uid] is State.IN_PROGRESS)
            with pytest.raises(Conflict) as lost:
                there.change_state(known.uid, State.IN_PROGRESS, random_uid())
            assert lost.value.holder == ANN
            assert [row.uid for row in there.search({"ProcedureStepState": "IN PROGRESS"})] == [known.uid]
        finally:
            desk.close()
            here.close()
            there.close()


def test_a_desk_whose_hub_is_killed_goes_on_with_the_other(tmp_path: Path, postgres_cluster: Cluster) -> None:
    url = postgres_cluster.new_database()
    with HubProcess(tmp_path / "a", url) as first, HubProcess(tmp_path / "b", url) as second:
        made, transaction_uid = study_to_read(), random_uid()
        here, there = UpsClient(first.url, reader=ANN), UpsClient(second.url, reader=ANN)
        here.create(made)
        here.change_state(made.uid, State.IN_PROGRESS, transaction_uid)
        first.kill()
        there.change_state(made.uid, State.IN_PROGRESS, transaction_uid)  # the same claim again is still the holder's
        assert there.retrieve(made.uid).state is State.IN_PROGRESS
        here.close()
        there.close()


def test_a_subscription_made_at_one_hub_is_heard_at_another(tmp_path: Path, postgres_cluster: Cluster) -> None:
    url = postgres_cluster.new_database()
    config = HubConfig(tmp_path / "worklist.sqlite", database_url=url, durability=LOSING)
    first, second = Hub(config), Hub(config)
    threads = [threading.Thread(target=hub.run) for hub in (first, second)]
    for thread in threads:
        thread.start()
    try:
        with client_of(first) as client:
            channel = second.channels.open("DESK")
            client.subscribe("1.2.840.10008.5.1.4.34.5", "DESK")
            made = study_to_read()
            client.create(made)
            tick, left = threading.Event(), int(DEADLINE_S / 0.02)
            while channel.frames.empty() and left:
                tick.wait(0.02)
                left -= 1
            assert made.uid in (channel.frames.get_nowait() or "")
    finally:
        for hub in (first, second):
            hub.stop()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize(
    ("found", "word", "said"),
    [
        (SAFE, STANDBY, ""),
        (replace(SAFE, synchronous_commit="remote_apply"), STANDBY, ""),
        (replace(SAFE, synchronous_commit="off"), STANDBY, "synchronous_commit is off"),
        (replace(SAFE, synchronous_commit="local"), STANDBY, "synchronous_commit is local"),
        (replace(SAFE, synchronous_commit="remote_write"), STANDBY, "synchronous_commit is remote_write"),
        (replace(SAFE, synchronous_standby_names=" "), STANDBY, "a failover loses acknowledged claims"),
        (replace(SAFE, fsync=False), STANDBY, "a power cut loses"),
        (replace(SAFE, full_page_writes=False), SINGLE, "a power cut loses"),
        (replace(SAFE, synchronous_standby_names="", standbys=0), SINGLE, ""),
        (replace(SAFE, synchronous_standby_names="", standbys=1), SINGLE, "nothing waits for it"),
        (replace(SAFE, synchronous_commit="off", standbys=0), SINGLE, "synchronous_commit is off"),
        (Durability(False, False, "off", "", 3), LOSING, ""),
    ],
)
def test_what_could_lose_an_acknowledged_claim_is_named(found: Durability, word: str, said: str) -> None:
    risk = risk_of(found, word)
    assert said in risk
    assert bool(risk) == bool(said)


def test_a_region_without_a_synchronous_standby_does_not_start_unless_told_in_so_many_words(
    tmp_path: Path, postgres_cluster: Cluster
) -> None:
    config = HubConfig(tmp_path / "worklist.sqlite", database_url=postgres_cluster.new_database())
    with pytest.raises(StoreError, match="acknowledged claims may be lost"):
        Hub(config)
    end(Hub(replace(config, durability=LOSING)))


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path: Path) -> None:
    config = HubConfig(tmp_path / "x", database_url="postgresql://hub:secret@127.0.0.1:9/region")
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:9/region") as refused:
        Hub(config)
    assert "secret" not in str(refused.value)


def test_small_answers_leave_at_once(tmp_path: Path) -> None:
    """asyncio switches Nagle's delay off only where the listening socket says that it is TCP: else 40 ms an answer."""
    hub = Hub(HubConfig(tmp_path / "worklist.sqlite"))
    proto = hub.socket.proto
    end(hub)
    assert proto == socket.IPPROTO_TCP
