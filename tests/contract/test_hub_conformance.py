"""PS3.18 chapter 11 and PS3.4 CC, row by row, over a socket: status, headers, warnings, events.

`docs/ups-conformance.md` names these tests; the last one here sees to it that each row names a test that exists.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.sync.client import ClientConnection, connect

from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups import changes
from ups import dicom_json as dj
from ups.client import FILTERED_GLOBAL_SUBSCRIPTION, GLOBAL_SUBSCRIPTION, reader_header
from ups.codes import RESCHEDULING_RECOMMENDED, Person
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from worklist_hub.service import Hub
from worklist_hub.web import sentences

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 1, 2, tzinfo=UTC)
OURS, THEIRS = "1.2.100", "1.2.200"
DEADLINE_S = 10.0


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path, intake_enabled=False) as running:
        yield running


class Asker:
    """Requests as anybody may write them."""

    def __init__(self, hub: Hub, who: Person = ANN) -> None:
        self.hub, self._headers = hub, {"X-Worklist-Reader": reader_header(who)}

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        told = self._headers | {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            told.setdefault("Content-Type", "application/dicom+json")
        data = None if body is None else json.dumps(body)
        return requests.request(method, self.hub.url + path, data=data, headers=told)

    def state(self, uid: str, state: str, transaction_uid: str = OURS) -> requests.Response:
        return self("PUT", f"/workitems/{uid}/state", dj.make(ProcedureStepState=state, TransactionUID=transaction_uid))


@pytest.fixture
def ask(hub: Hub) -> Asker:
    return Asker(hub)


@pytest.fixture
def uid(ask: Asker) -> str:
    made = study_to_read()
    assert ask("POST", f"/workitems?workitem={made.uid}", made.to_json()).status_code == 201
    return made.uid


def warned(answer: requests.Response, sentence: str) -> bool:
    """`Warning: 299 <service>: sentence`, the service being the base URI."""
    return f"299 {answer.url.split('/workitems')[0]}: {sentence}" in answer.headers.get("Warning", "")


# --- 11.4 create ---


def test_create_201_with_its_location(ask: Asker) -> None:
    made = study_to_read("1.2.3")
    answer = ask("POST", "/workitems?workitem=1.2.3", made.to_json())
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["Location"] == f"{ask.hub.url}/workitems/1.2.3"
    assert "Warning" not in answer.headers


def test_create_with_modifications_is_warned(ask: Asker) -> None:
    answer = ask("POST", "/workitems?1.2.4", dj.make(StudyDescription="CT"))
    assert answer.status_code == 201
    assert warned(answer, sentences.CREATED_WITH_CHANGES)


def test_create_without_a_uid_gets_one(ask: Asker) -> None:
    answer = ask("POST", "/workitems", dj.make(ProcedureStepLabel="CT"))
    assert ask("GET", answer.headers["Location"].removeprefix(ask.hub.url)).status_code == 200


def test_create_twice_409_not_scheduled_400(ask: Asker, uid: str) -> None:
    assert ask("POST", f"/workitems?{uid}", {}).status_code == 409
    assert ask("POST", "/workitems?1.2.9", dj.make(ProcedureStepState="IN PROGRESS")).status_code == 400


# --- 11.5 retrieve ---


def test_retrieve_200_without_the_transaction_uid_404_406(ask: Asker, uid: str) -> None:
    ask.state(uid, "IN PROGRESS")
    answer = ask("GET", f"/workitems/{uid}", Accept="application/dicom+json")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/dicom+json")
    (found,) = answer.json()
    assert not dj.has(found, "TransactionUID")
    assert ask("GET", "/workitems/1.2.3").status_code == 404
    assert ask("GET", "/workitems/nonsense").status_code == 404
    assert ask("GET", f"/workitems/{uid}", Accept="image/png").status_code == 406
    assert ask("GET", f"/workitems/{uid}", Accept="image/png, application/json;q=0.5").status_code == 200
    assert ask("GET", f"/workitems/{uid}", Accept="application/json;q=0").status_code == 406
    assert ask("GET", f"/workitems/{uid}?accept=application/dicom%2Bjson", Accept="image/png").status_code == 200
    assert ask("GET", f"/workitems/{uid}?charset=latin-1").status_code == 406


# --- 11.6 update ---


def test_update_200_and_its_failures(ask: Asker, uid: str) -> None:
    path = f"/workitems/{uid}"
    assert ask("POST", path, dj.make(ScheduledProcedureStepPriority="LOW")).status_code == 200
    early = ask("POST", f"{path}?transaction-uid={OURS}", {})
    assert early.status_code == 409
    assert warned(early, sentences.NOT_CLAIMED)
    ask.state(uid, "IN PROGRESS")
    for query, sentence in (
        ("", sentences.TRANSACTION_UID_MISSING),
        (f"?transaction-uid={THEIRS}", sentences.TRANSACTION_UID_INCORRECT),
    ):
        answer = ask("POST", path + query, changes.progress(5))
        assert answer.status_code == 400
        assert warned(answer, sentence)
    for query in (f"?transaction={OURS}", f"?transaction-uid={OURS}", f"?Transaction-uid={OURS}", f"?{OURS}"):
        assert ask("POST", path + query, changes.progress(5)).status_code == 200
    assert ask("POST", "/workitems/1.2.3", {}).status_code == 404
    assert ask("POST", path, {}, Content_Type="text/plain").status_code == 415


def test_update_with_modifications_is_warned(ask: Asker, uid: str) -> None:
    ask.state(uid, "IN PROGRESS")
    answer = ask("POST", f"/workitems/{uid}?{OURS}", changes.performer(BOB, NOW))
    assert answer.status_code == 200
    assert warned(answer, sentences.UPDATED_WITH_CHANGES)


def test_update_of_a_final_workitem_400(ask: Asker, uid: str) -> None:
    ask("POST", f"/workitems/{uid}/cancelrequest")
    answer = ask("POST", f"/workitems/{uid}", {})
    assert answer.status_code == 400
    assert warned(answer, sentences.INCONSISTENT_UPDATE)


# --- 11.7 change state ---


def completed(ask: Asker, uid: str) -> requests.Response:
    ask.state(uid, "IN PROGRESS")
    outputs = [changes.output("1.5", "1.6", [("1.7", "1.8")])]
    ask("POST", f"/workitems/{uid}?{OURS}", changes.performed(outputs, person=ANN, start=NOW, end=NOW))
    return ask.state(uid, "COMPLETED")


def test_change_state_200_and_its_failures(ask: Asker, uid: str) -> None:
    for state, sentence in (("COMPLETED", sentences.INCONSISTENT_STATE), ("CANCELED", sentences.INCONSISTENT_STATE)):
        early = ask.state(uid, state)
        assert early.status_code == 409
        assert warned(early, sentence)
    assert ask.state(uid, "SCHEDULED").status_code == 400
    assert warned(ask.state(uid, "IN PROGRESS", ""), sentences.TRANSACTION_UID_MISSING)
    assert ask.state(uid, "IN PROGRESS").status_code == 200
    taken = ask.state(uid, "IN PROGRESS", THEIRS)
    assert taken.status_code == 409
    assert warned(taken, sentences.INCONSISTENT_STATE)
    assert taken.json()["holder"]["code"] == ANN.code
    wrong = ask.state(uid, "CANCELED", THEIRS)
    assert (wrong.status_code, warned(wrong, sentences.TRANSACTION_UID_INCORRECT)) == (400, True)
    unready = ask.state(uid, "COMPLETED")
    assert (unready.status_code, warned(unready, sentences.INCONSISTENT_STATE)) == (409, True)
    assert ask.state("1.2.3", "IN PROGRESS").status_code == 404
    assert ask.state(uid, "DONE").status_code == 400


def test_change_state_to_the_state_it_has_is_warned(ask: Asker, uid: str) -> None:
    assert completed(ask, uid).status_code == 200
    again = ask.state(uid, "COMPLETED")
    assert (again.status_code, warned(again, sentences.ALREADY_COMPLETED)) == (200, True)
    other = study_to_read()
    ask("POST", f"/workitems?{other.uid}", other.to_json())
    ask.state(other.uid, "IN PROGRESS")
    ask.state(other.uid, "CANCELED")
    again = ask.state(other.uid, "CANCELED")
    assert (again.status_code, warned(again, sentences.ALREADY_CANCELED)) == (200, True)


# --- 11.8 request cancellation ---


def test_request_cancel_202_and_its_failures(ask: Asker, uid: str, hub: Hub) -> None:
    bob = Asker(hub, BOB)
    ask.state(uid, "IN PROGRESS")
    assert bob("POST", f"/workitems/{uid}/cancelrequest", dj.make(ReasonForCancellation="x")).status_code == 202
    ask("POST", f"/workitems/{uid}?{OURS}", changes.fence())
    refused = bob("POST", f"/workitems/{uid}/cancelrequest")
    assert (refused.status_code, warned(refused, sentences.PERFORMER_REFUSES)) == (409, True)
    completed(ask, uid)
    late = bob("POST", f"/workitems/{uid}/cancelrequest")
    assert (late.status_code, warned(late, sentences.CANCEL_COMPLETED)) == (409, True)
    assert bob("POST", "/workitems/1.2.3/cancelrequest").status_code == 404


def test_request_cancel_of_a_scheduled_workitem_is_carried_out(ask: Asker, uid: str) -> None:
    assert ask("POST", f"/workitems/{uid}/cancelrequest/DESK").status_code == 202
    again = ask("POST", f"/workitems/{uid}/cancelrequest")
    assert (again.status_code, warned(again, sentences.ALREADY_CANCELED)) == (202, True)


# --- 11.9 search ---


def test_search_200_204_400_406(ask: Asker, uid: str) -> None:
    assert ask("GET", "/workitems").status_code == 200
    assert ask("GET", "/workitems?PatientID=nobody").status_code == 204
    assert ask("GET", "/workitems?limit=0").status_code == 204
    for query in ("Nonsense=1", "limit=x", "fuzzymatching=perhaps", "StudyDate=soon", "PatientID=a&PatientID=b"):
        answer = ask("GET", f"/workitems?{query}")
        assert answer.status_code == 400
        assert "299 " in answer.headers["Warning"]
    assert ask("GET", "/workitems", Accept="application/dicom+xml").status_code == 406


def test_search_pages_and_says_what_remains(ask: Asker) -> None:
    uids = [random_uid() for _ in range(5)]
    for one in uids:
        ask("POST", f"/workitems?{one}", study_to_read(one).to_json())
    answer = ask("GET", "/workitems?limit=2&offset=1")
    assert [dj.text(row, "SOPInstanceUID") for row in answer.json()] == uids[1:3]
    assert warned(answer, "There are 2 additional results that can be requested")
    assert "Warning" not in ask("GET", "/workitems?limit=2&offset=3").headers


def test_search_fuzzymatching_is_answered_literally(ask: Asker, uid: str) -> None:
    answer = ask("GET", "/workitems?fuzzymatching=true&ProcedureStepState=SCHEDULED")
    assert answer.status_code == 200
    assert warned(answer, sentences.LITERAL_MATCHING)
    nothing = ask("GET", "/workitems?fuzzymatching=true&PatientName=Ann")
    assert (nothing.status_code, warned(nothing, sentences.LITERAL_MATCHING)) == (204, True)


def test_search_returns_what_it_matched_and_what_was_included(ask: Asker) -> None:
    made = study_to_read(attributes=dj.make(RequestedProcedureComments="x", RequestingService="y"))
    ask("POST", f"/workitems?{made.uid}", made.to_json())
    for query in ("RequestingService=y", "includefield=RequestingService", "includefield=00321033", "includefield=all"):
        (row,) = ask("GET", f"/workitems?{query}").json()
        assert dj.text(row, "RequestingService") == "y", query
    (row,) = ask("GET", "/workitems").json()
    assert not dj.has(row, "RequestingService")


def test_search_empty_and_multiple_values(ask: Asker) -> None:
    free, taken = study_to_read(worklist_label="A"), study_to_read(worklist_label="B", reserved_for=BOB)
    for one in (free, taken):
        ask("POST", f"/workitems?{one.uid}", one.to_json())
    empty = ask("GET", '/workitems?emptyvaluematching=true&ScheduledHumanPerformersSequence=""')
    assert [dj.text(row, "SOPInstanceUID") for row in empty.json()] == [free.uid]
    several = ask("GET", "/workitems?multiplevaluematching=true&WorklistLabel=B\\C")
    assert [dj.text(row, "SOPInstanceUID") for row in several.json()] == [taken.uid]


# --- 11.10 to 11.13 subscriptions and events ---


@contextmanager
def listening(
    ask: Asker, uid: str = GLOBAL_SUBSCRIPTION, query: str = "", title: str = "DESK"
) -> Iterator[ClientConnection]:
    """Channel first, then the subscription."""
    url = ask.hub.url.replace("http", "ws", 1)
    with connect(f"{url}/ws/subscribers/{title}", proxy=None, compression=None) as wire:
        answer = ask("POST", f"/workitems/{uid}/subscribers/{title}{query}")
        assert answer.status_code == 201, answer.text
        assert answer.headers["Content-Location"] == f"{url}/ws/subscribers/{title}"
        yield wire


def heard(wire: ClientConnection) -> tuple[int, dict[str, Any]]:
    """The next event: its type and what it says."""
    event = json.loads(wire.recv(timeout=DEADLINE_S))
    return int(dj.number(event, "EventTypeID")), event


def silent(wire: ClientConnection, ask: Asker, subscribed: str) -> bool:
    """Whether nothing came: what is told next on purpose is the first to arrive."""
    ask("POST", f"/workitems/{subscribed}", dj.make(ScheduledProcedureStepPriority="LOW"))
    kind, event = heard(wire)
    return (kind, dj.text(event, "SOPInstanceUID")) == (1, subscribed)


def test_subscribe_failures(ask: Asker, uid: str) -> None:
    assert ask("POST", "/workitems/1.2.3/subscribers/DESK").status_code == 404
    assert ask("POST", f"/workitems/{uid}/subscribers/TOO%20LONG%20A%20TITLE%20FOR%20AN%20AE").status_code == 400
    assert ask("POST", f"/workitems/{uid}/subscribers/DESK?deletionlock=perhaps").status_code == 400
    assert ask("POST", f"/workitems/{uid}/subscribers/DESK?filter=PatientID=1").status_code == 400
    assert ask("POST", f"/workitems/{FILTERED_GLOBAL_SUBSCRIPTION}/subscribers/DESK").status_code == 400
    assert ask("POST", f"/workitems/{FILTERED_GLOBAL_SUBSCRIPTION}/subscribers/DESK?filter=X=1").status_code == 400
    assert ask("DELETE", f"/workitems/{uid}/subscribers/NOBODY").status_code == 404
    assert ask("POST", f"/workitems/{uid}/subscribers/DESK/suspend").status_code == 404


def test_a_specific_subscription_tells_the_state_at_once(ask: Asker, uid: str) -> None:
    with listening(ask, uid) as wire:
        kind, event = heard(wire)
        assert (kind, dj.text(event, "ProcedureStepState"), dj.text(event, "InputReadinessState")) == (
            1,
            "SCHEDULED",
            "READY",
        )
        assert dj.text(event, "AffectedSOPInstanceUID") == uid


def test_every_event_of_the_standard_is_raised(ask: Asker, uid: str) -> None:
    with listening(ask) as wire:
        ask("POST", f"/workitems/{uid}", changes.reservation(BOB))
        kind, event = heard(wire)
        assert kind == 5
        assert dj.text(dj.first_item(event, "HumanPerformerCodeSequence"), "CodeValue") == BOB.code
        ask.state(uid, "IN PROGRESS")
        kind, event = heard(wire)
        assert (kind, dj.text(event, "ProcedureStepState")) == (1, "IN PROGRESS")
        ask("POST", f"/workitems/{uid}?{OURS}", changes.progress(5, "reading", contact_uri="tel:1"))
        kind, event = heard(wire)
        assert kind == 3
        item = dj.first_item(event, "ProcedureStepProgressInformationSequence")
        assert (dj.number(item, "ProcedureStepProgress"), dj.text(item, "ProcedureStepProgressDescription")) == (
            5,
            "reading",
        )
        Asker(ask.hub, BOB)("POST", f"/workitems/{uid}/cancelrequest", dj.make(ReasonForCancellation="stroke"))
        kind, event = heard(wire)
        assert (kind, dj.text(event, "ReasonForCancellation"), dj.text(event, "RequestingAE")) == (
            2,
            "stroke",
            BOB.code,
        )
        ask("POST", f"/workitems/{uid}?{OURS}", changes.progress(5, reason="over", code=RESCHEDULING_RECOMMENDED))
        assert heard(wire)[0] == 3
        ask.state(uid, "CANCELED")
        kind, event = heard(wire)
        assert (kind, dj.text(event, "ProcedureStepState"), dj.text(event, "ReasonForCancellation")) == (
            1,
            "CANCELED",
            "over",
        )
        assert dj.items(event, "ProcedureStepDiscontinuationReasonCodeSequence")


def test_a_cancel_request_is_told_whatever_becomes_of_it(ask: Asker, uid: str) -> None:
    with listening(ask) as wire:
        ask("POST", f"/workitems/{uid}/cancelrequest")
        assert [heard(wire)[0], heard(wire)[0]] == [2, 1]


def test_a_restart_is_told_to_who_was_subscribed(tmp_path: Path) -> None:
    with running_hub(tmp_path, intake_enabled=False) as first, listening(Asker(first)):
        pass
    with running_hub(tmp_path, intake_enabled=False) as second:
        url = second.url.replace("http", "ws", 1)
        with connect(f"{url}/ws/subscribers/DESK", proxy=None) as wire:
            kind, event = heard(wire)
    assert (kind, dj.text(event, "SCPStatus"), dj.text(event, "SubscriptionListStatus")) == (
        4,
        "RESTARTED",
        "WARM START",
    )
    assert dj.text(event, "UnifiedProcedureStepListStatus") == "WARM START"


def test_a_global_subscription_with_lock_tells_everything_without_it_nothing(ask: Asker, uid: str) -> None:
    with listening(ask, query="?deletionlock=true") as wire:
        kind, event = heard(wire)
        assert (kind, dj.text(event, "SOPInstanceUID")) == (1, uid)
    with listening(ask, title="OTHER") as wire:
        assert silent(wire, ask, uid)


def test_a_filtered_subscription_tells_what_matches_and_what_leaves(ask: Asker) -> None:
    inside, outside = study_to_read(worklist_label="NEURO"), study_to_read(worklist_label="CHEST")
    with listening(
        ask, FILTERED_GLOBAL_SUBSCRIPTION, "?filter=WorklistLabel=NEURO,ProcedureStepState=SCHEDULED"
    ) as wire:
        for one in (outside, inside):
            ask("POST", f"/workitems?{one.uid}", one.to_json())
        assert dj.text(heard(wire)[1], "SOPInstanceUID") == inside.uid
        ask("POST", f"/workitems/{inside.uid}", dj.make(WorklistLabel="CHEST"))
        assert dj.text(heard(wire)[1], "SOPInstanceUID") == inside.uid
        ask("POST", f"/workitems/{inside.uid}", dj.make(ScheduledProcedureStepPriority="LOW"))
        ask("POST", f"/workitems/{inside.uid}", dj.make(WorklistLabel="NEURO"))
        assert dj.text(heard(wire)[1], "WorklistLabel") == "NEURO"


def test_suspending_keeps_what_is_subscribed_and_adds_nothing(ask: Asker, uid: str) -> None:
    with listening(ask) as wire:
        assert ask("POST", f"/workitems/{GLOBAL_SUBSCRIPTION}/subscribers/DESK/suspend").status_code == 200
        assert ask("POST", f"/workitems/{GLOBAL_SUBSCRIPTION}/subscribers/DESK/suspend").status_code == 404
        later = study_to_read()
        ask("POST", f"/workitems?{later.uid}", later.to_json())
        assert silent(wire, ask, uid)


def test_unsubscribing_from_one_workitem_leaves_the_others(ask: Asker, uid: str) -> None:
    other = study_to_read()
    ask("POST", f"/workitems?{other.uid}", other.to_json())
    with listening(ask) as wire:
        assert ask("DELETE", f"/workitems/{uid}/subscribers/DESK").status_code == 200
        assert ask("DELETE", f"/workitems/{uid}/subscribers/DESK").status_code == 404
        ask.state(uid, "IN PROGRESS")
        assert silent(wire, ask, other.uid)
        ask("POST", f"/workitems/{GLOBAL_SUBSCRIPTION}/subscribers/DESK")
        ask("POST", f"/workitems/{uid}?{OURS}", changes.progress(5))
        assert dj.text(heard(wire)[1], "SOPInstanceUID") == uid


def test_unsubscribing_globally_ends_everything(ask: Asker, uid: str) -> None:
    with listening(ask), listening(ask, uid):
        assert ask("DELETE", f"/workitems/{GLOBAL_SUBSCRIPTION}/subscribers/DESK").status_code == 200
        assert ask("DELETE", f"/workitems/{uid}/subscribers/DESK").status_code == 404


def test_anybody_may_be_subscribed_by_another(ask: Asker, uid: str) -> None:
    assert Asker(ask.hub, BOB)("POST", f"/workitems/{uid}/subscribers/RIS").status_code == 201


# --- what is finished ---


def test_states_are_final(ask: Asker, uid: str) -> None:
    completed(ask, uid)
    for state in State:
        if state is not State.COMPLETED:
            assert ask.state(uid, state.value).status_code in (400, 409)
    with client_of(ask.hub) as client:
        assert client.retrieve(uid).state is State.COMPLETED


# --- the table itself ---


def test_each_row_of_the_conformance_table_names_a_test_that_exists() -> None:
    table = (ROOT / "docs" / "ups-conformance.md").read_text("utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| ---", "| What"))]
    assert len(rows) > 40
    known: dict[str, set[str]] = {}
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row)
        assert named, row
        for file, name in named:
            if file not in known:
                tree = ast.parse((ROOT / file).read_text("utf-8"))
                known[file] = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert name in known[file], f"{file} has no {name}"
