"""What /ready says while the database answers, but does not do what a hub needs of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
import requests

from tests.peers.hub import running_hub, study_to_read
from tests.peers.postgres import Cluster, available
from worklist_hub.operations import upkeep
from worklist_hub.service import Hub
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
