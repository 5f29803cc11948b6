"""Handing a draft over: only the receiver's claim opens it, the database shows nothing, and it ends with the claim."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups import changes, claiming
from ups.client import reader_header
from ups.codes import Person
from ups.identifiers import random_uid, replacement_uid
from ups.states import ProcedureStepState as State
from worklist_hub.service import Hub
from worklist_hub.store.schema import HANDED_DRAFTS
from worklist_hub.web.drafts import DraftKeys, DraftsUnavailable, SealBroken, seal, unseal

DRAFT = {"findings": "a small haemorrhage, frontal left", "annotations": []}
NOW = datetime(2026, 1, 2, tzinfo=UTC)
CAROL = Person("3", "Carol^C", "North")


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with running_hub(tmp_path, intake_enabled=False) as running:
        yield running


def ask(hub: Hub, method: str, uid: str, claim: str, who: Person = ANN, **more: object) -> requests.Response:
    query = f"?transaction-uid={claim}" if claim else ""
    headers = {"X-Worklist-Reader": reader_header(who)}
    return requests.request(method, f"{hub.url}/region/drafts/{uid}{query}", headers=headers, **more)  # type: ignore[arg-type]


def claimed(hub: Hub, uid: str = "", who: Person = ANN) -> tuple[str, str]:
    with client_of(hub, who) as client:
        if not uid:
            study = study_to_read()
            client.create(study)
            uid = study.uid
        claim = random_uid()
        client.change_state(uid, State.IN_PROGRESS, claim)
        return uid, claim


def handed_over(hub: Hub, receiver: str = BOB.code) -> tuple[str, str]:
    """Ann's draft handed to Bob; his claim of the replacement."""
    uid, claim = claimed(hub)
    assert ask(hub, "PUT", uid, claim, json={"receiver": receiver, "draft": DRAFT}).status_code == 204
    with client_of(hub) as client:
        client.update(uid, changes.reservation(BOB), claim)
        claiming.release(client, uid, claim, cancelled=lambda: False, wait=lambda _s: None, reason="night over")
        assert client.retrieve(replacement_uid(uid)).reserved_for == BOB
    return replacement_uid(uid), ""


def drafts_in(hub: Hub) -> int:
    with hub.store.reading.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(HANDED_DRAFTS)).scalar_one()


def test_the_receiver_gets_the_draft_with_his_claim_and_nobody_else(hub: Hub, tmp_path: Path) -> None:
    uid, _ = handed_over(hub)
    assert ask(hub, "GET", uid, random_uid(), BOB).status_code == 409  # not claimed yet
    _, claim = claimed(hub, uid, BOB)
    for wrong, expected in (("", 400), (random_uid(), 400)):
        assert ask(hub, "GET", uid, wrong, BOB).status_code == expected
    for _ in range(2):  # the second time it is sealed for the claim itself
        told = ask(hub, "GET", uid, claim, BOB)
        assert told.status_code == 200
        assert (told.json()["draft"], told.json()["author"]) == (DRAFT, ANN.code)
    for file in tmp_path.glob("worklist.sqlite*"):
        assert b"haemorrhage" not in file.read_bytes()
    assert (tmp_path / "drafts.key").stat().st_mode & 0o077 == 0


def test_a_draft_for_one_reader_is_not_opened_by_another(hub: Hub) -> None:
    uid, _ = handed_over(hub)
    _, claim = claimed(hub, uid, CAROL)
    assert ask(hub, "GET", uid, claim, CAROL).status_code == 403
    other, _ = handed_over(hub, receiver="")
    _, claim = claimed(hub, other, CAROL)
    assert ask(hub, "GET", other, claim, CAROL).status_code == 200


def test_with_the_completion_the_draft_is_gone(hub: Hub) -> None:
    uid, _ = handed_over(hub)
    _, claim = claimed(hub, uid, BOB)
    assert drafts_in(hub) == 1
    outputs = [changes.output("1.5", "1.6", [("1.7", "1.8")])]
    with client_of(hub, BOB) as client:
        client.update(uid, changes.performed(outputs, person=BOB, start=NOW, end=NOW), claim)
        client.change_state(uid, State.COMPLETED, claim)
    assert drafts_in(hub) == 0


def test_a_take_over_and_a_second_thought_leave_no_draft_behind(hub: Hub) -> None:
    uid, claim = claimed(hub)
    ask(hub, "PUT", uid, claim, json={"receiver": "", "draft": DRAFT})
    assert ask(hub, "DELETE", uid, claim).status_code == 204
    assert ask(hub, "DELETE", uid, claim).status_code == 404
    ask(hub, "PUT", uid, claim, json={"receiver": "", "draft": DRAFT})
    with client_of(hub) as client:
        client.request_cancel(uid, reason="from my other desk")
    assert drafts_in(hub) == 0
    assert ask(hub, "PUT", uid, claim, json={"receiver": "", "draft": DRAFT}).status_code == 409


def test_a_study_that_is_taken_off_the_list_takes_its_draft_along(hub: Hub) -> None:
    uid, _ = handed_over(hub)
    with client_of(hub) as client:
        client.request_cancel(uid, reason="read elsewhere")
    assert drafts_in(hub) == 0


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"draft": {}},
        {"receiver": 5, "draft": {}},
        {"receiver": "", "draft": []},
        {"receiver": "\n", "draft": {}},
    ],
)
def test_a_draft_that_makes_no_sense_is_refused(hub: Hub, body: object) -> None:
    uid, claim = claimed(hub)
    assert ask(hub, "PUT", uid, claim, json=body).status_code == 400


def test_a_seal_opens_with_its_key_workitem_and_receiver_only(tmp_path: Path) -> None:
    key = DraftKeys(tmp_path / "worklist.sqlite").key()
    assert key == DraftKeys(tmp_path / "worklist.sqlite").key()
    sealed = seal(key, "1.2", "7", b"text", lambda count: bytes(count))
    assert unseal(key, "1.2", "7", sealed) == b"text"
    for wrong in ((b"x" * 32, "1.2", "7"), (key, "1.3", "7"), (key, "1.2", "8")):
        with pytest.raises(SealBroken):
            unseal(*wrong, sealed)


def test_a_region_needs_a_key_that_all_its_hubs_have() -> None:
    with pytest.raises(DraftsUnavailable, match="WORKLIST_HUB_DRAFT_KEY"):
        DraftKeys(None, {}).key()
    for wrong in ("abc", "QUJD"):
        with pytest.raises(DraftsUnavailable):
            DraftKeys(None, {"WORKLIST_HUB_DRAFT_KEY": wrong}).key()
    assert len(DraftKeys(None, {"WORKLIST_HUB_DRAFT_KEY": "QUJD" * 10 + "QUI="}).key()) == 32
