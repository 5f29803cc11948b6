"""The hub of this desk is killed while windows are open: another takes its place, and nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from tests.peers.hub import study_to_read
from ups.claiming import ClaimKind
from ups.events import ChannelState
from viewer.cancel import CancelToken
from viewer.tasks import TaskRunner
from worklist_client.commands.desk import Desk
from worklist_client.composition import compose
from worklist_client.journal import Journal
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui.hub_guard import HubGuard
from worklist_client.ui.list_feed import ListFeed
from worklist_client.worklist.channel import listen
from worklist_client.worklist.embedded import HubAddress, start_or_join
from worklist_client.worklist.entries import Status

DEADLINE_MS = 30_000


@pytest.fixture
def owner(runner: TaskRunner) -> Iterator[QObject]:
    """Owns the objects of a test until its threads have ended: one collected in a worker thread takes Qt down."""
    made = QObject()
    yield made
    runner.shutdown()
    made.deleteLater()


def end_hub(folder: Path, how: signal.Signals) -> None:
    hub = psutil.Process(int(json.loads((folder / "hub.json").read_text(encoding="utf-8"))["pid"]))
    os.kill(hub.pid, how)
    hub.wait(10)


@pytest.fixture
def desk(tmp_path: Path, runner: TaskRunner) -> Iterator[Desk]:
    profile = open_profile("night", str(tmp_path))
    address = start_or_join(tmp_path)
    with_journal = Journal.open(profile.folder / "journal.sqlite")
    settings = Settings.load(profile.settings_path)
    made = compose(runner, profile, settings, with_journal, Translator("en"), address, solo=True)
    yield made
    runner.shutdown()
    made.client.close()
    with_journal.close()
    assert address.process is not None
    address.process.terminate()
    address.process.wait(10)


@pytest.mark.skipif(sys.platform == "win32", reason="kills the hub by a signal")
def test_a_killed_hub_is_replaced_and_the_claim_is_still_mine(
    desk: Desk, runner: TaskRunner, owner: QObject, tmp_path: Path, qtbot: QtBot
) -> None:
    feed = ListFeed(desk, lambda: 0.0, owner)
    guard = HubGuard(runner, desk.client, feed, tmp_path, owner)
    mine, later = study_to_read(), study_to_read()
    desk.client.create(mine)
    work = listen(desk.client, desk.calling_ae)
    runner.serve("events", work, feed.apply, owner=feed, broken=feed.broken)
    qtbot.waitUntil(lambda: feed.connection.connected and len(feed.entries()) == 1, timeout=DEADLINE_MS)
    assert desk.claims.claim(mine.uid).kind is ClaimKind.WON
    before = desk.client.base_url

    end_hub(tmp_path, signal.SIGKILL)

    qtbot.waitUntil(lambda: not feed.connection.connected, timeout=DEADLINE_MS)
    qtbot.waitUntil(lambda: feed.connection.connected, timeout=DEADLINE_MS)
    assert desk.client.base_url != before
    desk.client.create(later)
    qtbot.waitUntil(lambda: len(feed.entries()) == 2, timeout=DEADLINE_MS)
    (entry,) = (entry for entry in feed.entries() if entry.workitem_uid == mine.uid)
    assert (entry.status, entry.holder_code) == (Status.MINE, desk.reader.code)
    assert [result.kind for result in desk.claims.heartbeat()] == [ClaimKind.WON]
    assert guard.address is not None
    assert guard.address.process is not None
    end_hub(tmp_path, signal.SIGTERM)
    guard.address.process.wait(10)


def test_it_looks_once_at_a_time_and_again_when_that_failed(
    desk: Desk, runner: TaskRunner, owner: QObject, qtbot: QtBot
) -> None:
    looked: list[Path] = []
    answer = HubAddress("http://127.0.0.1:9", "other")

    def find(folder: Path, _token: CancelToken) -> HubAddress:
        looked.append(folder)
        if len(looked) == 1:
            raise OSError("no")
        return answer

    feed = ListFeed(desk, lambda: 0.0, owner)
    guard = HubGuard(runner, desk.client, feed, Path("/data"), parent=owner, find=find)
    away = ChannelState(False, "the event channel was closed")
    feed.apply(away)
    feed.apply(away)
    qtbot.waitUntil(lambda: not guard._is_looking, timeout=DEADLINE_MS)
    assert looked == [Path("/data")]
    feed.apply(away)
    qtbot.waitUntil(lambda: desk.client.base_url == answer.url, timeout=DEADLINE_MS)
    assert desk.client.headers["Authorization"] == "Bearer other"
    feed.apply(ChannelState(True))
    assert len(looked) == 2
    assert guard.address is answer
