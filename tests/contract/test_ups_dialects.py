"""`UpsClient` and `claiming` against doubles of other servers: each row of the dialect table is played."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.peers.hub import ANN, BOB, study_to_read
from tests.peers.ups_doubles import MANNERS, Manners, UpsDouble, running_double
from ups import changes, claiming
from ups import dicom_json as dj
from ups.claiming import ClaimKind
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.dialects import DIALECTS, HUB
from ups.errors import AlreadyThere, Conflict, Unreachable, Unsupported, WrongTransactionUid
from ups.events import EventChannel, Snapshot
from ups.identifiers import random_uid, replacement_uid
from ups.states import ProcedureStepState as State
from ups.workitem import RESCHEDULING_RECOMMENDED, Workitem

FAULTS = ("500 after", "500 before", "drop after", "drop before")
Peer = tuple[UpsDouble, UpsClient]


def never() -> bool:
    return False


def no_wait(_seconds: float) -> None:
    return None


@pytest.fixture(params=MANNERS, ids=lambda one: one.name)
def peer(request: pytest.FixtureRequest) -> Iterator[Peer]:
    manners: Manners = request.param
    with running_double(manners) as (double, url):
        client = UpsClient(url, dialect=manners.dialect, reader=ANN, calling_ae="DESK")
        yield double, client
        client.close()


def test_every_foreign_dialect_has_a_double() -> None:
    assert {one.dialect.name for one in MANNERS} == set(DIALECTS) - {HUB.name}


def test_a_study_goes_from_feed_to_completed(peer: Peer) -> None:
    _, client = peer
    made = study_to_read()
    client.create(made)
    with pytest.raises(AlreadyThere):
        client.create(made)
    transaction_uid = random_uid()
    assert claiming.claim(client, made.uid, transaction_uid, cancelled=never, wait=no_wait).kind is ClaimKind.WON
    claiming.fence(client, made.uid, transaction_uid)
    client.change_state(made.uid, State.COMPLETED, transaction_uid)
    assert client.retrieve(made.uid).state is State.COMPLETED
    assert [row.uid for row in client.iter_search({"ProcedureStepState": "COMPLETED"})] == [made.uid]


def test_the_winner_writes_his_name_and_the_loser_reads_it(peer: Peer) -> None:
    _, client = peer
    made = study_to_read()
    client.create(made)
    claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=no_wait)
    lost = claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=no_wait, performer=BOB)
    assert (lost.kind, lost.holder) == (ClaimKind.LOST, ANN)


def test_a_loser_asks_again_until_the_winner_has_written_his_name(peer: Peer) -> None:
    double, client = peer
    made = study_to_read()
    client.create(made)
    client.change_state(made.uid, State.IN_PROGRESS, random_uid())
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            double.workitems[made.uid].update(changes.performer(BOB, claiming.datetime.now(claiming.UTC)))

    lost = claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=wait)
    assert (lost.kind, lost.holder) == (ClaimKind.LOST, BOB)
    assert len(waited) == 3


def test_a_loser_stops_asking_after_two_seconds(peer: Peer) -> None:
    _, client = peer
    made = study_to_read()
    client.create(made)
    client.change_state(made.uid, State.IN_PROGRESS, random_uid())
    waited: list[float] = []
    lost = claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=waited.append)
    assert (lost.kind, lost.holder, sum(waited)) == (ClaimKind.LOST, None, 2.0)


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unclear_answer_to_a_claim_is_resolved(peer: Peer, fault: str) -> None:
    double, client = peer
    made, transaction_uid = study_to_read(), random_uid()
    client.create(made)
    double.faults = [("PUT", fault)]
    outcome = claiming.claim(client, made.uid, transaction_uid, cancelled=never, wait=no_wait)
    assert outcome.kind is ClaimKind.WON
    assert double.transactions[made.uid] == transaction_uid
    assert sum(one.startswith("PUT") for one in double.asked) == (2 if fault.endswith("before") else 1)


@pytest.mark.parametrize("fault", ["500 before", "drop before"])
def test_an_unclear_answer_is_no_win_where_another_has_it(peer: Peer, fault: str) -> None:
    double, client = peer
    made = study_to_read()
    client.create(made)
    client.change_state(made.uid, State.IN_PROGRESS, random_uid())
    client.update(made.uid, changes.performer(BOB, claiming.datetime.now(claiming.UTC)), double.transactions[made.uid])
    double.faults = [("PUT", fault)]
    outcome = claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=no_wait)
    assert (outcome.kind, outcome.holder) == (ClaimKind.LOST, BOB)


def test_a_proof_that_gets_no_answer_either_is_asked_for_again(peer: Peer) -> None:
    double, client = peer
    made = study_to_read()
    client.create(made)
    double.faults = [("PUT", "drop after"), ("GET", "500 after"), ("PUT", "500 before"), ("POST", "500 after")]
    outcome = claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=no_wait)
    assert outcome.kind is ClaimKind.WON


def test_a_server_that_stays_unclear_leaves_the_claim_unknown(peer: Peer) -> None:
    double, client = peer
    made, waited = study_to_read(), []
    client.create(made)
    double.faults = [("PUT", "500 before")] * 20
    outcome = claiming.claim(client, made.uid, random_uid(), cancelled=never, wait=waited.append)
    assert outcome.kind is ClaimKind.UNKNOWN
    assert outcome.reason
    assert tuple(waited) == claiming.RETRY_WAITS_S
    double.faults = []
    assert (
        claiming.claim(client, made.uid, random_uid(), cancelled=lambda: True, wait=no_wait).kind is ClaimKind.UNKNOWN
    )
    assert double.state(made.uid) == "SCHEDULED"


def test_a_foreign_transaction_uid_proves_nothing(peer: Peer) -> None:
    double, client = peer
    made = study_to_read()
    client.create(made)
    assert claiming.prove(client, made.uid, random_uid()).kind is ClaimKind.UNKNOWN
    client.change_state(made.uid, State.IN_PROGRESS, "1.2.3")
    assert claiming.prove(client, made.uid, "1.2.4").kind is ClaimKind.LOST
    before = dict(double.workitems[made.uid])
    assert claiming.prove(client, made.uid, "1.2.3").kind is ClaimKind.WON
    assert double.workitems[made.uid] == before
    with pytest.raises((WrongTransactionUid, Conflict)):
        claiming.fence(client, made.uid, "1.2.4")


@pytest.mark.parametrize("fault", [None, ("PUT", "drop after"), ("POST", "500 after"), ("PUT", "500 before")])
def test_a_release_leaves_one_replacement_whatever_is_lost_on_the_way(
    peer: Peer, fault: tuple[str, str] | None
) -> None:
    double, client = peer
    made, transaction_uid = study_to_read(), random_uid()
    client.create(made)
    claiming.claim(client, made.uid, transaction_uid, cancelled=never, wait=no_wait)
    double.faults = [fault] if fault else []
    for _ in range(2):
        uid = claiming.release(client, made.uid, transaction_uid, cancelled=never, wait=no_wait, reason="over")
    assert uid == replacement_uid(made.uid)
    assert set(double.workitems) == {made.uid, uid}
    old, new = client.retrieve(made.uid), client.retrieve(uid)
    assert (old.state, old.cancel_code, old.cancel_reason) == (State.CANCELED, RESCHEDULING_RECOMMENDED, "over")
    assert (new.state, new.replaces, new.holder, new.patient_name) == (State.SCHEDULED, old.uid, None, "Ő^ё")


def test_what_was_cancelled_for_another_reason_does_not_come_back(peer: Peer) -> None:
    double, client = peer
    made, transaction_uid = study_to_read(), random_uid()
    client.create(made)
    claiming.claim(client, made.uid, transaction_uid, cancelled=never, wait=no_wait)
    client.change_state(made.uid, State.CANCELED, transaction_uid)
    with pytest.raises(Conflict):
        claiming.release(client, made.uid, transaction_uid, cancelled=never, wait=no_wait)
    assert set(double.workitems) == {made.uid}


def test_a_cancel_request_goes_where_the_server_wants_it(peer: Peer) -> None:
    double, client = peer
    made = study_to_read()
    client.create(made)
    if client.dialect.cancels_scheduled:
        client.request_cancel(made.uid, reason="read at home")
        assert double.state(made.uid) == "CANCELED"
    else:
        with pytest.raises(Conflict):
            client.request_cancel(made.uid)


def test_subscriptions_are_asked_for_only_where_there_are_any(peer: Peer) -> None:
    double, client = peer
    if client.dialect.event_channel:
        assert client.subscribe(GLOBAL_SUBSCRIPTION, "DESK").websocket_url.startswith("ws://")
    else:
        with pytest.raises(Unsupported):
            client.subscribe(GLOBAL_SUBSCRIPTION, "DESK")
        assert not any("subscribers" in one for one in double.asked)


def test_without_an_event_channel_the_list_is_polled() -> None:
    (manners,) = (one for one in MANNERS if not one.subscribes)
    with running_double(manners) as (double, url):
        client = UpsClient(url, dialect=manners.dialect)
        made = study_to_read()
        client.create(made)
        told: list[object] = []
        naps: list[float] = []
        ticks = iter(range(10_000))
        EventChannel(client, "DESK", poll_s=3, clock=lambda: float(next(ticks))).run(
            told.append, lambda: len(naps) >= 4, naps.append
        )
        snapshots = [one for one in told if isinstance(one, Snapshot)]
        assert len(snapshots) >= 2
        assert all([row.uid for row in one.workitems] == [made.uid] for one in snapshots)
        client.close()
    assert double.asked


def test_a_filter_that_is_not_supported_is_said_so() -> None:
    for manners in MANNERS:
        refusing = Manners("refusing", manners.dialect, manners.update_takes, filters=False)
        with running_double(refusing) as (_, url):
            client = UpsClient(url, dialect=manners.dialect)
            with pytest.raises(Unsupported):
                client.subscribe(GLOBAL_SUBSCRIPTION, "DESK", filters={"WorklistLabel": "NEURO"})
            client.close()


def test_a_transaction_uid_that_a_server_gives_away_is_dropped(peer: Peer) -> None:
    double, client = peer
    made = study_to_read()
    client.create(made)
    dj.put(double.workitems[made.uid], "TransactionUID", "1.2.3")
    assert "1.2.3" not in str(client.retrieve(made.uid).to_json())
    assert not any(dj.has(row.attributes, "TransactionUID") for row in client.iter_search({}))


def test_a_link_that_breaks_is_no_refusal(peer: Peer) -> None:
    double, client = peer
    double.faults = [("POST", "drop before")]
    with pytest.raises(Unreachable) as broken:
        client.create(Workitem("1.2.3"))
    assert broken.value.is_unclear
