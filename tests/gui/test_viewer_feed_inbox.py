"""The inbox of the viewer: what nobody should wait for passes at once, everything else in batches."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from tests.peers.reading_doubles import header
from viewer.tasks import TaskRunner
from viewer.ui import feed_inbox
from viewer.ui.feed_inbox import Arrived, Completed, Expected, FeedInbox

STUDY = "1.2.1"


@pytest.fixture
def inbox(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FeedInbox, list[Any]]]:
    monkeypatch.setattr(feed_inbox, "INTERVAL_S", 30.0)  # whatever waits for the interval does not come in a test
    runner = TaskRunner()
    made = FeedInbox(runner)
    qtbot.addWidget(made)
    made._last_taken_s = time.monotonic()
    taken: list[Any] = []
    made.fed.connect(lambda items: taken.extend(items))
    yield made, taken
    made.stop_feeding()
    runner.shutdown()


def test_the_first_image_of_a_series_does_not_wait_for_the_interval(qtbot: QtBot, inbox: tuple[FeedInbox, Any]) -> None:
    feed, taken = inbox
    feed.expect(STUDY, "1", 2)
    feed.arrived([header(STUDY, "1", 1)])
    qtbot.waitUntil(lambda: len(taken) == 2)
    assert [type(item) for item in taken] == [Expected, Arrived]


def test_later_images_wait_until_the_news_that_the_series_is_complete(
    qtbot: QtBot, inbox: tuple[FeedInbox, Any]
) -> None:
    feed, taken = inbox
    feed.arrived([header(STUDY, "1", 1)])
    qtbot.waitUntil(lambda: len(taken) == 1)
    feed.arrived([header(STUDY, "1", 2)])
    qtbot.wait(20)
    assert len(taken) == 1
    feed.complete(STUDY, "1")
    qtbot.waitUntil(lambda: len(taken) == 3)
    assert isinstance(taken[-1], Completed)


def test_a_study_that_was_removed_and_comes_again_is_new_again(qtbot: QtBot, inbox: tuple[FeedInbox, Any]) -> None:
    feed, taken = inbox
    first = header(STUDY, "1", 1)
    feed.arrived([first])
    qtbot.waitUntil(lambda: len(taken) == 1)
    feed.discard(STUDY)
    feed.arrived([replace(first, sop_instance_uid="1.2")])
    qtbot.waitUntil(lambda: len(taken) == 2)
