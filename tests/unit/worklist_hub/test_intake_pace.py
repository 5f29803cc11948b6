"""How often a hospital is asked: by its interval, less and less while it is away, never all at once."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

import pytest

from pacs.port import Pacs
from pacs.site import DicomwebConnection, Site
from worklist_hub.intake.pace import Pace
from worklist_hub.intake.rules import READ_ALL_IMAGES
from worklist_hub.intake.runner import Intake

PACE = Pace(10.0)


def test_polls_begin_an_interval_apart_however_long_they_take() -> None:
    middle = lambda: 0.5  # noqa: E731 - a dice that always falls the same
    assert PACE.pause_s(0, 0.0, middle) == pytest.approx(10.0)
    assert PACE.pause_s(0, 4.0, middle) == pytest.approx(6.0)
    assert PACE.pause_s(0, 60.0, middle) == pytest.approx(1.0), "never without a pause"


def test_polls_of_many_hospitals_spread() -> None:
    chance = random.Random(1).random
    pauses = [PACE.pause_s(0, 0.0, chance) for _ in range(100)]
    assert min(pauses) < 9.2
    assert max(pauses) > 10.8
    assert all(9.0 <= pause <= 11.0 for pause in pauses)


def test_a_hospital_that_is_away_is_asked_less_and_less_up_to_the_cap() -> None:
    longest = [PACE.pause_s(failures, 0.0, lambda: 1.0) for failures in range(1, 40)]
    assert longest[:3] == [20.0, 40.0, 80.0]
    assert set(longest[3:]) == {120.0}
    shortest = [PACE.pause_s(failures, 0.0, lambda: 0.0) for failures in range(1, 40)]
    assert shortest == [one / 2 for one in longest]
    assert replace(PACE, poll_s=600.0).pause_s(1, 0.0, lambda: 1.0) == 600.0, "never sooner than when all is well"


def test_the_random_source_and_the_clock_are_the_callers() -> None:
    asked, waited = threading.Event(), []

    def chance() -> float:
        waited.append(True)
        asked.set()
        return 0.0

    def away(_site: Site) -> Pacs:
        raise OSError("no network at all")

    site = Site("a", "A", "#000000", connections=(DicomwebConnection("a", "http://127.0.0.1:1"),))
    intake = Intake(
        _NoFeed(),  # type: ignore[arg-type]
        [site],
        READ_ALL_IMAGES,
        opened=away,
        poll_s=0.01,
        chance=chance,
        monotonic=iter(range(100_000)).__next__,
    )
    intake.start()
    try:
        assert asked.wait(10)
    finally:
        intake.stop()
    assert intake.states()["a"].failures >= 1
    assert intake.states()["a"].error == "OSError"


class _NoFeed:
    """Is never reached: the hospital cannot be opened."""


def test_in_a_rush_the_next_poll_comes_sooner_and_only_whole_intervals_count() -> None:
    middle = 0.5
    pauses = [PACE.pause_s(0, 0.2, lambda: middle, new) for new in (0, 20, 40, 100, 10_000)]
    assert pauses == pytest.approx([9.8, 9.8, 4.8, 1.8, 1.0])
    assert PACE.is_whole(9.1)
    assert not PACE.is_whole(8.9)
