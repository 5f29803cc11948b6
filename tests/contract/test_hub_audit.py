"""A running hub leaves a trace of everything, before it answers; the administrator's commands read and check it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from websockets.sync.client import connect

from pacs.site import Site
from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups import dicom_json as dj
from ups.client import UpsClient
from ups.codes import Person
from ups.errors import UpsError
from ups.identifiers import random_uid
from ups.states import ProcedureStepState
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.settings import AuthSettings
from worklist_hub.accounts.store import AccountStore
from worklist_hub.app import main
from worklist_hub.audit import adoption
from worklist_hub.audit import ledger as ledger_module
from worklist_hub.audit.chain import verify
from worklist_hub.audit.ledger import Ledger
from worklist_hub.audit.records import Action, AuditEvent, Outcome
from worklist_hub.audit.settings import AuditSettings, ExportTarget
from worklist_hub.audit.tables import AUDIT_EVENTS
from worklist_hub.service import Hub
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.store.subscriptions import FILTERED_GLOBAL
from worklist_hub.store.workitems import WorkitemStore

PASSWORD = "correct horse battery"


def lines(hub: Hub) -> list[AuditEvent]:
    """As committed by now: what a client has an answer to must be there."""
    with hub.store.reading.connect() as connection:
        query = sa.select(AUDIT_EVENTS.c.body).order_by(AUDIT_EVENTS.c.process, AUDIT_EVENTS.c.number)
        return [AuditEvent.from_text(body) for body in connection.execute(query).scalars()]


def told(hub: Hub, since: int) -> list[tuple[str, str, str]]:
    return [(one.actor.code, one.action.value, one.outcome.name) for one in lines(hub)[since:]]


def claim(client: UpsClient, uid: str) -> str:
    transaction_uid = random_uid()
    client.change_state(uid, ProcedureStepState.IN_PROGRESS, transaction_uid)
    return transaction_uid


def test_the_life_of_a_study_is_told_line_by_line(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub, client_of(hub) as ann, client_of(hub, BOB) as bob:
        study = study_to_read(patient_id="123", issuer_of_patient_id="NH")
        hub.store.create_if_absent(study)
        ann.search({"PatientID": "nobody"})
        begun = len(lines(hub))
        ann.search({"PatientID": "123"})
        ann.retrieve(study.uid)
        claim(ann, study.uid)
        with pytest.raises(UpsError):
            claim(bob, study.uid)
        bob.request_cancel(study.uid, reason="mine is urgent")
        ann.request_cancel(study.uid, reason="from my other desk")
        assert told(hub, begun) == [
            ("1", "search", "SUCCESS"),
            ("1", "view", "SUCCESS"),
            ("1", "claim", "SUCCESS"),
            ("2", "claim", "MINOR"),
            ("2", "ask-release", "SUCCESS"),
            ("1", "take-over", "SUCCESS"),
        ]
        search, view, claimed, _, asked, taken = lines(hub)[begun:]
        assert dict(search.found or {}) == {"north": 1}
        assert "123" in search.query
        assert view.subjects[0].patient_id == "123"
        assert view.subjects[0].study_instance_uid == study.study_instance_uid
        assert claimed.actor.organization == ANN.organisation
        assert claimed.actor.address == "127.0.0.1"
        assert (asked.reason, taken.reason) == ("mine is urgent", "from my other desk")


def test_a_heartbeat_that_changes_nothing_is_no_line(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub, client_of(hub) as ann:
        study = study_to_read()
        hub.store.create_if_absent(study)
        transaction_uid = claim(ann, study.uid)
        begun = len(lines(hub))
        ann.update(study.uid, {}, transaction_uid)
        assert told(hub, begun) == []


@contextmanager
def hub_with_accounts(folder: Path) -> Iterator[tuple[Hub, dict[str, str]]]:
    """With exports of North; tokens of two readers and an observer there."""
    target = ExportTarget("north", "json", "north", folder=folder / "out")
    audit = AuditSettings((target,))
    sites = (Site("north", "North", "#ff0000"), Site("south", "South", "#00ff00"))
    auth = AuthSettings(accounts=True, signing_key_file=str(folder / "key.pem"))
    with running_hub(folder, audit=audit, auth=auth, sites=sites, intake_enabled=False) as hub:
        accounts, tokens = AccountStore(hub.store.database), {}
        for code, (login, role) in enumerate((("ann", Role.READER), ("bob", Role.READER), ("obs", Role.OBSERVER)), 1):
            accounts.create(login, Person(str(code), f"{login}^X"), [Grant("north", role)], PASSWORD)
            asked = {"grant_type": "password", "username": login, "password": PASSWORD}
            told = requests.post(f"{hub.url}/region/auth/token", data=asked, timeout=20).json()
            tokens[login] = f"Bearer {told['access_token']}"
        yield hub, tokens


def claim_of(hub: Hub, token: str, uid: str) -> tuple[int, str]:
    transaction_uid = random_uid()
    body = [dj.make(ProcedureStepState="IN PROGRESS", TransactionUID=transaction_uid)]
    answer = requests.put(f"{hub.url}/workitems/{uid}/state", headers={"Authorization": token}, json=body, timeout=20)
    return answer.status_code, transaction_uid


def test_a_claim_without_the_right_to_it_is_told_apart_from_a_lost_one(tmp_path: Path) -> None:
    with hub_with_accounts(tmp_path) as (hub, tokens):
        here, hidden = study_to_read(patient_id="7"), study_to_read(site_id="south", patient_id="8")
        for study in (here, hidden):
            hub.store.create_if_absent(study)
        begun = len(lines(hub))
        assert claim_of(hub, tokens["obs"], here.uid)[0] == 403
        assert claim_of(hub, tokens["ann"], here.uid)[0] == 200
        assert claim_of(hub, tokens["bob"], here.uid)[0] == 409
        assert claim_of(hub, tokens["ann"], hidden.uid)[0] == 404
        with_token = {"Authorization": tokens["ann"]}
        assert requests.get(f"{hub.url}/workitems/{hidden.uid}", headers=with_token, timeout=20).status_code == 404
        assert requests.get(f"{hub.url}/workitems/{random_uid()}", headers=with_token, timeout=20).status_code == 404
        found = lines(hub)[begun:]
        assert [(one.action.value, one.outcome.value) for one in found] == [
            ("claim", "8"),
            ("claim", "0"),
            ("claim", "4"),
            ("claim", "8"),
            ("view", "8"),
            ("view", "4"),
        ]
        assert [one.subjects[0].patient_id for one in found] == ["7", "7", "7", "8", "8", ""]
        assert "told that it does not exist" in found[4].text


def test_who_takes_a_draft_stands_in_the_log_of_the_hospital_and_the_patient(tmp_path: Path) -> None:
    with hub_with_accounts(tmp_path) as (hub, tokens):
        study = study_to_read(patient_id="7")
        hub.store.create_if_absent(study)
        begun = len(lines(hub))
        _, claim_uid = claim_of(hub, tokens["ann"], study.uid)
        where = f"{hub.url}/region/drafts/{study.uid}"
        for token, claimed_with in ((tokens["ann"], claim_uid), (tokens["bob"], claim_uid)):
            requests.put(
                f"{where}?transaction-uid={claimed_with}",
                headers={"Authorization": token},
                json={"receiver": "2", "draft": {"text": "secret"}},
                timeout=20,
            )
        requests.get(f"{where}?transaction-uid={claim_uid}", headers={"Authorization": tokens["ann"]}, timeout=20)
        requests.get(f"{where}?transaction-uid={claim_uid}", headers={"Authorization": tokens["obs"]}, timeout=20)
        found = lines(hub)[begun + 1 :]
        assert [(one.actor.code, one.action.value, one.outcome.value) for one in found] == [
            ("1", "hand-over", "0"),
            ("2", "hand-over", "8"),
            ("1", "view", "4"),
            ("3", "view", "8"),
        ]
        for one in found:
            assert (one.subjects[0].patient_id, one.subjects[0].site_id) == ("7", "north")
            assert (one.subjects[0].workitem_uid, one.authorization != "") == (study.uid, one.outcome.value == "0")
        assert "secret" not in "".join(one.to_text() for one in found)
        assert claim_uid not in "".join(one.to_text() for one in found)
        assert hub.upkeep.wait_until_exported(20.0)
    exported = [json.loads(line) for path in (tmp_path / "out").iterdir() for line in path.read_text().splitlines()]
    assert [one["action"] for one in exported].count("hand-over") == 2


def test_a_subscription_that_tells_what_is_there_is_told_as_the_search_it_is(tmp_path: Path) -> None:
    with hub_with_accounts(tmp_path) as (hub, tokens):
        for study in (
            study_to_read(patient_id="7"),
            study_to_read(patient_id="9"),
            study_to_read(site_id="south", patient_id="7"),
        ):
            hub.store.create_if_absent(study)
        begun = len(lines(hub))
        with_token = {"Authorization": tokens["bob"]}
        with connect(f"{hub.url.replace('http', 'ws')}/ws/subscribers/BOB", additional_headers=with_token) as socket:
            where = f"{hub.url}/workitems/{FILTERED_GLOBAL}/subscribers/BOB"
            asked = {"filter": "PatientID=7", "deletionlock": "true"}
            assert requests.post(where, params=asked, headers=with_token, timeout=20).status_code == 201
            assert json.loads(socket.recv(20.0))["00100020"]["Value"] == ["7"]
            found = [one for one in lines(hub)[begun:] if one.action is Action.SUBSCRIBE]
            for one in found:
                assert one.actor.code == "2"
                assert "PatientID%3D7" in one.query
            (told,) = [one for one in found if one.found]
            assert told.found == {"north": 1}
            assert [one.patient_id for one in told.subjects] == ["7"]
            assert told.authorization == "reader@north"
        assert hub.upkeep.wait_until_exported(20.0)
    exported = [json.loads(line) for path in (tmp_path / "out").iterdir() for line in path.read_text().splitlines()]
    assert [one["action"] for one in exported if one["actor"].get("code") == "2"] == ["subscribe"]


def test_refusals_of_strangers_are_told_and_a_flood_is_counted(tmp_path: Path) -> None:
    with running_hub(tmp_path, token="t" * 32) as hub:
        requests.get(f"{hub.url}/region/about", headers={"Authorization": f"Bearer {'t' * 32}"}, timeout=10)
        begun = len(lines(hub))
        for _ in range(40):
            answer = requests.get(f"{hub.url}/workitems", headers={"Authorization": "Bearer forged"}, timeout=10)
            assert answer.status_code == 401
        refused = lines(hub)[begun:]
        assert {(one.action.value, one.outcome) for one in refused} == {("refused", Outcome.SERIOUS)}
        assert 1 <= len(refused) <= 10
        assert refused[0].actor.address == "127.0.0.1"


def test_no_answer_without_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_hub(tmp_path) as hub:
        study = study_to_read(patient_name="Secret^Name")
        hub.store.create_if_absent(study)

        def away(_job: object) -> None:
            raise StoreUnavailable("away")

        assert requests.get(f"{hub.url}/health", timeout=10).status_code == 200  # its first line is written
        monkeypatch.setattr(hub.upkeep.ledger, "_transact", away)
        answer = requests.get(f"{hub.url}/workitems/{study.uid}", timeout=10)
        assert answer.status_code == 503
        assert "Secret" not in answer.text
        assert requests.get(f"{hub.url}/ready", timeout=10).json()["audit"] == "cannot be written"
        monkeypatch.undo()
        assert requests.get(f"{hub.url}/workitems/{study.uid}", timeout=10).status_code == 200


def test_what_a_killed_hub_left_days_ago_is_chained_by_the_next(
    any_database: Path | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_module, "ADOPT_SOON_S", 0.01)
    monkeypatch.setattr(adoption, "PIECE", 2)
    old = datetime.now(UTC) - timedelta(days=4)
    store = WorkitemStore(any_database)
    try:
        killed = Ledger(store.database.do, process="KILLED", clock=lambda: old)
        killed.close()
        for _ in range(5):
            store.change(lambda connection: killed.write(connection, [AuditEvent(Action.CLAIM)]))
        started = Ledger(store.database.do, process="STARTED")
        until = time.monotonic() + 20.0
        while started.linked < 5:
            assert time.monotonic() < until
            time.sleep(0.01)
        started.close()
        with store.reading.connect() as connection:
            found = verify(connection)
        assert (found.links, found.unlinked, found.faults) == (5, 0, ())
    finally:
        store.close()


def test_the_chain_of_a_hub_begins_with_its_start_and_ends_with_its_stop(tmp_path: Path) -> None:
    with running_hub(tmp_path) as hub, client_of(hub) as ann:
        ann.search()
    config = tmp_path / "hub.toml"
    config.write_text("", "utf-8")
    assert main(["audit", "verify", "--config", str(config)]) == 0
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'worklist.sqlite'}")
    with engine.connect() as connection:
        found = verify(connection)
        bodies = connection.execute(sa.select(AUDIT_EVENTS.c.body).order_by(AUDIT_EVENTS.c.at)).scalars().all()
    engine.dispose()
    assert (found.unlinked, found.faults) == (0, ())
    actions = [AuditEvent.from_text(body).action.value for body in bodies]
    assert actions == ["start", "search", "stop", "read-audit"]


def test_reading_the_log_is_in_the_log_and_a_hospital_sees_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_hub(tmp_path) as hub, client_of(hub) as ann:
        for site, patient in (("north", "123"), ("south", "77")):
            study = study_to_read(site_id=site, site_name=site, patient_id=patient, issuer_of_patient_id="X")
            hub.store.create_if_absent(study)
            ann.retrieve(study.uid)
    (tmp_path / "hub.toml").write_text("", "utf-8")
    with_config = ["--config", str(tmp_path / "hub.toml")]
    assert main(["audit", "show", "--patient", "X|123", *with_config]) == 0
    text = capsys.readouterr().out
    assert [line.split("  ")[2].split()[0] for line in text.splitlines()] == ["create", "view"]
    assert main(["audit", "export", "--site", "south", *with_config]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["action"] for one in shown] == ["create", "view"]
    assert {one["subjects"][0]["patient_id"] for one in shown} == {"77"}
    assert main(["audit", "show", "--reader", "1", "--format", "dicom", *with_config]) == 0
    assert "<AuditMessage>" in capsys.readouterr().out
    assert main(["audit", "verify", *with_config]) == 0
    capsys.readouterr()
    main(["audit", "show", *with_config])
    assert capsys.readouterr().out.count("read-audit") == 5


def test_each_hospital_receives_its_lines_while_the_hub_runs(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text(
        '[[site]]\nsite_id = "north"\nname = "North"\ncolor = "#ff0000"\n'
        '[[audit.export]]\nname = "north"\nkind = "json"\nsite = "north"\npath = "out"\n',
        "utf-8",
    )
    from worklist_hub.config import load  # noqa: PLC0415 - beside the file it reads

    with running_hub(tmp_path, audit=load(config).audit) as hub, client_of(hub) as ann:
        for site in ("north", "south"):
            study = study_to_read(site_id=site, site_name=site)
            hub.store.create_if_absent(study)
            ann.retrieve(study.uid)
        assert hub.upkeep.wait_until_exported(20.0)
    out = [json.loads(line) for path in (tmp_path / "out").iterdir() for line in path.read_text().splitlines()]
    assert [one["action"] for one in out] == ["create", "view"]
    assert {one["subjects"][0]["site_id"] for one in out} == {"north"}
    exported = [str(path) for path in (tmp_path / "out").iterdir()]
    assert main(["audit", "verify", "--config", str(config), "--against", *exported]) == 0


def test_accounts_are_made_and_changed_at_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub.toml").write_text("[auth]\naccounts = true\n", "utf-8")
    with_config = ["--config", str(tmp_path / "hub.toml")]
    monkeypatch.setenv("WORKLIST_HUB_PASSWORD", "a long enough password")
    add = ["users", "add", "ann", "--code", "1", "--name", "Ann^A", "--grant", "reader@north:NEURO"]
    assert main([*add, *with_config]) == 0
    assert main([*add, *with_config]) == 1
    assert main(["users", "grants", "ann", "--grant", "king@north", *with_config]) == 1
    assert main(["users", "disable", "ann", *with_config]) == 0
    capsys.readouterr()
    assert main(["users", "list", *with_config]) == 0
    assert capsys.readouterr().out == "ann  1 Ann^A  disabled  reader@north\n"
    assert main(["users", "disable", "nobody", *with_config]) == 1
    main(["audit", "show", *with_config])
    shown = capsys.readouterr().out
    assert "nobody" not in shown
    assert "account    add ann reader@north:NEURO" in shown
    assert "long enough" not in shown


def test_an_account_is_not_changed_where_its_line_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hub.toml").write_text("[auth]\naccounts = true\n", "utf-8")
    with_config = ["--config", str(tmp_path / "hub.toml")]
    monkeypatch.setenv("WORKLIST_HUB_PASSWORD", PASSWORD)
    main(["users", "add", "ann", "--code", "1", "--name", "Ann^A", "--grant", "reader@north", *with_config])
    with closing(sqlite3.connect(tmp_path / "worklist.sqlite")) as database:
        database.execute("CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'full'); END")
    capsys.readouterr()
    for asked in (["grants", "ann", "--grant", "coordinator@*"], ["disable", "ann"], ["password", "ann"]):
        assert main(["users", *asked, *with_config]) == 2
        assert "nothing was changed" in capsys.readouterr().err
    main(["users", "list", *with_config])
    assert capsys.readouterr().out == "ann  1 Ann^A  active  reader@north\n"
