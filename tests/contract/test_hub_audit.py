"""A running hub leaves a trace of everything, before it answers; the administrator's commands read and check it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from tests.peers.hub import ANN, BOB, client_of, running_hub, study_to_read
from ups.client import UpsClient
from ups.errors import UpsError
from ups.identifiers import random_uid
from ups.states import ProcedureStepState
from worklist_hub.app import main
from worklist_hub.audit import adoption
from worklist_hub.audit import ledger as ledger_module
from worklist_hub.audit.chain import verify
from worklist_hub.audit.ledger import Ledger
from worklist_hub.audit.records import Action, AuditEvent, Outcome
from worklist_hub.audit.tables import AUDIT_EVENTS
from worklist_hub.service import Hub
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.store.workitems import WorkitemStore


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
    main(["audit", "show", *with_config])
    shown = capsys.readouterr().out
    assert "account    add ann reader@north:NEURO" in shown
    assert "long enough" not in shown
