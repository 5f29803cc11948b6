"""The hub process put together: intake runs beside it and never in front of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from pacs.site import DicomwebConnection, Site
from tests.peers.hub import client_of, running_hub, study_to_read
from ups.codes import UNSPECIFIED_REASON
from ups.states import ProcedureStepState as State
from worklist_hub import service
from worklist_hub.intake.runner import Intake, SiteState
from worklist_hub.service import Hub

DEADLINE_S = 20.0
SITE = Site("north", "North", "#f00", connections=(DicomwebConnection("n1", "http://127.0.0.1:9/dicom-web"),))


class _Intake:
    """Stands in for polling: notes when it is started and stopped, and feeds one study."""

    def __init__(self, hub: Hub, started: threading.Event, stopped: threading.Event) -> None:
        self._hub, self._started, self._stopped = hub, started, stopped

    def start(self) -> None:
        assert self._hub.store.create_if_absent(study_to_read("1.2.3"))
        self._started.set()

    def states(self) -> dict[str, SiteState]:
        return {"north": SiteState()}

    def stop(self) -> None:
        assert self._hub.store.cancel_scheduled("1.2.3", UNSPECIFIED_REASON, "closing time")
        self._stopped.set()


def test_intake_starts_after_the_hub_serves_and_stops_before_the_store_closes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, stopped = threading.Event(), threading.Event()
    monkeypatch.setattr(service, "INTAKE_DELAY_S", 0.0)
    monkeypatch.setattr(Hub, "_new_intake", lambda hub: _Intake(hub, started, stopped))
    with running_hub(tmp_path, sites=(SITE,)) as hub, client_of(hub) as client:
        assert started.wait(DEADLINE_S)
        assert client.retrieve("1.2.3").state is State.SCHEDULED
    assert stopped.is_set()


def test_a_site_that_is_away_delays_neither_serving_nor_ending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Intake] = []
    build = Hub._new_intake

    def noted(hub: Hub) -> Intake:
        made.append(build(hub))
        return made[0]

    monkeypatch.setattr(service, "INTAKE_DELAY_S", 0.0)
    monkeypatch.setattr(Hub, "_new_intake", noted)
    with running_hub(tmp_path, sites=(SITE,), poll_s=0.05) as hub, client_of(hub) as client:
        tick, left = threading.Event(), int(DEADLINE_S / 0.02)
        while not (made and made[0].states()["north"].failures) and left:
            assert client.search() == ()
            tick.wait(0.02)
            left -= 1
        assert left


@pytest.mark.parametrize("settings", [{"sites": ()}, {"sites": (SITE,), "intake_enabled": False}])
def test_without_sites_or_switched_off_there_is_no_intake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    def fail(_hub: Hub) -> None:
        pytest.fail("intake was started")

    monkeypatch.setattr(service, "INTAKE_DELAY_S", 0.0)
    monkeypatch.setattr(Hub, "_new_intake", fail)
    with running_hub(tmp_path, **settings) as hub, client_of(hub) as client:
        assert client.search() == ()
