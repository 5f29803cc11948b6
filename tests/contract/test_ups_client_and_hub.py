"""`UpsClient` against the real hub over a socket: every transaction of PS3.18 chapter 11."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests

from pacs.site import Site
from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups import changes, claiming
from ups import dicom_json as dj
from ups.claiming import ClaimKind
from ups.client import FILTERED_GLOBAL_SUBSCRIPTION, GLOBAL_SUBSCRIPTION, UpsClient
from ups.dialects import DCM4CHEE, DCM4CHEE_OLD, HUB, MICROSOFT, STANDARD, Dialect
from ups.errors import (
    AlreadyThere,
    Conflict,
    NotAuthorised,
    NotFound,
    Refused,
    Unreachable,
    WrongTransactionUid,
)
from ups.identifiers import random_uid, replacement_uid
from ups.states import ProcedureStepState as State
from ups.workitem import RESCHEDULED, UNSPECIFIED_REASON, Workitem
from worklist_hub.service import Hub

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def never() -> bool:
    return False


def no_wait(_seconds: float) -> None:
    return None


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    site = Site("north", "North", "#ff0000")
    with running_hub(tmp_path, sites=(site,), intake_enabled=False) as running:
        yield running


@pytest.fixture
def client(hub: Hub) -> Iterator[UpsClient]:
    with client_of(hub) as made:
        yield made


@pytest.fixture
def bob(hub: Hub) -> Iterator[UpsClient]:
    with client_of(hub, BOB) as made:
        yield made


def create(client: UpsClient, **more: object) -> Workitem:
    made = study_to_read(**more)
    client.create(made)
    return made


def won(client: UpsClient, uid: str) -> str:
    transaction_uid = random_uid()
    outcome = claiming.claim(client, uid, transaction_uid, cancelled=never, wait=no_wait)
    assert outcome.kind is ClaimKind.WON
    return transaction_uid


def test_what_was_created_is_retrieved_with_everything_in_it(client: UpsClient) -> None:
    private = {"00091001": {"vr": "UN", "InlineBinary": "AAE="}}
    made = create(client, attributes=private)
    found = client.retrieve(made.uid)
    assert (found.patient_name, found.site_name, found.state) == ("Ő^ё", "North", State.SCHEDULED)
    assert found.attributes["00091001"] == private["00091001"]
    assert found.modified


def test_feeding_twice_is_told_and_harmless(client: UpsClient) -> None:
    made = create(client)
    with pytest.raises(AlreadyThere):
        client.create(made)


def test_one_wins_and_the_other_learns_who_and_why(client: UpsClient, bob: UpsClient) -> None:
    made = create(client)
    won(client, made.uid)
    with pytest.raises(Conflict) as refused:
        bob.change_state(made.uid, State.IN_PROGRESS, random_uid())
    assert refused.value.holder == ANN
    assert "already IN PROGRESS" in refused.value.reason
    outcome = claiming.claim(bob, made.uid, random_uid(), cancelled=never, wait=no_wait)
    assert (outcome.kind, outcome.holder) == (ClaimKind.LOST, ANN)


def test_the_same_claim_again_is_a_yes(client: UpsClient) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    client.change_state(made.uid, State.IN_PROGRESS, transaction_uid)
    assert claiming.prove(client, made.uid, transaction_uid).kind is ClaimKind.WON
    assert claiming.prove(client, made.uid, random_uid()).kind is ClaimKind.LOST


def test_the_transaction_uid_is_nowhere_to_be_read(client: UpsClient, hub: Hub, tmp_path: Path) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    client.update(made.uid, changes.progress(5) | dj.make(TransactionUID=transaction_uid), transaction_uid)
    answers = [requests.get(f"{hub.url}/workitems/{made.uid}"), requests.get(f"{hub.url}/workitems?includefield=all")]
    assert all(made.uid in answer.text and transaction_uid not in answer.text for answer in answers)
    for file in tmp_path.glob("worklist.sqlite*"):
        assert transaction_uid.encode() not in file.read_bytes()


def test_a_report_goes_from_claim_to_completed(client: UpsClient) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    claiming.fence(client, made.uid, transaction_uid)
    with pytest.raises(Conflict, match="signed"):
        client.change_state(made.uid, State.CANCELED, transaction_uid)
    outputs = [changes.output("1.5", "1.6", [("1.7", "1.8")])]
    client.update(made.uid, changes.performed(outputs, person=ANN, start=NOW, end=NOW), transaction_uid)
    client.change_state(made.uid, State.COMPLETED, transaction_uid)
    client.change_state(made.uid, State.COMPLETED, transaction_uid)
    found = client.retrieve(made.uid)
    assert (found.state, found.holder, found.progress_percent) == (State.COMPLETED, ANN, 100.0)


def test_completing_without_a_report_is_a_conflict(client: UpsClient) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    with pytest.raises(Conflict, match="missing for COMPLETED"):
        client.change_state(made.uid, State.COMPLETED, transaction_uid)


@pytest.mark.parametrize("dialect", [HUB, STANDARD], ids=lambda one: one.name)
def test_release_puts_the_study_back_once_however_often_it_is_asked(hub: Hub, dialect: Dialect) -> None:
    with client_of(hub, dialect=dialect) as client:
        made = create(client)
        transaction_uid = won(client, made.uid)
        for _ in range(3):
            uid = claiming.release(client, made.uid, transaction_uid, cancelled=never, wait=no_wait, reason="over")
            assert uid == replacement_uid(made.uid)
        old, new = client.retrieve(made.uid), client.retrieve(uid)
        assert (old.state, old.cancel_reason, new.state, new.replaces) == (
            State.CANCELED,
            "over",
            State.SCHEDULED,
            old.uid,
        )
        assert old.cancel_code == RESCHEDULED
        assert [row.uid for row in client.iter_search({"ProcedureStepState": "SCHEDULED"})] == [uid]
        won(client, uid)


def test_many_releases_at_once_make_exactly_one_replacement(hub: Hub, client: UpsClient) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    start = threading.Barrier(8)
    uids: list[str] = []

    def release() -> None:
        with client_of(hub, dialect=STANDARD) as one:
            start.wait()
            uids.append(claiming.release(one, made.uid, transaction_uid, cancelled=never, wait=no_wait))

    threads = [threading.Thread(target=release) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert uids == [replacement_uid(made.uid)] * 8
    rows = list(client.iter_search({}))
    assert sorted((row.uid, row.state) for row in rows) == sorted(
        [(made.uid, State.CANCELED), (replacement_uid(made.uid), State.SCHEDULED)]
    )


def test_a_study_read_elsewhere_leaves_the_list_with_its_reason(client: UpsClient) -> None:
    made = create(client)
    client.request_cancel(made.uid, reason="read in the morning meeting", code=UNSPECIFIED_REASON)
    found = client.retrieve(made.uid)
    assert (found.state, found.cancel_reason) == (State.CANCELED, "read in the morning meeting")
    client.request_cancel(made.uid)


def test_somebody_elses_live_claim_is_only_asked_for(client: UpsClient, bob: UpsClient) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    bob.request_cancel(made.uid, reason="stroke team", contact_uri="tel:1")
    assert client.retrieve(made.uid).holder == ANN
    claiming.fence(client, made.uid, transaction_uid)
    with pytest.raises(Conflict, match="signed"):
        client.request_cancel(made.uid)


def test_ones_own_claim_is_taken_over_from_another_desk(client: UpsClient) -> None:
    made = create(client)
    first = won(client, made.uid)
    client.request_cancel(made.uid, reason="sitting elsewhere")
    new = client.retrieve(replacement_uid(made.uid))
    assert (new.state, new.reserved_for) == (State.SCHEDULED, ANN)
    with pytest.raises(Conflict):
        claiming.fence(client, made.uid, first)


def test_reserving_is_an_update_that_everybody_sees(client: UpsClient, bob: UpsClient) -> None:
    made = create(client)
    bob.update(made.uid, changes.reservation(BOB))
    assert client.retrieve(made.uid).reserved_for == BOB
    with pytest.raises(Conflict):
        client.update(made.uid, changes.reservation(ANN), random_uid())


def test_an_update_with_another_transaction_uid_is_refused(client: UpsClient) -> None:
    made = create(client)
    won(client, made.uid)
    for wrong in (random_uid(), None):
        with pytest.raises(WrongTransactionUid):
            client.update(made.uid, changes.progress(5), wrong)


def test_an_unknown_workitem_is_not_found(client: UpsClient) -> None:
    for ask in (client.retrieve, client.request_cancel, lambda uid: client.subscribe(uid, "DESK")):
        with pytest.raises(NotFound):
            ask("1.2.3")
    outcome = claiming.claim(client, "1.2.3", random_uid(), cancelled=never, wait=no_wait)
    assert outcome.kind is ClaimKind.LOST


@pytest.mark.parametrize("dialect", [DCM4CHEE_OLD, DCM4CHEE, MICROSOFT], ids=lambda one: one.name)
def test_the_hub_understands_the_dialects_of_other_servers_clients(hub: Hub, dialect: Dialect) -> None:
    with client_of(hub, dialect=dialect) as client:
        made = create(client)
        transaction_uid = won(client, made.uid)
        client.update(made.uid, changes.progress(5), transaction_uid)
        assert client.retrieve(made.uid).progress_percent == 5
        with pytest.raises(WrongTransactionUid):
            client.update(made.uid, changes.progress(6), random_uid())
        other = create(client)
        client.request_cancel(other.uid)
        assert client.retrieve(other.uid).state is State.CANCELED


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2]),
        ({"ProcedureStepState": "SCHEDULED"}, [0, 1, 2]),
        ({"00741000": "COMPLETED"}, []),
        ({"PatientName": "jan*"}, [0, 1]),
        ({"PatientName": "JANSEN^?"}, [0]),
        ({"ScheduledStationGeographicLocationCodeSequence.CodeValue": "south"}, [1]),
        ({"00404027.00080100": "north"}, [0, 2]),
        ({"ExpectedCompletionDateTime": "20260101-20260102"}, [0, 1]),
        ({"ExpectedCompletionDateTime": "20260103000000+0100-"}, [2]),
        ({"PatientBirthDate": "19700101-19701231"}, [1]),
        ({"SOPInstanceUID": "1.1,1.3"}, [0, 2]),
        ({"ReferencedRequestSequence.AccessionNumber": "A2", "PatientName": "Jansen*"}, [1]),
        ({"StudyInstanceUID": "1.20"}, [1]),
        ({"ScheduledProcedureStepModificationDateTime": "20000101-"}, [0, 1, 2]),
        ({"ScheduledProcedureStepModificationDateTime": "-20000101"}, []),
        ({"WorklistLabel": ""}, [0, 1, 2]),
    ],
)
def test_search_matches_as_the_standard_says(client: UpsClient, filters: dict[str, str], expected: list[int]) -> None:
    rows = [
        ("Jansen^A", "19691231", "north", "20260101235959+0000", "A1"),
        ("JANSEN^BB", "19700615", "south", "202601021200+0000", "A2"),
        ("Vries^C", "19710101", "north", "20260103120000+0000", "A3"),
    ]
    for number, (name, born, site, due, accession) in enumerate(rows, start=1):
        create(
            client,
            uid=f"1.{number}",
            patient_name=name,
            birth_date=born,
            site_id=site,
            due=due,
            accession_number=accession,
            study_instance_uid=f"1.{number}0",
        )
    assert [row.uid for row in client.search(filters)] == [f"1.{index + 1}" for index in expected]


@pytest.mark.parametrize(
    "query",
    ["limit=-1", "limit=x", "offset=1.5", "Nonsense=1", "ReferencedRequestSequence=1", "includefield=Nonsense",
     "ScheduledProcedureStepModificationDateTime=yesterday"],
)  # fmt: skip
def test_a_bad_search_is_a_400_that_says_why(hub: Hub, query: str) -> None:
    answer = requests.get(f"{hub.url}/workitems?{query}")
    assert answer.status_code == 400
    assert answer.headers["Warning"].startswith("299 ")


def test_a_search_returns_the_row_and_what_was_asked_besides(hub: Hub, client: UpsClient) -> None:
    made = create(client, attributes=dj.make(RequestedProcedureComments="x"), patient_id="17")
    assert requests.get(f"{hub.url}/workitems?PatientID=nobody").status_code == 204
    (row,) = requests.get(f"{hub.url}/workitems").json()
    assert dj.text(row, "SOPInstanceUID") == made.uid
    assert not dj.has(row, "RequestedProcedureComments")
    (row,) = requests.get(f"{hub.url}/workitems?includefield=RequestedProcedureComments").json()
    assert dj.has(row, "RequestedProcedureComments")


def test_paging_gives_every_row_once(client: UpsClient) -> None:
    uids = [create(client).uid for _ in range(23)]
    assert [row.uid for row in client.iter_search({}, page=5)] == uids
    assert len(client.search({}, limit=5, offset=20)) == 3
    assert client.search({}, limit=0) == ()


def test_rows_that_leave_while_we_page_hide_none_of_the_rest(client: UpsClient) -> None:
    uids = [create(client).uid for _ in range(30)]
    found = []
    for row in client.iter_search({"ProcedureStepState": "SCHEDULED"}, page=5):
        found.append(row.uid)
        if len(found) in (5, 9, 13):
            for uid in uids[len(found) - 5 : len(found)]:
                if client.retrieve(uid).state is State.SCHEDULED:
                    won(client, uid)
    assert found == uids


def test_subscriptions_are_answered_with_their_channel(hub: Hub, client: UpsClient) -> None:
    made = create(client)
    for uid in (GLOBAL_SUBSCRIPTION, made.uid):
        assert client.subscribe(uid, "DESK").websocket_url == f"{hub.url.replace('http', 'ws')}/ws/subscribers/DESK"
    client.subscribe(GLOBAL_SUBSCRIPTION, "DESK", filters={"WorklistLabel": "NEURO"})
    client.suspend("DESK")
    client.unsubscribe(FILTERED_GLOBAL_SUBSCRIPTION, "DESK")
    client.unsubscribe(GLOBAL_SUBSCRIPTION, "DESK")
    for gone in (GLOBAL_SUBSCRIPTION, made.uid):
        with pytest.raises(NotFound):
            client.unsubscribe(gone, "DESK")
    with pytest.raises(Refused):
        client.subscribe(GLOBAL_SUBSCRIPTION, "AN AE TITLE TOO LONG")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/dicom+json", 400),
        (b"[]", "application/dicom+json", 400),
        (b"[{},{}]", "application/dicom+json", 400),
        (b'{"x": 1}', "application/dicom+json", 400),
        (b'{"00741004": {"vr": "DS", "Value": [NaN]}}', "application/dicom+json", 400),
        (b"[" * 100_000, "application/dicom+json", 400),
        (b"\xff\xfe", "application/dicom+json", 400),
        (b"<x/>", "application/dicom+xml", 415),
        (b"{}", "text/plain", 415),
        (b" " * (1024 * 1024 + 1), "application/dicom+json", 413),
    ],
)
def test_a_bad_body_is_a_clear_4xx_everywhere(hub: Hub, body: bytes, content_type: str, status: int) -> None:
    for method, path in (("POST", "/workitems?1.2"), ("POST", "/workitems/1.2"), ("PUT", "/workitems/1.2/state")):
        answer = requests.request(method, hub.url + path, data=body, headers={"Content-Type": content_type})
        assert answer.status_code == status
        assert answer.text


@pytest.mark.parametrize("value", ["half \ud800", "\udfff", "nul \x00", "bell \x07", "\x1f", "\x7f"], ids=ascii)
def test_what_cannot_be_written_down_is_refused_with_its_attribute(hub: Hub, client: UpsClient, value: str) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    comments = {"00400400": {"vr": "LT", "Value": [value]}}
    name = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": value}]}}
    for path, dataset, tag in (
        ("/workitems?1.2.3", made.to_json() | name, "00100010"),
        (f"/workitems/{made.uid}?{transaction_uid}", comments, "00400400"),
        (f"/workitems/{made.uid}/cancelrequest", {"00741238": comments["00400400"]}, "00741238"),
    ):
        headers = {"Content-Type": "application/dicom+json"}
        answer = requests.post(hub.url + path, data=json.dumps([dataset]), headers=headers)
        assert answer.status_code == 400
        assert tag in answer.json()["reason"]
    assert client.search({"PatientName": "*"})[0].uid == made.uid


def test_lines_and_tabs_of_a_long_text_are_kept(client: UpsClient) -> None:
    made = create(client)
    text = "first line\r\n\tsecond line\x0c"
    client.update(made.uid, dj.make(CommentsOnTheScheduledProcedureStep=text))
    assert dj.text(client.retrieve(made.uid).attributes, "CommentsOnTheScheduledProcedureStep") == text


def test_the_holder_cannot_make_another_patient_of_the_study(hub: Hub, client: UpsClient) -> None:
    made = create(client, patient_id="17")
    transaction_uid = won(client, made.uid)
    for change in (dj.make(PatientName="Roe^Jane"), dj.make(PatientSex="M"), dj.make(StudyDate="20200101")):
        with pytest.raises(Refused) as refused:
            client.update(made.uid, change, transaction_uid)
        assert refused.value.status == 400
    answer = requests.post(
        f"{hub.url}/workitems/{made.uid}?{transaction_uid}",
        data=json.dumps([dj.make(PatientName="Roe^Jane")]),
        headers={"Content-Type": "application/dicom+json"},
    )
    assert "PatientName" in answer.json()["reason"]
    assert client.retrieve(made.uid).patient_name == made.patient_name


def test_a_claim_sent_again_under_another_name_is_refused(client: UpsClient, bob: UpsClient) -> None:
    made = create(client)
    transaction_uid = won(client, made.uid)
    with pytest.raises(Conflict) as refused:
        bob.change_state(made.uid, State.IN_PROGRESS, transaction_uid)
    assert refused.value.holder == ANN
    client.change_state(made.uid, State.IN_PROGRESS, transaction_uid)


def test_a_body_of_unknown_length_is_not_taken(hub: Hub) -> None:
    answer = requests.post(f"{hub.url}/workitems?1.2", data=iter([b"{}"]))
    assert answer.status_code == 411


def test_a_web_page_and_another_host_name_are_sent_away(hub: Hub) -> None:
    assert requests.get(f"{hub.url}/workitems", headers={"Origin": "http://evil.example"}).status_code == 403
    assert requests.get(f"{hub.url}/workitems", headers={"Host": "evil.example"}).status_code == 403


def test_the_region_tells_its_sites_and_itself(hub: Hub) -> None:
    (site,) = requests.get(f"{hub.url}/region/sites").json()
    assert Site.from_json(site) == Site("north", "North", "#ff0000")
    assert requests.get(f"{hub.url}/region/intake").json() == []  # this hub asks nobody
    about = requests.get(f"{hub.url}/region/about").json()
    assert (about["name"], about["solo"], about["embedded"]) == ("WORKLISTHUB", False, False)
    assert about["version"]


def test_with_a_token_file_the_token_alone_says_who_asks(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.toml"
    tokens.write_text('[[reader]]\ntoken = "0123456789abcdef"\ncode = "2"\nname = "Bob^B"\norganisation = "South"\n')
    tokens.chmod(0o600)
    with running_hub(tmp_path, token_file=tokens) as hub:
        with client_of(hub, ANN) as stranger, pytest.raises(NotAuthorised):
            stranger.search()
        with client_of(hub, ANN, token="0123456789abcdef") as client:
            made = create(client)
            won(client, made.uid)
            assert client.retrieve(made.uid).holder == BOB


@pytest.mark.parametrize(
    "header", ["%7B", "%FF", "[]", json.dumps({"code": 5}), json.dumps({"code": "x" * 65}), '{"code": "\\ud800"}']
)
def test_a_reader_that_cannot_be_understood_is_not_admitted(hub: Hub, header: str) -> None:
    answer = requests.get(f"{hub.url}/workitems", headers={"X-Worklist-Reader": header})
    assert answer.status_code == 401


def test_a_hub_that_is_away_is_unreachable_and_a_claim_unknown(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub:
        url = hub.url
    client = UpsClient(url)
    with pytest.raises(Unreachable):
        client.search()
    outcome = claiming.claim(client, "1.2", random_uid(), cancelled=never, wait=no_wait)
    assert outcome.kind is ClaimKind.UNKNOWN
    client.close()
