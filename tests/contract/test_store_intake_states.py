"""How asking the hospitals goes is known to every hub process of a region, whichever asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worklist_hub.intake.gaps import Gap
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.store.intake_states import WRITTEN_EACH, Polled, StoredStates
from worklist_hub.store.workitems import WorkitemStore

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def stores(any_database: Path | str) -> Iterator[tuple[WorkitemStore, WorkitemStore]]:
    made = WorkitemStore(any_database), WorkitemStore(any_database)
    yield made
    for one in made:
        one.close()


def test_what_one_process_notes_another_reads(stores: tuple[WorkitemStore, WorkitemStore], clock: Clock) -> None:
    asking, other = StoredStates(stores[0], clock), StoredStates(stores[1], clock)
    asking.note("north", Polled(polled_at=NOW))
    asking.note("west", Polled(3, "Unreachable"))
    assert other.of(["west", "north", "south"]) == {
        "west": Polled(3, "Unreachable"),
        "north": Polled(polled_at=NOW),
        "south": Polled(),
    }


def test_a_process_that_takes_over_keeps_when_the_hospital_answered_last(
    stores: tuple[WorkitemStore, WorkitemStore], clock: Clock
) -> None:
    first, second = StoredStates(stores[0], clock), StoredStates(stores[1], clock)
    first.note("north", Polled(polled_at=NOW, undated=3))
    second.note("north", Polled(1, "TimedOut"))
    assert first.of(["north"]) == {"north": Polled(1, "TimedOut", NOW, 3)}


def test_a_process_that_takes_over_keeps_the_gap_that_another_found(
    stores: tuple[WorkitemStore, WorkitemStore], clock: Clock
) -> None:
    gap = Gap(NOW - timedelta(days=40), NOW, NOW - timedelta(days=30))
    StoredStates(stores[0], clock).note("north", Polled(polled_at=NOW, gap=gap))
    second = StoredStates(stores[1], clock)
    second.note("north", Polled(polled_at=NOW))
    assert second.of(["north"])["north"].gap == gap
    assert not gap.is_whole


def test_what_changes_is_noted_at_once_and_what_goes_on_now_and_then(
    stores: tuple[WorkitemStore, WorkitemStore], clock: Clock
) -> None:
    states = StoredStates(stores[0], clock)

    def noted(failures: int) -> Polled:
        clock.now += timedelta(seconds=1)
        states.note("north", Polled(failures, "Unreachable") if failures else Polled(polled_at=clock.now))
        return states.of(["north"])["north"]

    first = noted(0)
    assert noted(0) == first
    assert noted(1).failures == 1
    assert noted(2).failures == 1
    back = noted(0)
    assert (back.failures, back.polled_at) == (0, clock.now)
    clock.now += WRITTEN_EACH
    assert noted(0).polled_at == clock.now


def test_a_database_that_is_away_stops_no_poll(
    stores: tuple[WorkitemStore, WorkitemStore],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(_job: object) -> int:
        raise StoreUnavailable("nobody listens")

    states = StoredStates(stores[0], clock)
    monkeypatch.setattr(stores[0], "change", away)
    states.note("north", Polled(1, "Unreachable"))
    assert "intake state not written" in caplog.text
