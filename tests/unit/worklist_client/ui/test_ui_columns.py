"""What the cells say, without a window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.settings.language import Translator
from worklist_client.ui import worklist_columns as columns
from worklist_client.ui.timeline import Timeline, TimelineState, TimelineStudy
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.query import ORDERS

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
CONTEXT = columns.RowContext(
    Translator("en"), NOW, lambda site_id: site_id.title(), lambda _entry: "3+", lambda: "900001"
)


def entry(**changes: Any) -> StudyEntry:
    patient = PatientIdentity(PatientKey("NORTH", "P1"), "north", "Evans-West^Mary Jane", "19580312", "F")
    made = StudyEntry("2.25.1", "north", "1.2.3", patient, Status.AVAILABLE, "SCHEDULED", study_datetime=NOW)
    return replace(made, **changes)


def said(**patient: str) -> StudyEntry:
    made = entry()
    return replace(made, patient=replace(made.patient, **patient))


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(days=1, hours=3, minutes=5), "1 d 3 h"),
        (timedelta(hours=2, minutes=5, seconds=59), "2:05"),
        (timedelta(minutes=10), "0:10"),
        (timedelta(minutes=9, seconds=7), "9 min 07 s"),
        (timedelta(seconds=0), "0 min 00 s"),
        (timedelta(minutes=-3, seconds=-30), "3 min late"),
        (timedelta(hours=-1, minutes=-12), "1:12 late"),
    ],
)
def test_the_due_time_counts_down(left: timedelta, expected: str) -> None:
    assert columns.due_text(entry(due=NOW + left), CONTEXT) == expected


def test_two_patients_under_one_study_are_seen_in_its_row_until_it_is_over() -> None:
    mixed = entry(remarks=("TWO_PATIENTS", "SOMETHING_NEWER"))
    assert columns.status_text(mixed, CONTEXT) == "Two patients!"
    assert columns.status_tone(mixed, CONTEXT) == "state.danger"
    assert columns.remark_texts(mixed, CONTEXT) == ("the hospital keeps images of two patients under this study",)
    preliminary = entry(remarks=("REPORT_NOT_FINAL",))
    assert columns.status_text(preliminary, CONTEXT) == "Available"
    assert columns.remark_texts(preliminary, CONTEXT)[0].endswith("not final, or does not say so")
    over = replace(mixed, status=Status.CANCELED)
    assert columns.status_text(over, CONTEXT) == "Withdrawn"
    assert columns.status_tone(over, CONTEXT) == columns.STATUS_TONES[Status.CANCELED]


def test_an_order_of_another_patient_is_seen_in_the_row_of_the_study_until_it_is_over() -> None:
    doubtful = entry(remarks=("ORDER_OF_ANOTHER",))
    assert columns.status_text(doubtful, CONTEXT) == "Wrong order?"
    assert columns.status_tone(doubtful, CONTEXT) == "state.danger"
    assert columns.remark_texts(doubtful, CONTEXT) == ("the order under its accession number names another patient",)
    over = replace(doubtful, status=Status.CANCELED)
    assert columns.status_text(over, CONTEXT) == "Withdrawn"


@pytest.mark.parametrize("status", [Status.REPORTED, Status.DELIVERING, Status.CANCELED])
def test_what_is_reported_has_no_due_time(status: Status) -> None:
    assert columns.due_text(entry(due=NOW, status=status), CONTEXT) == ""


def test_the_due_time_changes_its_tone_when_three_quarters_are_used() -> None:
    def tone(left: timedelta) -> str:
        return columns.due_tone(entry(started=NOW + left - timedelta(hours=1), due=NOW + left), CONTEXT)

    assert tone(timedelta(minutes=16)) == "text.primary"
    assert tone(timedelta(minutes=15)) == "state.attention"
    assert tone(timedelta(seconds=-1)) == "state.danger"


@pytest.mark.parametrize(
    ("age", "birth_date", "expected"),
    [
        ("064Y", "19580312", "64 y"),
        ("003M", "", "3 m"),
        ("010D", "", "10 d"),
        ("", "19580312", "67 y"),
        ("", "20251220", "2 m"),
        ("", "20260228", "2 d"),
        ("", "", ""),
        ("", "1958XX12", ""),
        ("64", "", ""),
    ],
)
def test_age_is_that_of_the_study(age: str, birth_date: str, expected: str) -> None:
    assert columns.age_text(replace(said(birth_date=birth_date), patient_age=age), CONTEXT) == expected


def test_a_patient_without_a_name_is_shown_by_number() -> None:
    assert columns.patient_name(said(name=""), CONTEXT) == "P1"


def test_a_reserved_study_names_the_person_before_the_expertise() -> None:
    assert columns.for_whom(entry(expertise_text="Neuro"), CONTEXT) == "Neuro"
    assert columns.for_whom(entry(expertise_text="Neuro", reserved_for="Smit^Anna"), CONTEXT) == "SMIT, Anna"
    mine = entry(expertise_text="Neuro", reserved_for="Vries^Sanne", reserved_for_code="900001")
    assert columns.for_whom(mine, CONTEXT) == "You"


def test_my_own_claim_says_you() -> None:
    assert columns.holder_text(entry(status=Status.MINE, holder="Vries^Anna"), CONTEXT) == "You"
    assert columns.holder_text(entry(status=Status.CLAIMED, holder="Bakker^Joost"), CONTEXT) == "BAKKER, Joost"


def test_stat_stands_above_high() -> None:
    assert columns.urgency(entry(priority="HIGH"), CONTEXT) == "High"
    assert columns.urgency(entry(priority="HIGH", stat=True), CONTEXT) == "STAT"


@pytest.mark.parametrize("status", list(Status))
def test_every_status_has_words_and_a_tone(status: Status) -> None:
    assert columns.status_text(entry(status=status), CONTEXT)
    assert columns.STATUS_TONES[status]


def test_every_column_but_priors_has_an_order() -> None:
    assert {column.column_id for column in columns.COLUMNS} - set(ORDERS) == {"priors"}


def test_spare_room_goes_to_columns_by_weight_and_never_shrinks_one() -> None:
    least = columns.column_widths(0)
    wide = columns.column_widths(1920)
    assert sum(least) <= 1250
    assert all(after >= before for before, after in zip(least, wide, strict=True))
    assert 1900 < sum(wide) <= 1920


def test_priors_are_counted_without_the_study_itself_and_without_conflicts() -> None:
    studies = (
        TimelineStudy("north", "20260302", "CT", "", "same", is_current=True),
        TimelineStudy("north", "20250101", "CT", "", "same"),
        TimelineStudy("west", "20240101", "CT", "", "probable"),
        TimelineStudy("west", "20230101", "CT", "", "conflict"),
    )
    assert Timeline(TimelineState.COMPLETE, studies).priors == 2


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (NOW, "03:00"),
        (NOW + timedelta(minutes=20), "03:20"),
        (NOW - timedelta(hours=4), "Sun 23:00"),
        (NOW - timedelta(days=6), "Tue 03:00"),
        (NOW - timedelta(days=7), "2026-02-23"),
        (NOW + timedelta(days=1), "2026-03-03"),
        (NOW.astimezone(timezone(timedelta(hours=-5))), "22:00"),
        (None, ""),
    ],
)
def test_the_list_says_when_a_study_was_made(made: datetime | None, expected: str) -> None:
    """Two studies of one patient and one name could not be told apart, and the age of a waiting study not be seen."""
    column = columns.COLUMNS[columns.COLUMN_INDEX["study_datetime"]]
    row = entry(study_datetime=made)
    assert column.text(row, CONTEXT) == expected
    assert column.hint is not None
    assert column.hint(row, CONTEXT) == (f"{made:%Y-%m-%d %H:%M}" if made else "")


def test_the_holder_has_room_for_a_whole_name_in_the_window_as_it_opens() -> None:
    """It said "VRIES, S…" of two readers with that name, beside columns with room to spare."""
    as_it_opens = columns.column_widths(1249)  # of 1280, without frame, margins and scroll bar
    assert as_it_opens[columns.COLUMN_INDEX["holder"]] >= 132  # VRIES, Sanne (de)
    assert as_it_opens[columns.COLUMN_INDEX["status"]] >= 124  # In beoordeling


def test_a_study_of_mine_at_another_desk_says_so() -> None:
    mine = entry(status=Status.MINE, holder="Vries^Anna")
    assert columns.holder_text(mine, CONTEXT) == "You"
    assert columns.holder_text(mine, replace(CONTEXT, is_here=lambda _uid: False)) == "You, other desk"


def test_no_least_width_is_wider_than_a_small_screen_and_the_body_part_waits_for_room() -> None:
    small, wide = columns.column_widths(1234), columns.column_widths(1400)
    body_part = columns.COLUMN_INDEX["body_part"]
    assert sum(small) <= 1234
    assert (small[body_part], wide[body_part] >= 80) == (0, True)
    assert small[columns.COLUMN_INDEX["site"]] >= 190
