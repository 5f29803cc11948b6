"""From when on silence counts, and the moments by which it is measured, whatever the clock is set to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worklist_hub.store.clock import CATCHING_UP, ONE_TICK, OneWay
from worklist_hub.workitem.hearing import Hearing

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Time:
    """A clock that can be set, and time that passes."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.wrong = timedelta()

    def __call__(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.passed) + self.wrong


@pytest.fixture
def time() -> Time:
    return Time()


def test_silence_counts_from_the_start_while_nothing_happens(time: Time) -> None:
    hearing = Hearing(time)
    for _ in range(1000):
        assert hearing.tick(time.now()) == NOON
        time.passed += 5


@pytest.mark.parametrize(
    ("passed", "wrong"),
    [(960, 0), (5, 16 * 60), (5, -16 * 60), (31, 0)],
    ids=["database away", "suspended or set forward", "set back", "just too long"],
)
def test_silence_counts_anew_after_nobody_could_be_heard(time: Time, passed: float, wrong: float) -> None:
    hearing = Hearing(time)
    hearing.tick(time.now())
    time.passed += passed
    time.wrong += timedelta(seconds=wrong)
    again = time.now()
    assert hearing.tick(again) == again
    time.passed += 5
    assert hearing.tick(time.now()) == again


def test_moments_are_those_of_the_clock_and_never_the_same_twice(time: Time) -> None:
    moments = OneWay(NOON - timedelta(days=1), time)
    assert moments.after(NOON) == NOON
    assert moments.after(NOON) == NOON + ONE_TICK


def test_time_goes_on_after_a_clock_that_was_ahead_is_set_back(time: Time) -> None:
    moments = OneWay(NOON, time)
    time.wrong = timedelta(hours=8)
    ahead = moments.after(time.now())
    time.wrong = timedelta()
    time.passed += 3600
    later = moments.after(time.now())
    assert later - ahead == timedelta(seconds=3600 * CATCHING_UP)
    for _ in range(100):
        time.passed += 3600
        before, later = later, moments.after(time.now())
        assert later > before
    assert later == time.now()
