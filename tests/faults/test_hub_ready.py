"""What /ready says while the database answers, but does not do what a hub needs of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.peers.hub import ANN, running_hub, study_to_read
from tests.peers.hub_process import HubProcess
from tests.peers.postgres import Cluster, available
from ups.client import UpsClient
from ups.errors import UpsError
from ups.identifiers import random_uid
from ups.states import ProcedureStepState
from worklist_hub.operations import commits, upkeep
from worklist_hub.service import Hub
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.store.durability import LOSING

pytestmark = pytest.mark.skipif(bool(available()), reason=available() or "PostgreSQL is here")
DEADLINE_S = 30.0


def ready(hub: Hub) -> tuple[int, dict[str, str]]:
    answer = requests.get(f"{hub.url}/ready", timeout=10)
    return answer.status_code, answer.json()


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_forgotten_transaction_that_holds_events_back_is_said_and_measured(
    tmp_path: Path, postgres_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LATE_S", 0.2)
    url = postgres_cluster.new_database()
    with running_hub(tmp_path, database_url=url, durability=LOSING) as hub:
        with psycopg.connect(url) as forgotten:
            forgotten.execute("SELECT pg_current_xact_id()")
            hub.store.create_if_absent(study_to_read())
            until(lambda: "events" in ready(hub)[1])
            status, parts = ready(hub)
            assert (status, parts["database"]) == (200, "ok")
            assert parts["events"].startswith("late: a transaction of the database has not ended for")
            assert "worklist_hub_event_late_seconds 0." in hub.upkeep.registry.text()
            assert "worklist_hub_ready 1" in hub.upkeep.registry.text()
        until(lambda: "events" not in ready(hub)[1])
        assert "worklist_hub_event_late_seconds 0\n" in hub.upkeep.registry.text()


@contextmanager
def without_its_standby(cluster: Cluster) -> Iterator[None]:
    """Commits wait for a standby that is not there."""
    cluster.execute("ALTER SYSTEM SET synchronous_standby_names = 'ghost'")
    cluster.execute("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        cluster.execute("ALTER SYSTEM RESET synchronous_standby_names")
        cluster.execute("SELECT pg_reload_conf()")


def test_a_hub_whose_commits_do_not_end_is_not_ready_until_they_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commits, "PROVE_EVERY_S", 0.1)
    monkeypatch.setattr(commits, "WITHIN_S", 0.5)
    with Cluster() as cluster, running_hub(tmp_path, database_url=cluster.url(), durability=LOSING) as hub:
        until(lambda: ready(hub)[0] == 200)
        with without_its_standby(cluster):
            until(lambda: ready(hub)[0] == 503)
            assert ready(hub)[1]["commits"].startswith("a commit has not ended for")
            assert ready(hub)[1]["database"] == "ok"
        until(lambda: ready(hub)[0] == 200)


def test_a_stop_does_not_wait_for_a_standby_that_is_gone(tmp_path: Path) -> None:
    """A claim, the sweeper, the housekeeper and the last line of the audit wait for it; all are given up."""
    with Cluster() as cluster, HubProcess(tmp_path, cluster.url(), "", "[operations]", "drain_s = 0") as hub:
        study = study_to_read()
        with closing(UpsClient(hub.url, reader=ANN, read_timeout_s=1)) as client:
            client.create(study)
            with without_its_standby(cluster):
                with pytest.raises(UpsError):
                    client.change_state(study.uid, ProcedureStepState.IN_PROGRESS, random_uid())
                assert hub.terminate() == 0


def test_a_database_that_refuses_to_write_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commits, "PROVE_EVERY_S", 0.05)
    with running_hub(tmp_path) as hub:
        assert ready(hub)[0] == 200

        def refused() -> None:
            raise StoreUnavailable("the disk is full")

        monkeypatch.setattr(hub.store.database, "prove", refused)
        until(lambda: ready(hub)[1].get("commits") == "cannot be written")
        assert ready(hub)[0] == 503
