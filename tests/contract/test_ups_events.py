"""The event channel against the real hub: each event arrives with its row, and no change is missed over a gap."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups import changes, claiming
from ups import dicom_json as dj
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.events import (
    Assigned,
    CancelRequested,
    Changed,
    ChannelState,
    Emit,
    Event,
    EventChannel,
    Progress,
    Snapshot,
)
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.service import Hub
from worklist_hub.web import channels

DEADLINE_S = 20.0


def never() -> bool:
    return False


def no_wait(_seconds: float) -> None:
    return None


class Mirror:
    """What a watcher knows: rows by UID, and every event told."""

    def __init__(self) -> None:
        self.rows: dict[str, Workitem] = {}
        self.told: list[Event] = []
        self._changed = threading.Condition()

    def emit(self, event: Event) -> None:
        with self._changed:
            self.told.append(event)
            if isinstance(event, Snapshot):
                self.rows = {} if event.is_complete else self.rows
                self.rows.update({row.uid: row for row in event.workitems})
            elif isinstance(event, Changed):
                self.rows[event.workitem.uid] = event.workitem
            self._changed.notify_all()

    def until(self, condition: Callable[[], object]) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(condition, timeout=DEADLINE_S))

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def connected(self) -> int:
        return sum(event.connected for event in self.told if isinstance(event, ChannelState))


@contextmanager
def watching(client: UpsClient, aet: str = "DESK", *, channel: EventChannel | None = None) -> Iterator[Mirror]:
    """A channel in a thread until the block ends."""
    mirror, stop = Mirror(), threading.Event()
    running = channel or EventChannel(client, aet)
    thread = threading.Thread(target=running.run, args=(mirror.emit, stop.is_set, stop.wait), name="channel")
    thread.start()
    try:
        assert mirror.until(lambda: mirror.connected)
        yield mirror
    finally:
        stop.set()
        thread.join()


def cut(hub: Hub) -> None:
    """Close every event channel, as a broken line would."""

    def close_all() -> None:
        for found in hub.channels._open.values():
            for channel in found:
                channel.is_cut_off = True
                channel.frames.put_nowait(None)

    assert hub.channels._loop is not None
    hub.channels._loop.call_soon_threadsafe(close_all)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path) as running:
        yield running


@pytest.fixture
def client(hub: Hub) -> Iterator[UpsClient]:
    with client_of(hub) as made:
        yield made


def test_the_first_snapshot_is_everything_open_and_nothing_else(client: UpsClient) -> None:
    waiting, claimed, gone = (study_to_read() for _ in range(3))
    for made in (waiting, claimed, gone):
        client.create(made)
    client.change_state(claimed.uid, State.IN_PROGRESS, random_uid())
    client.request_cancel(gone.uid)
    with watching(client) as mirror:
        (snapshot,) = mirror.of(Snapshot)
        assert snapshot.is_complete
        assert {row.uid for row in snapshot.workitems} == {waiting.uid, claimed.uid}


def test_each_change_arrives_as_a_complete_row(client: UpsClient) -> None:
    made, transaction_uid = study_to_read(), random_uid()
    with watching(client) as mirror:
        client.create(made)
        assert mirror.until(lambda: made.uid in mirror.rows)
        client.update(made.uid, changes.reservation(BOB))
        assert mirror.until(lambda: Assigned(made.uid, BOB) in mirror.told)
        client.update(made.uid, changes.reservation(None))
        assert mirror.until(lambda: Assigned(made.uid, None) in mirror.told)
        client.update(made.uid, dj.make(ScheduledProcedureStepPriority="HIGH"))
        assert mirror.until(lambda: mirror.rows[made.uid].priority == "HIGH")
        client.change_state(made.uid, State.IN_PROGRESS, transaction_uid)
        assert mirror.until(lambda: mirror.rows[made.uid].holder == ANN)
        client.update(made.uid, changes.fence(), transaction_uid)
        assert mirror.until(lambda: Progress(made.uid, 100.0, "signed, delivering") in mirror.told)
        assert mirror.rows[made.uid].patient_name == "Ő^ё"
        assert transaction_uid not in str(mirror.told)


def test_an_update_that_changes_nothing_raises_no_event(client: UpsClient) -> None:
    made, other, transaction_uid = study_to_read(), study_to_read(), random_uid()
    client.create(made)
    client.change_state(made.uid, State.IN_PROGRESS, transaction_uid)
    client.update(made.uid, changes.progress(5), transaction_uid)
    with watching(client) as mirror:
        for _ in range(3):
            client.update(made.uid, changes.progress(5), transaction_uid)
            assert claiming.prove(client, made.uid, transaction_uid).kind is claiming.WON
        client.create(other)
        assert mirror.until(lambda: other.uid in mirror.rows)
        assert [event.workitem.uid for event in mirror.of(Changed)] == [other.uid]


def test_a_take_over_is_asked_for_with_who_and_why(hub: Hub, client: UpsClient) -> None:
    made = study_to_read()
    client.create(made)
    client.change_state(made.uid, State.IN_PROGRESS, random_uid())
    with watching(client) as mirror, client_of(hub, BOB) as bob:
        bob.request_cancel(made.uid, reason="stroke team", contact_uri="tel:1")
        asked = CancelRequested(made.uid, BOB.code, "stroke team", BOB.name, "tel:1")
        assert mirror.until(lambda: asked in mirror.told)


def test_a_release_shows_the_old_one_going_and_the_new_one_coming(client: UpsClient) -> None:
    made, transaction_uid = study_to_read(), random_uid()
    client.create(made)
    with watching(client) as mirror:
        client.change_state(made.uid, State.IN_PROGRESS, transaction_uid)
        new = claiming.release(client, made.uid, transaction_uid, cancelled=never, wait=no_wait, reason="over")
        assert mirror.until(lambda: new in mirror.rows)
        assert mirror.rows[made.uid].state is State.CANCELED
        assert mirror.rows[new].replaces == made.uid


def stir(store_of: Hub, client: UpsClient, dice: random.Random, count: int, disturb: Callable[[], None]) -> None:
    """Many changes of every kind, with gaps in the channel between them."""
    held: dict[str, str] = {}
    for _ in range(count):
        waiting = [item.uid for item in store_of.store.open_workitems("north") if item.uid not in held]
        what = dice.random()
        if what < 0.35 or not waiting:
            client.create(study_to_read())
        elif what < 0.6:
            uid = dice.choice(waiting)
            held[uid] = random_uid()
            client.change_state(uid, State.IN_PROGRESS, held[uid])
        elif what < 0.75 and held:
            uid = dice.choice(sorted(held))
            claiming.release(client, uid, held.pop(uid), cancelled=never, wait=no_wait)
        elif what < 0.85:
            client.request_cancel(dice.choice(waiting))
        else:
            client.update(dice.choice(waiting), changes.reservation(dice.choice((ANN, BOB, None))))
        if dice.random() < 0.15:
            disturb()


def agrees(mirror: Mirror, client: UpsClient) -> Callable[[], bool]:
    """Whether the watcher knows the newest modification of every workitem."""
    truth = {row.uid: row.modified for row in client.iter_search({})}
    return lambda: {uid: row.modified for uid, row in mirror.rows.items()} == truth


@pytest.mark.parametrize("seed", range(3))
def test_no_change_is_missed_over_forced_reconnects(hub: Hub, client: UpsClient, seed: int) -> None:
    with watching(client) as mirror:
        stir(hub, client, random.Random(seed), 60, lambda: cut(hub))
        assert mirror.until(agrees(mirror, client))
        assert mirror.connected > 1
        assert not all(snapshot.is_complete for snapshot in mirror.of(Snapshot))


class NeverSearches(EventChannel):
    """Known bad: reconnects, but does not ask what happened meanwhile."""

    def _catch_up(self, emit: Emit) -> None:
        if not self._known:
            super()._catch_up(emit)


def test_a_channel_that_does_not_search_after_a_gap_fails_the_same_check(hub: Hub, client: UpsClient) -> None:
    first, unseen = study_to_read(), study_to_read()
    client.create(first)
    for kind, is_told in ((EventChannel, True), (NeverSearches, False)):
        with watching(client, channel=kind(client, "DESK")) as mirror:
            gap = threading.Event()
            client_subscribe = client.subscribe

            def held_back(*args: Any, _gap: threading.Event = gap, **more: Any) -> Any:
                assert _gap.wait(DEADLINE_S)
                return client_subscribe(*args, **more)  # noqa: B023 - called within this round only

            client.subscribe = held_back  # type: ignore[method-assign]
            before = mirror.connected
            cut(hub)
            assert mirror.until(lambda m=mirror: ChannelState(False, "the event channel was closed") in m.told)
            unseen = study_to_read()
            client.create(unseen)
            gap.set()
            assert mirror.until(lambda m=mirror, b=before: m.connected > b)
            client.subscribe = client_subscribe  # type: ignore[method-assign]
            assert agrees(mirror, client)() is is_told


def test_a_hub_that_restarts_on_the_same_file_is_found_again(tmp_path: Path) -> None:
    made, meanwhile = study_to_read(), study_to_read()
    with running_hub(tmp_path) as first:
        port = first.socket.getsockname()[1]
        with client_of(first) as client:
            client.create(made)
        url = first.url
    client = UpsClient(url, reader=ANN)
    with running_hub(tmp_path, port=port) as second, watching(client) as mirror:
        second.stop()
        assert mirror.until(lambda: any(not state.connected for state in mirror.of(ChannelState)))
        while second.stopping.wait(0.01) is False:
            pass
        with running_again(tmp_path, port) as third:
            third.store.create_if_absent(meanwhile)
            assert mirror.until(lambda: meanwhile.uid in mirror.rows)
            assert made.uid in mirror.rows
    client.close()


@contextmanager
def running_again(tmp_path: Path, port: int) -> Iterator[Hub]:
    with running_hub(tmp_path, port=port) as hub:
        yield hub


def test_what_is_older_than_what_was_told_is_dropped(client: UpsClient) -> None:
    channel, told = EventChannel(client, "DESK"), []
    new = study_to_read("1.2", modified="20260101000001.000000+0000", priority="HIGH").to_json()
    old = study_to_read("1.2", modified="20260101000000.000000+0000", priority="LOW").to_json()
    head = dj.make(AffectedSOPInstanceUID="1.2", EventTypeID=1)
    for row in (new, old, new):
        channel._receive(json.dumps(row | head), told.append)
    assert [event.workitem.priority for event in told] == ["HIGH", "HIGH"]


def test_a_filtered_subscriber_hears_what_matches_and_what_leaves(hub: Hub, client: UpsClient) -> None:
    neuro, chest = study_to_read(worklist_label="NEURO"), study_to_read(worklist_label="CHEST")
    channel = EventChannel(client, "DESK", subscription=GLOBAL_SUBSCRIPTION, filters={"WorklistLabel": "NEURO"})
    with watching(client, channel=channel) as mirror, client_of(hub, BOB) as bob, watching(bob, "BOB") as everything:
        client.create(chest)
        client.create(neuro)
        assert mirror.until(lambda: neuro.uid in mirror.rows)
        assert everything.until(lambda: {neuro.uid, chest.uid} <= set(everything.rows))
        assert chest.uid not in mirror.rows
        client.update(neuro.uid, dj.make(WorklistLabel="CHEST"))
        assert mirror.until(lambda: mirror.rows[neuro.uid].worklist_label == "CHEST")


def test_a_suspended_subscriber_hears_of_no_new_workitems_but_of_the_old(hub: Hub, client: UpsClient) -> None:
    old, new = study_to_read(), study_to_read()
    client.create(old)
    with watching(client) as mirror:
        client.suspend("DESK")
        client.create(new)
        client.update(old.uid, changes.reservation(BOB))
        assert mirror.until(lambda: mirror.rows[old.uid].reserved_for == BOB)
        assert new.uid not in mirror.rows


def test_a_subscriber_to_one_workitem_hears_of_that_one(client: UpsClient) -> None:
    one, other = study_to_read(), study_to_read()
    for made in (one, other):
        client.create(made)
    channel = EventChannel(client, "DESK", subscription=one.uid)
    with watching(client, channel=channel) as mirror:
        client.update(other.uid, changes.reservation(BOB))
        client.update(one.uid, changes.reservation(BOB))
        assert mirror.until(lambda: mirror.of(Changed))
        assert {event.workitem.uid for event in mirror.of(Changed)} == {one.uid}


def test_a_deletion_lock_tells_everything_that_exists(hub: Hub, client: UpsClient) -> None:
    made = study_to_read()
    client.create(made)
    url = client.subscribe(GLOBAL_SUBSCRIPTION, "DESK").websocket_url
    with connect(url, proxy=None) as socket:
        client.subscribe(GLOBAL_SUBSCRIPTION, "DESK", deletion_lock=True)
        event = json.loads(socket.recv(timeout=DEADLINE_S))
        assert (dj.text(event, "SOPInstanceUID"), dj.text(event, "EventTypeID")) == (made.uid, "1")


def test_a_watcher_that_falls_behind_is_cut_off_and_catches_up(
    hub: Hub, client: UpsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "QUEUE_LIMIT", 0)
    with watching(client) as mirror:
        made = study_to_read()
        client.create(made)
        assert mirror.until(lambda: mirror.connected > 1)
        assert mirror.until(lambda: made.uid in mirror.rows)


def test_the_channel_asks_for_the_token_too(tmp_path: Path) -> None:
    with running_hub(tmp_path, token="secret-of-this-desk") as hub:
        with pytest.raises(InvalidStatus):
            connect(f"{hub.url.replace('http', 'ws')}/ws/subscribers/DESK", proxy=None)
        with client_of(hub, token="secret-of-this-desk") as client, watching(client) as mirror:
            made = study_to_read()
            client.create(made)
            assert mirror.until(lambda: made.uid in mirror.rows)
        with client_of(hub, token="another") as stranger:
            mirror, stop = Mirror(), threading.Event()
            channel = EventChannel(stranger, "DESK")
            channel.run(mirror.emit, lambda: bool(mirror.told), stop.wait)
            assert mirror.told == [ChannelState(False, "This sign-in is not valid for this worklist")]
