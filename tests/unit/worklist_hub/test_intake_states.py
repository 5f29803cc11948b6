"""What everybody is told of how asking the hospitals goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from pacs import errors
from worklist_hub.intake.gaps import Gap
from worklist_hub.intake.runner import SiteState
from worklist_hub.intake.states import ANSWERS, FIRST_POLL, LONG_POLL, SILENT, WAITING, IntakeStates, SiteIntake

START = datetime(2026, 1, 2, 2, 0, tzinfo=UTC)


@dataclass
class Night:
    """A clock and the states of one hospital."""

    now: datetime = START
    state: SiteState = field(default_factory=SiteState)

    def __post_init__(self) -> None:
        self.told = IntakeStates(lambda: self.now)
        self.told.follow(lambda: {"north": self.state}, ["north"])

    def later(self, by: timedelta, state: SiteState) -> SiteIntake:
        self.now, self.state = self.now + by, state
        (found,) = self.told.now()
        return found


def test_a_hospital_that_answers_is_current() -> None:
    night = Night()
    assert night.told.now() == (SiteIntake("north", WAITING, START),)
    polled = START + timedelta(seconds=3)
    assert night.later(timedelta(seconds=3), SiteState(polled_at=polled)) == SiteIntake(
        "north", ANSWERS, polled, polled
    )


def test_a_hospital_that_stops_answering_is_silent_since_its_last_answer_until_it_answers_again() -> None:
    night = Night()
    night.later(timedelta(), SiteState(polled_at=START))
    silent = night.later(timedelta(minutes=9), SiteState(3, "Unreachable", START))
    assert silent == SiteIntake("north", SILENT, START, START, "it cannot be reached")
    back = night.later(timedelta(minutes=1), SiteState(polled_at=night.now))
    assert (back.state, back.reason) == (ANSWERS, "")


def test_a_hospital_that_never_answered_is_silent_since_it_is_asked() -> None:
    failed = Night().later(timedelta(seconds=4), SiteState(1, "TimedOut"))
    assert failed == SiteIntake("north", SILENT, START, None, "it does not answer in time")


@pytest.mark.parametrize(("heard", "patience"), [(None, FIRST_POLL), (START, LONG_POLL)])
def test_a_poll_without_end_is_silence(heard: datetime | None, patience: timedelta) -> None:
    night = Night()
    assert night.later(patience, SiteState(polled_at=heard)).state in (WAITING, ANSWERS)
    assert night.later(timedelta(seconds=1), SiteState(polled_at=heard)).state == SILENT


def test_an_edited_configuration_does_not_forget_when_a_hospital_answered_last() -> None:
    night = Night()
    night.later(timedelta(), SiteState(polled_at=START))
    night.told.follow(lambda: {"north": SiteState(1, "Unreachable"), "west": SiteState()}, ["north", "west"])
    night.now += timedelta(seconds=5)
    north, west = night.told.now()
    assert (north.state, north.last_success) == (SILENT, START)
    assert (west.state, west.since) == (WAITING, START)
    night.told.follow(dict, [])
    assert night.told.now() == ()


def test_what_another_process_heard_before_this_one_began_is_no_silence_yet() -> None:
    night, yesterday = Night(), START - timedelta(days=1)
    assert night.later(timedelta(), SiteState(polled_at=yesterday)).state == WAITING
    silent = night.later(FIRST_POLL + timedelta(seconds=1), SiteState(polled_at=yesterday))
    assert (silent.state, silent.since) == (SILENT, yesterday)


def test_no_word_of_an_error_itself_is_published() -> None:
    kinds = [kind.__name__ for kind in errors.PacsError.__subclasses__()]
    for kind in [*kinds, "OperationalError", "Doe^Jane"]:
        found = Night().later(timedelta(), SiteState(1, kind))
        assert found.reason
        assert kind not in str(found.as_json())


def test_moments_are_told_in_utc() -> None:
    assert SiteIntake("north", SILENT, START, START, "why").as_json() == {
        "site_id": "north",
        "state": "silent",
        "since": "2026-01-02T02:00:00+00:00",
        "last_success": "2026-01-02T02:00:00+00:00",
        "reason": "why",
        "undated": "0",
        "gap_from": "",
        "gap_until": "",
        "gap_asked_from": "",
    }
    assert SiteIntake("north", WAITING, START).as_json()["last_success"] == ""


def test_studies_that_stay_off_the_list_without_a_date_are_counted_for_everybody() -> None:
    night = Night()
    told = night.later(timedelta(seconds=3), SiteState(polled_at=START, undated=4))
    assert told.as_json()["undated"] == "4"
    assert night.later(timedelta(seconds=3), SiteState(1, "Unreachable", START, 4)).undated == 4


def test_a_gap_is_told_until_the_next_one() -> None:
    gap = Gap(START - timedelta(days=40), START, START - timedelta(days=30))
    told = Night().later(timedelta(seconds=3), SiteState(polled_at=START, gap=gap)).as_json()
    assert (told["gap_from"], told["gap_until"]) == ("2025-11-23T02:00:00+00:00", "2026-01-02T02:00:00+00:00")
    assert told["gap_asked_from"] == "2025-12-03T02:00:00+00:00"
