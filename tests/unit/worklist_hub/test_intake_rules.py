"""Rules of intake: first match wins, calendars and due times decide by the hospital's clock, errors are precise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pacs.site import Site
from worklist_hub.intake.rules import READ_ALL_IMAGES, Rule, RuleBook, StudyFacts, rulebook_from, rules_from
from worklist_hub.intake.tables import RuleError

NORTH = Site("north", "North", "#000000", time_zone="Europe/Amsterdam")
CT = StudyFacts("north", ("CT", "SR"), station="CT-ER-1", description="CT hersenen trauma")
NOON = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)
"""A Wednesday; one hour later in Amsterdam."""
CALENDARS = [
    {"name": "office", "days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "17:00"},
    {"name": "night", "from": "17:00", "to": "08:00"},
    {"name": "off", "days": ["sat", "sun"]},
    {"name": "off", "dates": ["2026-12-25"]},
    {"name": "off", "site": "south", "dates": ["2026-11-25"]},
]


def book(*rules: dict[str, Any], **more: Any) -> RuleBook:
    return rulebook_from({"rule": rules, "calendar": CALENDARS, **more}, frozenset(("north", "south")))


def amsterdam(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Amsterdam"))


def decides(made: RuleBook, facts: StudyFacts = CT, at: datetime = NOON) -> Rule | None:
    return made.rule_for(facts, at, NORTH)


def test_the_first_rule_that_matches_decides() -> None:
    made = book(
        {"modality": "MR", "expertise": "mr"},
        {"modality": "CT", "station": "ER", "expertise": "trauma", "priority": "HIGH"},
        {"expertise": "general"},
    )
    assert decides(made) is made.rules[1]
    assert decides(made, StudyFacts("north", ("US",))) is made.rules[2]


def test_a_modality_matches_as_a_whole_and_a_description_anywhere() -> None:
    assert decides(book({"modality": "C"})) is None
    assert decides(book({"modality": "CR|CT"})) is not None
    assert decides(book({"description": "TRAUMA"})) is not None
    assert decides(book({"site": "nor"})) is None


def test_a_study_of_documents_alone_is_nothing_to_read() -> None:
    assert decides(READ_ALL_IMAGES, StudyFacts("north", ("SR", "KO", "PR"))) is None
    assert decides(READ_ALL_IMAGES, StudyFacts("north", ("CT", "SR"))) is READ_ALL_IMAGES.rules[0]


def test_without_rules_every_study_with_images_is_read() -> None:
    assert rules_from([]) == READ_ALL_IMAGES.rules
    assert rulebook_from({}) == READ_ALL_IMAGES


@pytest.mark.parametrize(
    ("moment", "expertise"),
    [
        ("2026-11-25T16:59", "DAY"),
        ("2026-11-25T17:00", "NIGHT"),
        ("2026-11-26T07:59", "NIGHT"),
        ("2026-11-26T08:00", "DAY"),
        ("2026-11-28T12:00", "NIGHT"),  # a Saturday
        ("2026-12-25T12:00", "NIGHT"),  # a holiday on a Friday
    ],
)
def test_rules_follow_the_hours_of_the_hospital(moment: str, expertise: str) -> None:
    made = book({"when": ["night", "off"], "expertise": "NIGHT"}, {"expertise": "DAY"})
    found = decides(made, at=amsterdam(moment))
    assert found is not None
    assert found.expertise == expertise
    turned = book({"when": ["office"], "unless": ["off"], "expertise": "DAY"}, {"expertise": "NIGHT"})
    found = decides(turned, at=amsterdam(moment))
    assert found is not None
    assert found.expertise == expertise


def test_a_calendar_of_another_hospital_says_nothing_here() -> None:
    assert decides(book({"when": ["off"]})) is None
    south = Site("south", "South", "#000000")
    assert book({"when": ["off"]}).rule_for(CT, NOON, south) is not None


@pytest.mark.parametrize(
    ("rule", "minutes"),
    [
        ({"due_min": 7, "setting": "STAT"}, 7),
        ({"setting": "STROKE"}, 20),
        ({"stat": True}, 15),
        ({"setting": "ROUTINE", "priority": "HIGH"}, 60),
        ({"priority": "LOW"}, 4320),
        ({}, 0),
    ],
)
def test_a_due_time_comes_from_the_rule_then_the_setting_then_the_priority(rule: dict[str, Any], minutes: int) -> None:
    due = {"stat": 30, "stroke": 20, "high": 60, "low": 4320, "north": {"stat": 15}, "south": {"stroke": 5}}
    made = book(rule, due=due)
    at = made.due_at(made.rules[0], NOON, NORTH)
    assert (int((at - NOON).total_seconds() / 60) if at else 0) == minutes


@pytest.mark.parametrize(
    ("arrived", "due"),
    [
        ("2026-11-25T09:00", "2026-11-25T13:00"),
        ("2026-11-25T15:00", "2026-11-26T10:00"),
        ("2026-11-25T22:00", "2026-11-26T12:00"),
        ("2026-11-27T16:00", "2026-11-30T11:00"),  # over the weekend
        ("2026-11-28T10:00", "2026-11-30T12:00"),
    ],
)
def test_minutes_may_count_within_office_hours_alone(arrived: str, due: str) -> None:
    made = book({"due_min": 240, "due_within": "office"})
    assert made.due_at(made.rules[0], amsterdam(arrived), NORTH) == amsterdam(due)


def test_hours_are_those_of_the_clock_on_the_wall_also_when_it_is_set() -> None:
    """On 25 October 2026 the clocks go back at 3:00: the night has an hour more."""
    made = book({"due_min": 15 * 60 + 30, "due_within": "night"})
    at = made.due_at(made.rules[0], amsterdam("2026-10-24T17:00"), NORTH)
    assert at is not None
    assert at == amsterdam("2026-10-25T07:30")


def test_a_calendar_that_never_opens_does_not_hide_the_due_time() -> None:
    calendar = [{"name": "never", "dates": []}]
    made = rulebook_from({"rule": [{"due_min": 60, "due_within": "never"}], "calendar": calendar})
    object.__setattr__(made.calendars.periods[0], "days", ())
    due = made.due_at(made.rules[0], NOON, NORTH)
    assert due is not None
    assert (due - NOON).total_seconds() == 3600


def test_a_setting_makes_it_urgent_unless_the_rule_says_otherwise() -> None:
    assert Rule(setting="STROKE").whole_priority == "HIGH"
    assert Rule(stat=True).whole_priority == "HIGH"
    assert Rule(setting="STROKE", priority="MEDIUM").whole_priority == "MEDIUM"
    assert Rule(setting="ROUTINE").whole_priority == "MEDIUM"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"modalty": "CT"}, r"number 2: modalty is unknown; allowed are site"),
        ({"modality": "("}, r"number 2: modality is no regular expression"),
        ({"read": "yes"}, r"number 2: read must be true or false"),
        ({"due_min": True}, r"number 2: due_min must be a whole number"),
        ({"due_min": -1}, r"number 2: due_min must not be negative"),
        ({"priority": "URGENT"}, r"number 2: priority must be one of HIGH"),
        ({"setting": "SOON"}, r"number 2: setting must be one of STAT, STROKE, ROUTINE"),
        ({"setting": "ROUTINE", "stat": True}, r"number 2: stat = true and setting = 'ROUTINE' contradict"),
        ({"when": "night"}, r"number 2: when must be a list"),
        ({"unless": ["nite"]}, r"number 2: the calendar 'nite' is unknown; there is night, off, office"),
        ({"due_within": "nite"}, r"number 2: the calendar 'nite' is unknown"),
        ({"elsewhere": 1}, r"number 2: elsewhere must be true or false"),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_allowed(table: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        book({"read": False}, table)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"calendar": [{"days": ["mon"]}]}, r"\[\[calendar\]\] number 1: name is missing"),
        ({"calendar": [{"name": "a", "hours": "8-17"}]}, r"number 1: hours is unknown; allowed are name, site"),
        ({"calendar": [{"name": "a", "days": ["monday"]}]}, r"days may hold mon, tue"),
        ({"calendar": [{"name": "a", "from": "8"}]}, r'from must be a time of day like "17:00"'),
        ({"calendar": [{"name": "a", "to": "25:00"}]}, r"to must be a time of day"),
        ({"calendar": [{"name": "a", "dates": ["25-12-2026"]}]}, r'dates must be written like "2026-12-25"'),
        ({"calendar": [{"name": "a", "site": "est"}]}, r"site 'est' is none of the \[\[site\]\] tables"),
        ({"due": {"urgent": 5}}, r"\[due\] urgent is unknown; allowed are stat, stroke, routine, high"),
        ({"due": {"stat": 0}}, r"\[due\] stat must be a whole number of minutes above 0"),
        ({"due": {"est": {"stat": 5}}}, r"\[due.est\]: 'est' is none of the \[\[site\]\] tables"),
        ({"due": {"north": {"stat": "5"}}}, r"\[due.north\] stat must be a whole number"),
    ],
)
def test_a_wrong_calendar_or_due_time_is_named_too(data: dict[str, Any], message: str) -> None:
    with pytest.raises(RuleError, match=message):
        rulebook_from(data, frozenset(("north",)))
