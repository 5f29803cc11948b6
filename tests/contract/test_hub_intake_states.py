"""A hospital that stops and starts: what the hub tells of it, up to the bar in the worklist window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from pacs.secrets import variable_of
from pacs.site import DicomwebConnection, Site
from tests.peers.hub import client_of, running_hub
from tests.peers.orthanc import OrthancPeer, available, free_port
from tests.peers.synthetic import ct_series
from viewer.tasks import TaskRunner
from worklist_client.worklist import region
from worklist_client.worklist.region import RegionError, SiteIntake, follow_intake, intake
from worklist_hub.service import Hub

DEADLINE_S = 30.0


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[OrthancPeer]:
    if reason := available():
        pytest.skip(reason)
    made = OrthancPeer(name="N")
    monkeypatch.setenv(variable_of("north-web"), f"{made.user}:{made.password}")
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def hub(tmp_path: Path, peer: OrthancPeer) -> Iterator[Hub]:
    """It asks an Orthanc that has not been started yet, and an address where nobody ever listens."""
    sites = (
        Site("north", "North", "#cc0000", connections=(peer.dicomweb(connection_id="north-web"),)),
        Site(
            "west",
            "West",
            "#00cc00",
            connections=(DicomwebConnection("west-web", f"http://127.0.0.1:{free_port()}/dicom-web"),),
        ),
        Site("paper", "No PACS", "#0000cc"),
    )
    with running_hub(tmp_path, sites=sites, poll_s=0.05) as running:
        yield running


def told_until(hub: Hub, holds: Callable[[dict[str, SiteIntake]], bool]) -> dict[str, SiteIntake]:
    with client_of(hub) as client:
        deadline = time.monotonic() + DEADLINE_S
        while True:
            told = {one.site_id: one for one in intake(client)}
            if holds(told):
                return told
            assert time.monotonic() < deadline, told
            time.sleep(0.02)


def is_silent(told: dict[str, SiteIntake]) -> bool:
    return "north" in told and told["north"].is_silent


def answers(told: dict[str, SiteIntake]) -> bool:
    return "north" in told and told["north"].has_answered and not told["north"].is_silent


def test_a_hospital_that_stops_is_silent_and_one_that_starts_answers_again(peer: OrthancPeer, hub: Hub) -> None:
    never = told_until(hub, lambda told: len(told) == 2 and all(one.is_silent for one in told.values()))
    assert not never["north"].has_answered
    assert never["north"].reason == "it cannot be reached"
    peer.start()
    heard = told_until(hub, answers)
    assert heard["west"].is_silent
    assert "paper" not in heard
    peer.stop()
    stopped = told_until(hub, is_silent)["north"]
    assert stopped.has_answered
    assert stopped.since >= heard["north"].since > never["north"].since
    assert peer.start()
    assert told_until(hub, answers)["north"].since > stopped.since
    text = requests.get(f"{hub.url}/region/intake").text
    assert str(peer.http_port) not in text
    assert peer.password not in text


def test_studies_without_a_date_are_told_by_their_number(peer: OrthancPeer, hub: Hub) -> None:
    peer.start()
    peer.load(ct_series("undated", 1, changes={"StudyDate": ""}))
    heard = told_until(hub, lambda told: "north" in told and told["north"].undated == 1)
    assert not heard["north"].is_silent
    assert heard["west"].undated == 0


def test_the_desk_hears_it_by_itself(
    peer: OrthancPeer, hub: Hub, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(region, "INTAKE_S", 0.05)
    heard: list[dict[str, SiteIntake]] = []
    runner, owner = TaskRunner(), QObject()
    peer.start()
    with client_of(hub) as client:
        runner.serve(
            "intake", follow_intake(client), lambda told: heard.append({one.site_id: one for one in told}), owner=owner
        )
        qtbot.waitUntil(lambda: bool(heard) and answers(heard[-1]), timeout=30_000)
        peer.stop()
        qtbot.waitUntil(lambda: is_silent(heard[-1]), timeout=30_000)
        peer.start()
        qtbot.waitUntil(lambda: answers(heard[-1]), timeout=30_000)
        assert runner.shutdown() == []


def test_a_hub_that_does_not_tell_is_no_hospital_that_is_silent(tmp_path: Path) -> None:
    with running_hub(tmp_path, intake_enabled=False) as hub, client_of(hub) as client:
        assert intake(client) == ()
        client.base_url += "/older"
        with pytest.raises(RegionError):
            intake(client)
