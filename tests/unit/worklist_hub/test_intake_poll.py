"""What intake decides after a poll."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pacs.port import StudyAnswer
from pacs.site import Site
from ups import dicom_json as dj
from ups.codes import NOT_CHECKED, TWO_PATIENTS, Code, OtherId
from ups.identifiers import workitem_uid
from ups.states import ProcedureStepState
from ups.workitem import Workitem
from worklist_hub.intake.corrections import age_at
from worklist_hub.intake.poll import (
    REPORTED,
    REPORTED_CODE,
    VANISHED,
    Found,
    Memory,
    Plan,
    is_recent,
    one_answer,
    plan,
    study_date_range,
)
from worklist_hub.intake.rules import READ_ALL_IMAGES, Rule, RuleBook

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
SITE = Site("north", "North", "#cc0000", issuer_of_patient_id="NORTH")


def study(uid: str = "1.2.3", **changes: Any) -> StudyAnswer:
    answer = StudyAnswer(
        uid,
        patient_name="Jánssen^Zoë",
        patient_id="P1",
        patient_birth_date="19600102",
        study_date="20261121",
        study_time="210000",
        study_description="CT head",
        modalities=("CT",),
        number_of_instances=100,
    )
    return replace(answer, **changes)


def found(uid: str = "1.2.3", count: int = 100, has_report: bool = False, **changes: Any) -> Found:
    return Found(study(uid, **changes), count, has_report)


def decide(
    items: list[Found],
    known: list[Workitem] | None = None,
    memory: Memory | None = None,
    rules: tuple[Rule, ...] = READ_ALL_IMAGES.rules,
) -> Plan:
    return plan(SITE, items, known or [], memory or Memory(), RuleBook(rules), NOW)


def as_listed(decided: Plan, **changes: Any) -> list[Workitem]:
    """As the store gives them back."""
    return [Workitem.from_json(replace(item, **changes).to_json()) for item in decided.create]


def test_a_study_becomes_one_incomplete_workitem_with_everything_known() -> None:
    rules = (Rule(expertise="neuro", expertise_text="Neuroradiology", priority="HIGH", stat=True, due_min=30),)
    [item] = decide([found(accession_number="A1")], rules=rules).create
    assert item.uid == workitem_uid("north", "1.2.3")
    assert (item.readiness, item.priority, item.stat, item.images) == ("INCOMPLETE", "HIGH", True, 100)
    assert (item.site_id, item.site_name, item.issuer_of_patient_id) == ("north", "North", "NORTH")
    assert (item.expertise, item.expertise_text) == ("neuro", "Neuroradiology")
    assert item.due.startswith("20261121223000")
    assert (item.accession_number, item.age) == ("A1", "066Y")
    again = Workitem.from_json(item.to_json())
    assert again.study_instance_uid == "1.2.3"


def test_two_studies_without_accession_numbers_get_two_workitems() -> None:
    made = decide([found("1.2.3"), found("1.2.4")]).create
    assert len({item.uid for item in made}) == 2


def test_the_same_study_uid_at_two_sites_gives_two_workitems() -> None:
    other = plan(replace(SITE, site_id="south"), [found()], [], Memory(), READ_ALL_IMAGES, NOW)
    assert decide([found()]).create[0].uid != other.create[0].uid


def test_a_study_with_a_report_is_not_put_on_the_list() -> None:
    assert decide([found(has_report=True)]).create == ()


def test_a_rule_that_says_no_is_obeyed() -> None:
    assert decide([found()], rules=(Rule(modality="CT", read=False), Rule())).create == ()


def test_a_study_on_the_list_is_not_put_there_again_even_by_another_uid() -> None:
    replaced = Workitem("9.9.9", study_instance_uid="1.2.3", readiness="READY", images=100)
    assert decide([found()], [replaced]).create == ()


def test_it_is_ready_when_the_count_stood_still_over_two_polls() -> None:
    first = decide([found(count=10)])
    known = as_listed(first)
    second = decide([found(count=20)], known, first.memory)
    assert [list(changes) for _uid, changes in second.update] == [["00201208"]], "still growing"
    known = [replace(known[0], images=20)]
    third = decide([found(count=20)], known, second.memory)
    [(_uid, changes)] = third.update
    assert changes["00404041"]["Value"] == ["READY"]
    ready = [replace(known[0], readiness="READY")]
    assert decide([found(count=20)], ready, third.memory).update == ()


def test_late_images_make_it_incomplete_until_they_stand_still() -> None:
    first = decide([found(count=20)])
    ready = as_listed(first, readiness="READY")
    second = decide([found(count=25)], ready, first.memory)
    [(_uid, changes)] = second.update
    assert changes["00201208"]["Value"] == [25]
    assert changes["00404041"]["Value"] == ["INCOMPLETE"]


def test_after_a_restart_a_ready_study_stays_ready() -> None:
    ready = as_listed(decide([found(count=20)]), readiness="READY")
    assert decide([found(count=20)], ready, Memory()).update == ()


def test_a_report_that_appears_cancels_with_the_reason() -> None:
    first = decide([found()])
    decided = decide([found(count=101, has_report=True)], as_listed(first), first.memory)
    [(uid, code, reason)] = decided.cancel
    assert (uid, code, reason) == (workitem_uid("north", "1.2.3"), REPORTED_CODE, REPORTED)


def test_a_claimed_study_is_left_alone() -> None:
    first = decide([found()])
    claimed = as_listed(first, state=ProcedureStepState.IN_PROGRESS)
    assert decide([found(has_report=True)], claimed, first.memory).cancel == ()
    assert decide([], claimed, decide([], claimed, first.memory).memory).cancel == ()


def test_who_reads_a_study_hears_of_images_that_came_after_the_claim() -> None:
    """Claimed at 100 images: the list said 100 for ever, and the report was signed on part of the study."""
    first = decide([found()])
    claimed = as_listed(first, state=ProcedureStepState.IN_PROGRESS, readiness="READY")
    second = decide([found(count=150)], claimed, first.memory)
    [(uid, changes)] = second.tell
    told = Workitem.from_json({**claimed[0].to_json(), **changes})
    assert (uid, told.images, told.readiness, second.update) == (claimed[0].uid, 150, "INCOMPLETE", ())
    [(_, changes)] = decide([found(count=150)], [told], second.memory).tell
    assert Workitem.from_json({**told.to_json(), **changes}).readiness == "READY"


def test_who_reads_a_study_hears_of_a_second_patient_and_never_gets_another_one() -> None:
    first = decide([found()])
    claimed = as_listed(first, state=ProcedureStepState.IN_PROGRESS, readiness="READY")
    [(_, changes)] = decide([replace(found(), patients=2)], claimed, first.memory).tell
    assert Workitem.from_json({**claimed[0].to_json(), **changes}).remarks == (TWO_PATIENTS,)
    assert decide([found(patient_id="P9", patient_name="Other^One")], claimed, first.memory).tell == ()


def test_a_study_claimed_again_before_the_hospital_was_asked_is_corrected_once_under_its_holder() -> None:
    """Taken back to be read again as another patient: it was listed as the old one, claimed, and never corrected."""
    first = decide([found()])
    back = as_listed(first, state=ProcedureStepState.IN_PROGRESS, readiness="READY", remarks=(NOT_CHECKED,))
    second = decide([found(patient_id="P9", patient_name="Other^One", accession_number="A9")], back, first.memory)
    [(_, changes)] = second.tell
    told = Workitem.from_json({**back[0].to_json(), **changes})
    assert (told.patient_id, told.patient_name, told.accession_number) == ("P9", "Other^One", "A9")
    assert told.remarks == (), "the same change says that the hospital was asked"
    assert decide([found()], [told], second.memory).tell == (), "from then on it is the holder's"


def test_a_study_given_back_is_checked_where_nothing_changed() -> None:
    first = decide([found()])
    back = as_listed(first, readiness="READY", remarks=(NOT_CHECKED,))
    [(_, changes)] = decide([found()], back, first.memory).update
    assert list(changes) == ["00741210"]


def test_a_signed_report_on_its_way_is_no_late_image() -> None:
    first = decide([found()])
    signed = as_listed(first, state=ProcedureStepState.IN_PROGRESS, readiness="READY", progress_percent=100.0)
    assert decide([found(count=102)], signed, first.memory).tell == ()


def test_a_study_vanishes_only_after_two_polls_without_it() -> None:
    first = decide([found()])
    known = as_listed(first)
    second = decide([], known, first.memory)
    assert second.cancel == ()
    third = decide([], known, second.memory)
    assert [reason for _uid, _code, reason in third.cancel] == [VANISHED]


def test_a_study_that_comes_back_has_not_vanished() -> None:
    first = decide([found()])
    known = as_listed(first)
    second = decide([], known, first.memory)
    third = decide([found()], known, second.memory)
    assert decide([], known, third.memory).cancel == ()


def test_priors_are_never_workitems() -> None:
    old = found(study_date="20240101")
    assert decide([old]).create == ()
    assert decide([old], memory=decide([old]).memory).create == ()


def test_an_old_study_that_arrives_between_polls_has_arrived_now() -> None:
    before = decide([found("1.2.3")])
    old = found("1.2.9", study_date="20261119", study_time="100000")
    assert [item.study_instance_uid for item in decide([found("1.2.3"), old], memory=before.memory).create] == [
        "1.2.3",
        "1.2.9",
    ]


@pytest.mark.parametrize(
    ("date", "time", "recent"),
    [
        ("20261119", "230000", True),  # 22:00 UTC, exactly 48 h: Amsterdam is one hour ahead in November
        ("20261119", "225959", False),
        ("20261119", "", True),
        ("20261118", "", False),
        ("20261122", "010000", True),
        ("", "", False),
        ("19000101", "junk", False),
    ],
)
def test_the_lookback_counts_in_the_time_zone_of_the_site(date: str, time: str, recent: bool) -> None:
    assert is_recent(SITE, study(study_date=date, study_time=time), NOW) is recent


def test_study_dates_are_asked_for_in_the_time_zone_of_the_site() -> None:
    assert study_date_range(SITE, NOW) == "20261119-"
    assert study_date_range(replace(SITE, time_zone="Pacific/Auckland"), NOW) == "20261120-"
    assert study_date_range(replace(SITE, lookback_h=1), NOW + timedelta(hours=1, minutes=30)) == "20261121-"


@pytest.mark.parametrize(
    ("birth", "day", "age"),
    [
        ("19600102", "20260101", "065Y"),
        ("19600102", "20260102", "066Y"),
        ("20260315", "20261114", "007M"),
        ("", "20260101", ""),
    ],
)
def test_the_age_is_that_on_the_day_of_the_study(birth: str, day: str, age: str) -> None:
    assert age_at(birth, day) == age


def test_a_patient_who_gets_a_name_and_a_number_is_corrected_on_the_list() -> None:
    """An unknown trauma patient stayed UNKNOWN on the list, and the study could not be reported."""
    unknown = decide([found(patient_name="UNKNOWN^MALE", patient_id="TRAUMA-1")])
    listed = as_listed(unknown)
    decided = decide([found(patient_name="Jansen^Piet", patient_id="N123")], listed)
    [(uid, changes)] = decided.update
    assert uid == listed[0].uid
    corrected = Workitem.from_json({**listed[0].to_json(), **changes})
    assert (corrected.patient_name, corrected.patient_id) == ("Jansen^Piet", "N123")
    assert corrected.other_patient_ids == ()


@pytest.mark.parametrize(
    ("gone", "field"),
    [("accession_number", "accession_number"), ("patient_birth_date", "birth_date"), ("patient_sex", "sex")],
)
def test_what_the_hospital_takes_away_leaves_the_list(gone: str, field: str) -> None:
    """The accession number of another order stayed on the list, and every signature was refused for it."""
    first = decide([found(accession_number="A1", patient_sex="M", patient_birth_date="19600102")])
    listed = as_listed(first)
    kept = {"accession_number": "A1", "patient_sex": "M", "patient_birth_date": "19600102"} | {gone: ""}
    [(_, changes)] = decide([found(**kept)], listed, first.memory).update
    corrected = Workitem.from_json({**listed[0].to_json(), **changes})
    assert getattr(corrected, field) == ""
    assert corrected.age == ("" if field == "birth_date" else "066Y")
    assert (corrected.patient_name, corrected.patient_id) == ("Jánssen^Zoë", "P1")
    assert corrected.study_instance_uid == "1.2.3"


def test_a_number_that_is_taken_away_takes_the_other_identifiers_with_it() -> None:
    listed = as_listed(decide([found()]), other_patient_ids=(OtherId("111222333", "BSN"),))
    [(_, changes)] = decide([found(patient_id="")], listed).update
    corrected = Workitem.from_json({**listed[0].to_json(), **changes})
    assert (corrected.patient_id, corrected.other_patient_ids) == ("", ())


def test_an_answer_that_names_nobody_any_more_takes_nobody_away() -> None:
    listed = as_listed(decide([found(accession_number="A1")]), readiness="READY")
    bare = StudyAnswer("1.2.3", study_date="20261121", modalities=("CT",), number_of_instances=100)
    assert decide([Found(bare, 100)], listed).update == ()


def test_nothing_is_corrected_where_the_hospital_says_nothing_new() -> None:
    listed = as_listed(decide([found()]))
    [(_, changes)] = decide([found(count=101)], listed).update
    assert "00100010" not in changes
    assert "00100020" not in changes


def test_two_patients_under_one_study_are_flagged_and_the_listed_one_is_not_exchanged() -> None:
    listed = as_listed(decide([found()]))
    mixed = replace(found(patient_id="P2", patient_name="Bakker^Piet"), patients=2)
    [(uid, changes)] = decide([mixed], listed).update
    flagged = Workitem.from_json({**listed[0].to_json(), **changes})
    assert (uid, flagged.remarks, flagged.patient_id) == (listed[0].uid, (TWO_PATIENTS,), "P1")
    assert "00741210" not in dict(decide([replace(mixed, count=101)], [flagged]).update)[uid]
    [(_, changes)] = decide([found()], [flagged]).update
    assert Workitem.from_json({**flagged.to_json(), **changes}).remarks == ()


def test_two_answers_about_one_study_are_two_patients_only_where_their_numbers_differ() -> None:
    one, other = study(patient_id="P1"), study(patient_id="P2", modalities=("SR",), number_of_instances=1)
    assert one_answer(SITE, [one, one]) == (one, 1)
    assert one_answer(SITE, [one, replace(one, issuer_of_patient_id="NORTH")])[1] == 1
    assert one_answer(SITE, [one, replace(one, issuer_of_patient_id="SOUTH")])[1] == 2
    both, patients = one_answer(SITE, [other, one])
    assert (both.patient_id, both.number_of_instances, both.modalities, patients) == ("P1", 101, ("CT", "SR"), 2)
    assert one_answer(SITE, [one, other]) == (both, 2), "the order of the answers changes nothing"
    assert one_answer(SITE, [one, other], "P2")[0].patient_id == "P2"


def test_an_issuer_known_from_the_images_is_not_taken_away() -> None:
    listed = as_listed(decide([found()]), issuer_of_patient_id="FROM IMAGES")
    changes = dict(decide([found(count=101)], listed).update)[listed[0].uid]
    assert "00100021" not in changes


def test_a_rule_says_queue_setting_code_and_whether_it_may_be_read_elsewhere() -> None:
    rule = Rule(
        expertise="394914008", expertise_scheme="SCT", expertise_text="Radiology", queue="Night", setting="STROKE"
    )
    [item] = decide([found()], rules=(replace(rule, elsewhere=True),)).create
    made = Workitem.from_json(item.to_json())
    assert (made.worklist_label, made.setting, made.stat, made.priority) == ("Night", "STROKE", False, "HIGH")
    assert made.elsewhere
    [code] = dj.items(item.to_json(), "ScheduledStationClassCodeSequence")
    assert Code.of(code) == Code("394914008", "SCT", "Radiology")
    [item] = decide([found()], rules=(Rule(setting="STAT"),)).create
    assert (item.stat, item.setting) == (True, "")


def test_remarks_of_others_stay_when_ours_change() -> None:
    other = Code("WET_READ", "99NORTH", "Wet read done")
    listed = as_listed(decide([found()]), remarks=(other,), readiness="READY")
    [(_, changes)] = decide([replace(found(), patients=2)], listed).update
    assert Workitem.from_json({**listed[0].to_json(), **changes}).remarks == (other, TWO_PATIENTS)


def test_studies_that_are_not_judged_stay_as_they_are() -> None:
    first = decide([found("1.2.3"), found("1.2.4")])
    known = as_listed(first)
    part = plan(SITE, [found("1.2.3")], known, first.memory, READ_ALL_IMAGES, NOW, {"1.2.4"})
    assert part.memory.studies["1.2.4"] == first.memory.studies["1.2.4"]
    assert part.cancel == ()
