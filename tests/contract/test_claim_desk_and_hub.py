"""The claim desk, the live list, the region's routes and the embedded hub against the real hub."""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pacs.site import DimseConnection, Site
from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups.claiming import ClaimKind
from ups.client import UpsClient
from ups.codes import NOT_CHECKED, Person
from ups.events import Event, Snapshot
from ups.identifiers import random_uid, replacement_uid
from ups.states import ProcedureStepState
from viewer.cancel import CancelToken
from worklist_client.journal import ClaimState, Journal
from worklist_client.worklist import region
from worklist_client.worklist.assigning import Assigning
from worklist_client.worklist.channel import keep_alive, listen
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.embedded import ADDRESS_FILE, EmbeddedHubError, HubAddress, answering_hub, start_or_join
from worklist_client.worklist.entries import Status
from worklist_client.worklist.live import LiveList
from worklist_client.worklist.outcomes import ClaimResult, CompleteKind, FenceKind, OutputReference, ReleaseKind
from worklist_hub.service import Hub

SITE = Site("north", "North", "#336699", connections=(DimseConnection("n", "127.0.0.1", 104, "NORTH"),))
PATIENCE_S = 10.0


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path, sites=(SITE,), intake_enabled=False) as running:
        yield running


@contextmanager
def desk_of(hub: Hub, folder: Path, reader: Person = ANN) -> Iterator[ClaimDesk]:
    """A reader's desk with a journal of its own."""
    with client_of(hub, reader) as client, Journal.open(folder / reader.code / "journal.sqlite") as journal:
        desk = ClaimDesk(journal, client, random_uid, lambda: datetime.now(UTC))
        yield desk


@contextmanager
def watched(client: UpsClient, me: str) -> Iterator[tuple[LiveList, Callable[[Callable[[LiveList], bool]], None]]]:
    """A live list fed by the event channel, and `until(condition)`, which applies news until the condition holds."""
    news: queue.Queue[Event] = queue.Queue()
    token = CancelToken()
    work = listen(client, f"DESK{me}")
    thread = threading.Thread(target=work, args=(token, news.put), name="listen")
    thread.start()
    live = LiveList(me, [SITE])

    def until(condition: Callable[[LiveList], bool]) -> None:
        while not condition(live):
            live.apply(news.get(timeout=PATIENCE_S))

    try:
        yield live, until
    finally:
        token.cancel()
        thread.join(PATIENCE_S)


def outputs(study: str) -> list[OutputReference]:
    return [OutputReference(study, "1.2.5", "1.2.840.10008.5.1.4.1.1.88.22", "1.2.5.1")]


def test_from_claim_to_reported(hub: Hub, tmp_path: Path) -> None:
    with client_of(hub) as client, desk_of(hub, tmp_path) as desk:
        study = study_to_read()
        client.create(study)
        assert desk.claim(study.uid).kind is ClaimKind.WON
        assert [result.kind for result in desk.heartbeat()] == [ClaimKind.WON]
        assert desk.fence(study.uid).kind is FenceKind.PASSED
        assert desk.complete(study.uid, outputs(study.study_instance_uid)).kind is CompleteKind.DONE
        assert client.retrieve(study.uid).state is ProcedureStepState.COMPLETED


def test_the_loser_of_a_claim_learns_the_winners_name(hub: Hub, tmp_path: Path) -> None:
    with client_of(hub) as client, desk_of(hub, tmp_path, ANN) as ann, desk_of(hub, tmp_path, BOB) as bob:
        study = study_to_read()
        client.create(study)
        assert ann.claim(study.uid).kind is ClaimKind.WON
        lost = bob.claim(study.uid)
        assert (lost.kind, lost.holder, lost.holder_code) == (ClaimKind.LOST, ANN.name, ANN.code)
        assert bob.fence(study.uid).kind is FenceKind.REFUSED


def test_many_desks_want_the_same_studies_and_each_has_one_winner(hub: Hub, tmp_path: Path) -> None:
    readers = [Person(str(number), f"Reader{number}") for number in range(6)]
    with client_of(hub) as client:
        studies = [study_to_read() for _ in range(8)]
        for study in studies:
            client.create(study)

    def race(reader: Person) -> list[str]:
        with desk_of(hub, tmp_path, reader) as desk:
            return [study.uid for study in studies if desk.claim(study.uid).kind is ClaimKind.WON]

    with ThreadPoolExecutor(len(readers)) as pool:
        won = [uid for uids in pool.map(race, readers) for uid in uids]
    assert sorted(won) == sorted(study.uid for study in studies)


def test_after_a_restart_the_claim_is_still_mine(hub: Hub, tmp_path: Path) -> None:
    with client_of(hub) as client:
        study = study_to_read()
        client.create(study)
        with desk_of(hub, tmp_path) as desk:
            first = desk.claim(study.uid)
        with desk_of(hub, tmp_path) as desk:
            (again,) = desk.resume()
        assert (again.kind, again.transaction_uid) == (ClaimKind.WON, first.transaction_uid)


def test_a_number_corrected_in_the_settings_leaves_my_claims_mine(hub: Hub, tmp_path: Path) -> None:
    """They read as gone to another reader, while the heartbeat kept them alive."""
    study, corrected = study_to_read(), Person("1234", ANN.name, ANN.organisation)
    with client_of(hub) as client:
        client.create(study)
    folder = tmp_path / "journal.sqlite"
    with client_of(hub) as client, Journal.open(folder) as journal:
        mistyped = ClaimDesk(journal, client, random_uid, lambda: datetime.now(UTC))
        first = mistyped.claim(study.uid)
    with client_of(hub, corrected) as client, Journal.open(folder) as journal:
        desk = ClaimDesk(journal, client, random_uid, lambda: datetime.now(UTC))
        live = LiveList(corrected.code, [SITE], name=corrected.name, holds=desk.holds)
        live.apply(Snapshot((client.retrieve(study.uid),), True))
        assert live.of_workitem(study.uid).status is Status.MINE
        again = desk.claim(study.uid)
        assert (again.kind, again.transaction_uid) == (ClaimKind.WON, first.transaction_uid)
        assert desk.fence(study.uid).kind is FenceKind.PASSED
        live.apply(Snapshot((client.retrieve(study.uid),), True))
        assert live.of_workitem(study.uid).is_own


def test_readers_who_share_a_number_do_not_end_each_others_claims(hub: Hub, tmp_path: Path) -> None:
    colleague = Person(ANN.code, "Cas^C", ANN.organisation)
    study = study_to_read()
    with client_of(hub, colleague) as client, desk_of(hub, tmp_path) as desk:
        client.create(study)
        desk.claim(study.uid)
        client.request_cancel(study.uid, reason="mine")
        found = client.retrieve(study.uid)
        assert (found.state, found.holder) == (ProcedureStepState.IN_PROGRESS, ANN)
        live = LiveList(colleague.code, [SITE], name=colleague.name)
        live.apply(Snapshot((found,), True))
        assert live.of_workitem(study.uid).status is Status.CLAIMED


def test_a_release_is_seen_as_a_release_and_can_be_claimed_again(hub: Hub, tmp_path: Path) -> None:
    with client_of(hub, BOB) as client, desk_of(hub, tmp_path, ANN) as ann, desk_of(hub, tmp_path, BOB) as bob:
        study = study_to_read()
        client.create(study)
        entry_id = ("north", study.study_instance_uid)
        with watched(client, BOB.code) as (live, until):

            def is_now(status: Status) -> Callable[[LiveList], bool]:
                return lambda rows: any(row.entry_id == entry_id and row.status is status for row in rows.entries)

            until(is_now(Status.AVAILABLE))
            ann.claim(study.uid)
            until(is_now(Status.CLAIMED))
            assert live.get(entry_id).holder == ANN.name
            seen: set[Status] = set()
            released = ann.release(study.uid, "called away")
            assert released.kind is ReleaseKind.RELEASED

            def back(rows: LiveList) -> bool:
                seen.add(rows.get(entry_id).status)
                return is_now(Status.AVAILABLE)(rows)

            until(back)
            assert Status.CANCELED not in seen
            assert live.get(entry_id).workitem_uid == released.replacement_uid
            assert bob.claim(released.replacement_uid).kind is ClaimKind.WON
            until(is_now(Status.MINE))
            bob.fence(released.replacement_uid)
            until(is_now(Status.DELIVERING))
            bob.complete(released.replacement_uid, outputs(study.study_instance_uid))
            until(is_now(Status.REPORTED))
            assert live.get(entry_id).holder == BOB.name


def test_read_elsewhere_shows_as_withdrawn_with_its_reason(hub: Hub, tmp_path: Path) -> None:
    with client_of(hub) as client, desk_of(hub, tmp_path) as desk, watched(client, "0") as (live, until):
        study = study_to_read()
        client.create(study)
        # A list that opens afterwards begins with what is open, and would never have had this row.
        until(lambda rows: bool(rows.entries))
        desk.read_elsewhere(study.uid, "reported at the bedside")
        until(lambda rows: any(row.status is Status.CANCELED for row in rows.entries))
        assert live.entries[0].cancel_reason == "reported at the bedside"


def test_a_study_taken_off_the_list_by_mistake_comes_back_whole_and_once(hub: Hub, tmp_path: Path) -> None:
    """There was no way back from Ctrl+E."""
    with client_of(hub) as client, desk_of(hub, tmp_path) as desk:
        study = study_to_read()
        client.create(study)
        before = desk.read_elsewhere(study.uid, "on the list by mistake")
        assigning = Assigning(client, desk)
        assigning.put_back(before)
        assigning.put_back(before)
        back = client.retrieve(replacement_uid(study.uid))
        assert (back.state, back.replaces) == (ProcedureStepState.SCHEDULED, study.uid)
        assert (back.study_instance_uid, back.patient_id) == (study.study_instance_uid, study.patient_id)
        assert (back.due, back.accession_number) == (before.due, before.accession_number)
        assert NOT_CHECKED in back.remarks, "what the hospital corrected meanwhile is asked for"
        assert desk.claim(back.uid).kind is ClaimKind.WON


def test_keep_alive_verifies_at_once_and_stops_when_told(hub: Hub, tmp_path: Path) -> None:
    with client_of(hub) as client, desk_of(hub, tmp_path) as desk:
        study = study_to_read()
        client.create(study)
        desk.claim(study.uid)
        told: list[tuple[ClaimResult, ...]] = []
        token = CancelToken()

        def emit(results: tuple[ClaimResult, ...]) -> None:
            told.append(results)
            token.cancel()

        keep_alive(desk)(token, emit)
        assert [[result.kind for result in results] for results in told] == [[ClaimKind.WON]]


def test_the_directory_of_sites_comes_from_the_hub(hub: Hub) -> None:
    with client_of(hub) as client:
        assert region.sites(client) == (SITE,)
    said = region.about(hub.url)
    assert said.name
    assert not said.embedded


def test_a_hub_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(region.RegionError, match="cannot be reached"):
        region.about("http://127.0.0.1:9", timeouts_s=(0.5, 0.5))


# embedded


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "desk"
    yield folder
    running = answering_hub(folder)
    if running is not None:
        os.kill(_pid(folder), signal.SIGTERM)


def _pid(folder: Path) -> int:
    return int(json.loads((folder / ADDRESS_FILE).read_text())["pid"])


def end(address: HubAddress) -> None:
    """End a hub that this test started."""
    if address.process is not None:
        address.process.terminate()
        address.process.wait(PATIENCE_S)


def test_the_first_window_starts_the_hub_and_the_second_joins(embedded: Path) -> None:
    first = start_or_join(embedded)
    second = start_or_join(embedded)
    assert second == first
    assert second.process is None
    assert region.about(first.url, first.token).embedded
    assert UpsClient(first.url, token=first.token, reader=ANN).search() == ()
    end(first)


def test_two_windows_that_start_at_once_share_one_hub(embedded: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _number: start_or_join(embedded), range(2))
    assert one == other
    for address in (one, other):
        end(address)


def test_a_killed_hub_is_started_again_with_the_same_list(embedded: Path) -> None:
    first = start_or_join(embedded)
    study = study_to_read()
    UpsClient(first.url, token=first.token, reader=ANN).create(study)
    assert first.process is not None
    first.process.kill()
    first.process.wait(PATIENCE_S)
    second = start_or_join(embedded)
    assert second.url != first.url or second.token != first.token
    assert UpsClient(second.url, token=second.token, reader=ANN).retrieve(study.uid).uid == study.uid
    end(second)


def test_a_hub_with_a_wrong_configuration_says_what_to_do(embedded: Path) -> None:
    embedded.mkdir()
    (embedded / "hub.toml").write_text("[hub]\nlisten = 7\n")
    with pytest.raises(EmbeddedHubError) as caught:
        start_or_join(embedded)
    assert "listen" in caught.value.reason
    assert "hub.toml" in caught.value.advice
    assert "listen" in (embedded / "hub.log").read_text()


def test_an_embedded_hub_writes_its_own_log_beside_its_list(embedded: Path) -> None:
    """Its lines went to the desk's redirection, which nobody rotates while a hub runs for weeks."""
    embedded.mkdir()
    away = "[[site.connections]]\nkind='dicomweb'\nconnection_id='a'\nbase_url='http://127.0.0.1:1'\n"
    (embedded / "hub.toml").write_text(f"[[site]]\nsite_id='a'\nname='A'\ncolor='#000000'\n{away}")
    address = start_or_join(embedded)
    until = time.monotonic() + PATIENCE_S
    while "poll failed" not in (embedded / "hub.log").read_text() and time.monotonic() < until:
        threading.Event().wait(0.05)
    end(address)
    assert "poll failed: site=a error=Unreachable" in (embedded / "hub.log").read_text()
    assert "poll failed" not in (embedded / "hub-output.log").read_text()


def test_a_hub_that_cannot_be_run_or_never_answers_is_a_sentence(embedded: Path) -> None:
    with pytest.raises(EmbeddedHubError, match="cannot be started"):
        start_or_join(embedded, command=[str(embedded / "no-such-program")])
    with pytest.raises(EmbeddedHubError, match="did not answer"):
        start_or_join(embedded, command=[sys.executable, "-c", "import time; time.sleep(60)"], deadline_s=0.3)


def test_an_address_of_another_program_is_not_joined(embedded: Path, hub: Hub) -> None:
    embedded.mkdir()
    (embedded / ADDRESS_FILE).write_text(f'{{"url": "{hub.url}", "token": "x", "pid": 1}}')
    assert answering_hub(embedded) is None
    for text in ("", "{", "[]", "{}"):
        (embedded / ADDRESS_FILE).write_text(text)
        assert answering_hub(embedded) is None


def test_a_claim_survives_the_death_of_hub_and_desk(embedded: Path, tmp_path: Path) -> None:
    first = start_or_join(embedded)
    study = study_to_read()
    client = UpsClient(first.url, token=first.token, reader=ANN)
    client.create(study)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        ClaimDesk(journal, client, random_uid, lambda: datetime.now(UTC)).claim(study.uid)
    client.close()
    assert first.process is not None
    first.process.kill()
    first.process.wait(PATIENCE_S)
    second = start_or_join(embedded)
    client = UpsClient(second.url, token=second.token, reader=ANN)
    with Journal.open(tmp_path / "journal.sqlite") as journal:
        desk = ClaimDesk(journal, client, random_uid, lambda: datetime.now(UTC))
        assert [result.kind for result in desk.resume()] == [ClaimKind.WON]
        assert journal.claims.open_claim(study.uid).state is ClaimState.HELD
    client.close()
    end(second)


def test_a_hub_with_a_token_file_tells_a_desk_by_which_name_it_knows_the_reader(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text('[[reader]]\ntoken = "0123456789abcdef"\ncode = "2"\nname = "Bob^B"\norganisation = "South"\n')
    tokens.chmod(0o600)
    with running_hub(tmp_path, token_file=tokens) as hub:
        assert region.about(hub.url, "0123456789abcdef").reader == Person("2", "Bob^B", "South")
    with running_hub(tmp_path / "open") as hub:
        assert region.about(hub.url).reader is None
