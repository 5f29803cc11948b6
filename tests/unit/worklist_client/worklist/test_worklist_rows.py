"""From a workitem to a row, and how much time is left."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pacs.site import Site
from ups.codes import TWO_PATIENTS, Code, OtherId, Person
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.worklist.due import Due, DueLevel, Urgency, due_of, is_open, urgency_of
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.rows import entry_from_workitem

NORTH = Site("north", "North Hospital", "#336699", issuer_of_patient_id="NORTH-ISSUER")
SITES = {"north": NORTH}
ME = Person("r1", "Vries^Anna")
OTHER = Person("r2", "Jong^Bert")
NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)

WORKITEM = Workitem(
    uid="2.25.1",
    readiness="READY",
    patient_name="Jansen^Anna",
    patient_id="100",
    birth_date="19600312",
    sex="F",
    study_instance_uid="1.2.3",
    site_id="north",
    accession_number="A1",
    modalities=("CT", "SR"),
    study_date="20260301",
    study_time="031500",
    start="20260301020000+0000",
    due="20260301040000+0000",
    priority="HIGH",
    images=140,
)


def entry(**changes: Any) -> StudyEntry:
    return entry_from_workitem(replace(WORKITEM, **changes), me="r1", sites=SITES)


def claimed(person: Person, **changes: Any) -> StudyEntry:
    return entry(state=ProcedureStepState.IN_PROGRESS, holder=person, **changes)


def test_a_row_says_what_the_workitem_says() -> None:
    row = entry()
    assert row.entry_id == ("north", "1.2.3")
    assert (row.accession_number, row.modality, row.images, row.priority) == ("A1", "CT/SR", 140, "HIGH")
    assert row.patient == PatientIdentity(
        PatientKey("NORTH-ISSUER", "100"), "north", "Jansen^Anna", "19600312", "F", ""
    )


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"readiness": "INCOMPLETE"}, Status.INCOMING),
        ({}, Status.AVAILABLE),
        ({"reserved_for": OTHER}, Status.RESERVED),
        ({"reserved_for": OTHER, "readiness": "UNAVAILABLE"}, Status.INCOMING),
        ({"state": ProcedureStepState.IN_PROGRESS}, Status.CLAIMED),
        ({"state": ProcedureStepState.IN_PROGRESS, "holder": OTHER}, Status.CLAIMED),
        ({"state": ProcedureStepState.IN_PROGRESS, "holder": ME}, Status.MINE),
        ({"state": ProcedureStepState.IN_PROGRESS, "holder": ME, "progress_percent": 100.0}, Status.DELIVERING),
        ({"state": ProcedureStepState.COMPLETED, "holder": ME}, Status.REPORTED),
        ({"state": ProcedureStepState.CANCELED}, Status.CANCELED),
    ],
)
def test_status(changes: dict[str, Any], status: Status) -> None:
    assert entry(**changes).status is status


def test_images_that_still_arrive_are_said_of_a_claimed_study_too() -> None:
    claimed = {"state": ProcedureStepState.IN_PROGRESS, "holder": ME}
    assert entry(**claimed, readiness="INCOMPLETE").is_arriving
    assert not entry(**claimed).is_arriving
    assert not entry(readiness="UNAVAILABLE").is_arriving


def test_without_a_reader_nothing_is_mine() -> None:
    row = entry_from_workitem(
        replace(WORKITEM, state=ProcedureStepState.IN_PROGRESS, holder=Person("", "")), me="", sites=SITES
    )
    assert row.status is Status.CLAIMED


def test_the_tagged_issuer_wins_over_the_sites_own() -> None:
    assert entry(issuer_of_patient_id="OTHER").patient.key.issuer == "OTHER"


def test_of_an_unknown_site_no_issuer_is_guessed() -> None:
    row = entry_from_workitem(WORKITEM, me="r1", sites={})
    assert row.patient.key == PatientKey("", "100")


@pytest.mark.parametrize("issuer", ["NLMINBIZA", "2.16.840.1.113883.2.4.6.3"])
def test_the_national_id_is_the_other_id_of_its_issuer(issuer: str) -> None:
    row = entry(other_patient_ids=(OtherId("7", "LAB"), OtherId("111222333", issuer)))
    assert row.patient.national_id == "111222333"


def test_a_patient_id_issued_by_the_state_is_the_national_id() -> None:
    assert entry(issuer_of_patient_id="NLMINBIZA", patient_id="111222333").patient.national_id == "111222333"


def test_all_groups_of_a_name_are_kept() -> None:
    element = {"vr": "PN", "Value": [{"Alphabetic": "Yamada^Tarou", "Ideographic": "山田^太郎"}]}
    row = entry(patient_name="Yamada^Tarou", attributes={"00100010": element})
    assert row.patient.name == "Yamada^Tarou=山田^太郎"


def test_study_time_without_offset_is_the_hospitals_own() -> None:
    assert entry().study_datetime == datetime(2026, 3, 1, 2, 15, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "2026-03-01", "20261399", "noon"])
def test_a_wrong_date_does_not_hide_a_study(text: str) -> None:
    row = entry(due=text, study_date=text, study_time="")
    assert row.due is None
    assert row.study_datetime is None


def test_a_cancelled_row_says_why() -> None:
    code = Code("110510", "DCM", "Duplicate order")
    assert entry(state=ProcedureStepState.CANCELED, cancel_code=code).cancel_reason == "Duplicate order"
    assert entry(state=ProcedureStepState.CANCELED, cancel_code=code, cancel_reason="x").cancel_reason == "x"


def test_the_holder_and_for_whom_it_is_reserved_are_named() -> None:
    assert (claimed(OTHER).holder, claimed(OTHER).holder_code) == ("Jong^Bert", "r2")
    assert (entry(reserved_for=ME).reserved_for, entry(reserved_for=ME).reserved_for_code) == ("Vries^Anna", "r1")


# due


def test_half_of_the_time_is_used() -> None:
    assert due_of(entry(), NOW) == Due(3600.0, 0.5)


@pytest.mark.parametrize(("minutes", "level"), [(0, DueLevel.IN_TIME), (30, DueLevel.SOON), (61, DueLevel.LATE)])
def test_levels(minutes: int, level: DueLevel) -> None:
    due = due_of(entry(), NOW + timedelta(minutes=minutes))
    assert due is not None
    assert due.level is level


def test_without_a_due_time_there_is_nothing_to_count() -> None:
    assert due_of(entry(due=""), NOW) is None


@pytest.mark.parametrize("start", ["", "20260301040000+0000", "20260301050000+0000"])
def test_a_due_time_without_a_usable_start_still_counts_down(start: str) -> None:
    assert due_of(entry(start=start), NOW) == Due(3600.0, 0.0)
    late = due_of(entry(start=start), NOW + timedelta(hours=2))
    assert late is not None
    assert late.level is DueLevel.LATE


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"stat": True, "priority": "LOW"}, Urgency.STAT),
        ({"setting": "STROKE", "priority": "HIGH"}, Urgency.STROKE),
        ({"setting": "STROKE", "stat": True}, Urgency.STAT),
        ({"priority": "LOW"}, Urgency.LOW),
        ({"priority": ""}, Urgency.MEDIUM),
        ({"priority": "URGENT"}, Urgency.MEDIUM),
    ],
)
def test_urgency(changes: dict[str, Any], expected: Urgency) -> None:
    assert urgency_of(entry(**changes)) is expected


def test_a_report_on_its_way_is_not_open_any_more() -> None:
    assert is_open(claimed(ME))
    assert not is_open(claimed(ME, progress_percent=100.0))


def test_what_intake_noticed_reaches_the_row() -> None:
    made = entry(remarks=(TWO_PATIENTS, Code("ELSE", "99OTHER", "of another server")))
    assert made.remarks == ("TWO_PATIENTS",)
    assert made.has_two_patients
    assert not entry().has_two_patients


def test_a_study_that_may_be_read_elsewhere_says_so() -> None:
    assert entry(elsewhere=True).elsewhere
    assert not entry().elsewhere
