"""A hospital or a hub that was away for longer than the lookback loses no study that was made meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pacs.errors import Refused, Unreachable
from pacs.port import StudyAnswer, StudyQuery
from pacs.site import DicomwebConnection, Site
from ups.identifiers import random_uid
from worklist_hub.intake.gaps import CATCH_UP, Past, asked_from, date_ranges
from worklist_hub.intake.poller import SiteState
from worklist_hub.intake.rules import READ_ALL_IMAGES
from worklist_hub.intake.runner import Intake
from worklist_hub.store.feeding import Feed
from worklist_hub.store.intake_states import StoredStates
from worklist_hub.store.workitems import WorkitemStore

FRIDAY = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
NORTH = Site(
    "north", "North", "#cc0000", "Europe/Amsterdam", connections=(DicomwebConnection("web", "http://127.0.0.1:1/"),)
)


class Dated:
    """A PACS that keeps to the dates it is asked for."""

    def __init__(self) -> None:
        self.studies: list[StudyAnswer] = []
        self.away, self.refused = False, False
        self.asked: list[str] = []

    def made(self, at: datetime, number_of_instances: int | None = 5) -> str:
        uid, count = random_uid(), number_of_instances
        self.studies.append(
            StudyAnswer(
                uid, study_date=f"{at:%Y%m%d}", study_time=f"{at:%H%M%S}", modalities=("CT",), number_of_instances=count
            )
        )
        return uid

    def search_for_studies(self, query: StudyQuery, _cancelled: Callable[[], bool]) -> list[StudyAnswer]:
        if self.away:
            raise Unreachable("away")
        self.asked += [query.study_date] if query.study_date else []
        first, _, last = query.study_date.partition("-")
        return [
            one
            for one in self.studies
            if query.study_instance_uid in ("", one.study_instance_uid)
            and first <= one.study_date <= (last or "99999999")
        ]

    def search_for_series(self, *_asked: Any) -> list[Any]:
        if self.refused:
            raise Refused("busy")
        return []


class Region:
    """One hospital and its hub, which can be started anew; no thread runs."""

    def __init__(self, database: Path | str) -> None:
        self.now, self.pacs, self.told = FRIDAY, Dated(), list[SiteState]()
        self.store = WorkitemStore(database)
        self.start()

    def start(self, catch_up: timedelta = CATCH_UP) -> None:
        states = StoredStates(self.store, lambda: self.now)

        def told(site_id: str, state: SiteState) -> None:
            self.told.append(state)
            states.note(site_id, state)

        self._intake = Intake(
            Feed(self.store),
            (NORTH,),
            READ_ALL_IMAGES,
            opened=lambda _site: self.pacs,  # type: ignore[arg-type,return-value]
            clock=lambda: self.now,
            monotonic=lambda: self.now.timestamp(),
            told=told,
            past=Past(states.heard_at, catch_up),
        )

    def polled(self, at: datetime) -> set[str]:
        """What is on the list after a poll at this moment."""
        self.now = at
        self._intake._polled(self._intake._pollers[0])
        return {item.study_instance_uid for item in self.store.open_workitems("north")}


@pytest.fixture
def region(any_database: Path | str) -> Iterator[Region]:
    made = Region(any_database)
    yield made
    made.store.close()


def test_a_study_made_while_the_line_was_down_for_a_weekend_comes_on_the_list(region: Region) -> None:
    region.polled(FRIDAY)
    region.pacs.away = True
    late = region.pacs.made(FRIDAY + timedelta(hours=1))
    assert region.polled(FRIDAY + timedelta(hours=2)) == set()
    region.pacs.away = False
    assert region.polled(MONDAY) == {late}
    gap = region.told[-1].gap
    assert gap is not None
    assert (gap.heard_at, gap.until, gap.is_whole) == (FRIDAY, MONDAY, True)


def test_a_study_made_while_the_hub_was_off_for_a_weekend_comes_on_the_list(region: Region) -> None:
    old = region.pacs.made(FRIDAY - timedelta(days=4))
    region.polled(FRIDAY)
    late = region.pacs.made(FRIDAY + timedelta(hours=1))
    region.start()
    assert region.polled(MONDAY) == {late}, "and not what was too old on Friday"
    assert old not in region.polled(MONDAY + timedelta(seconds=10))


def test_another_process_that_takes_over_knows_when_the_hospital_was_heard(region: Region) -> None:
    region.polled(FRIDAY)
    region.start()
    region.pacs.asked.clear()
    region.polled(FRIDAY + timedelta(hours=1))
    assert region.pacs.asked == ["20261118-"]
    assert region.told[-1].gap is None, "an hour is less than the lookback"


def test_what_is_asked_for_again_is_what_it_was_when_the_gap_is_closed(region: Region) -> None:
    region.polled(FRIDAY)
    region.polled(MONDAY)
    region.pacs.asked.clear()
    region.polled(MONDAY + timedelta(seconds=10))
    assert region.pacs.asked == ["20261121-"]
    assert region.told[-1].gap == region.told[-2].gap, "it stays told"


def test_a_poll_that_fails_in_the_gap_closes_nothing(region: Region) -> None:
    region.polled(FRIDAY)
    late = region.pacs.made(FRIDAY + timedelta(hours=1))
    region.pacs.away = True
    region.polled(MONDAY)
    region.pacs.away = False
    assert region.polled(MONDAY + timedelta(minutes=2)) == {late}


def test_a_gap_is_asked_for_no_further_back_than_it_may_be_and_that_is_said(
    region: Region, caplog: pytest.LogCaptureFixture
) -> None:
    region.polled(FRIDAY)
    lost, found = region.pacs.made(FRIDAY + timedelta(days=1)), region.pacs.made(FRIDAY + timedelta(days=25))
    region.start(timedelta(days=10))
    assert region.polled(FRIDAY + timedelta(days=30)) == {found}
    gap = region.told[-1].gap
    assert gap is not None
    assert not gap.is_whole
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert said == [
        "studies of a gap are not asked for, it is longer than catch_up_days: site=north"
        " from=2026-11-20T18:00:00+00:00 until=2026-12-10T18:00:00+00:00"
    ]
    assert lost not in region.polled(FRIDAY + timedelta(days=30, seconds=10))


def test_a_study_of_the_gap_that_cannot_be_judged_is_asked_for_again(region: Region) -> None:
    region.polled(FRIDAY)
    late = region.pacs.made(FRIDAY + timedelta(hours=1), number_of_instances=None)
    region.pacs.refused = True
    assert region.polled(MONDAY) == set()
    region.pacs.refused = False
    assert region.polled(MONDAY + timedelta(seconds=10)) == {late}


def test_a_first_start_asks_for_the_lookback(region: Region) -> None:
    region.polled(FRIDAY)
    assert region.pacs.asked == ["20261118-"]
    assert region.told[-1].gap is None


def test_a_long_gap_is_asked_for_a_lookback_at_a_time() -> None:
    first = asked_from(NORTH, MONDAY, FRIDAY)
    assert first == FRIDAY - timedelta(hours=48)
    assert date_ranges(NORTH, MONDAY, first) == ("20261118-20261119", "20261120-20261120", "20261121-")


@pytest.mark.parametrize(
    ("heard_at", "lookback_h", "expected"),
    [
        (MONDAY + timedelta(days=400), 48.0, MONDAY - timedelta(hours=48)),
        (MONDAY - timedelta(days=400), 48.0, MONDAY - CATCH_UP),
        (MONDAY - timedelta(days=400), 24.0 * 90, MONDAY - timedelta(days=90)),
        (None, 48.0, MONDAY - timedelta(hours=48)),
    ],
)
def test_a_clock_that_ran_ahead_and_a_hospital_that_was_away_for_a_year_are_bounded(
    heard_at: datetime | None, lookback_h: float, expected: datetime
) -> None:
    assert asked_from(replace(NORTH, lookback_h=lookback_h), MONDAY, heard_at) == expected
