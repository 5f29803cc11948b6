"""Who may change which attribute of a study to read: walked over every attribute there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from ups import changes
from ups import dicom_json as dj
from ups.codes import NOT_CHECKED, Code, OtherId, Person
from ups.states import Answer, ProcedureStepState
from ups.tags import KEYWORD_OF, TAG_OF, VR_OF
from ups.workitem import Workitem
from worklist_hub.access.grants import EVERYTHING, Grant, Role
from worklist_hub.workitem.decisions import decide, hash_of
from worklist_hub.workitem.protocol import Caller, Decision, Refusal, Stored, Update

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ANN, BOB = Person("1", "Ann^A", "North"), Person("2", "Bob^B", "South")
OURS = "1.2.100"
SCHEDULED, CLAIMED = ProcedureStepState.SCHEDULED, ProcedureStepState.IN_PROGRESS

NEVER_WRITTEN = {"SpecificCharacterSet", "TransactionUID", "ScheduledProcedureStepModificationDateTime"}
"""Sent along by some clients; the hub has its own."""
BY_THE_HOLDER = {
    "CommentsOnTheScheduledProcedureStep",
    "ProcedureStepProgressInformationSequence",
    "ScheduledHumanPerformersSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
}
WHILE_NOBODY_HOLDS_IT = {
    "CommentsOnTheScheduledProcedureStep",
    "ExpectedCompletionDateTime",
    "ScheduledHumanPerformersSequence",
    "ScheduledProcedureStepExpirationDateTime",
    "ScheduledProcedureStepPriority",
    "ScheduledStationClassCodeSequence",
    "WorklistLabel",
}
COUNTED_BY_THE_FEED = {
    "InputReadinessState",
    "NumberOfStudyRelatedInstances",
    "ScheduledProcessingParametersSequence",
}
WHOSE_STUDY_IT_IS = {
    "IssuerOfPatientID",
    "OtherPatientIDsSequence",
    "PatientAge",
    "PatientBirthDate",
    "PatientID",
    "PatientName",
    "PatientSex",
    "ReferencedRequestSequence",
}
BY_NOBODY = {"SOPClassUID", "SOPInstanceUID", "ProcedureStepState", "ReplacedProcedureStepSequence"}
ATTRIBUTES = sorted(keyword for keyword, tag in TAG_OF.items() if not tag.startswith("0000"))
_OTHER_VALUES = {
    "DA": "19990909",
    "TM": "0909",
    "DT": "20990909090909+0000",
    "UI": "1.2.999",
    "IS": "999",
    "DS": "9",
    "AS": "099Y",
    "US": "9",
}


def study(state: ProcedureStepState) -> Stored:
    """A study to read with everything that intake writes."""
    more = dj.make(
        ReferringPhysicianName="Referrer^R", AdmissionID="9", ScheduledProcedureStepExpirationDateTime="20260103"
    )
    dj.put_items(more, "OutputDestinationSequence", [dj.make(DestinationAE="NORTH")])
    item = Workitem(
        "1.2.3",
        state=state,
        readiness="READY",
        priority="HIGH",
        stat=True,
        worklist_label="Night",
        label="CT head",
        workitem_code=Code("110005", "DCM", "Interpretation"),
        patient_name="Doe^Jane",
        patient_id="17",
        issuer_of_patient_id="NORTH",
        other_patient_ids=(OtherId("123456782", "NLMINBIZA"),),
        birth_date="19500101",
        sex="F",
        age="076Y",
        study_instance_uid="1.5",
        accession_number="A1",
        issuer_of_accession_number="NORTH",
        requested_procedure_description="CT head",
        clinical_question="bleed?",
        modalities=("CT",),
        study_description="CT head",
        body_part="HEAD",
        study_date="20260102",
        study_time="0300",
        images=250,
        site_id="north",
        site_name="North",
        expertise="NEURO",
        expertise_text="Neuro",
        start="20260102030000+0000",
        due="20260102040000+0000",
        reserved_for=ANN,
        holder=ANN if state is CLAIMED else None,
        replaces="1.2.2",
        attributes=more,
    )
    claim = (hash_of(OURS), NOW) if state is CLAIMED else ("", None)
    return Stored(item.to_json(), state, *claim)


def other_value(keyword: str) -> dict[str, Any]:
    """A change of one attribute to something it is not."""
    if keyword == "ScheduledProcedureStepPriority":
        return dj.make(ScheduledProcedureStepPriority="LOW")
    if keyword == "InputReadinessState":
        return dj.make(InputReadinessState="INCOMPLETE")
    if keyword == "ScheduledHumanPerformersSequence":
        return changes.reservation(BOB)
    if keyword == "ProcedureStepProgressInformationSequence":
        return changes.progress(50, "half way")
    if VR_OF[keyword] == "SQ":
        made: dict[str, Any] = {}
        dj.put_items(made, keyword, [dj.make(CommentsOnThePerformedProcedureStep="another")])
        return made
    return dj.make(**{keyword: _OTHER_VALUES.get(VR_OF[keyword], "OTHER")})


def asked(keyword: str, state: ProcedureStepState, caller: Caller) -> Decision | Refusal:
    return decide(study(state), Update(other_value(keyword), OURS if state is CLAIMED else ""), caller, NOW)


@pytest.mark.parametrize("keyword", ATTRIBUTES)
@pytest.mark.parametrize(("state", "allowed"), [(CLAIMED, BY_THE_HOLDER), (SCHEDULED, WHILE_NOBODY_HOLDS_IT)])
def test_a_reader_changes_what_is_named_and_nothing_else(
    keyword: str, state: ProcedureStepState, allowed: set[str]
) -> None:
    outcome = asked(keyword, state, Caller(ANN))
    if keyword in NEVER_WRITTEN:
        assert isinstance(outcome, Decision)
        assert outcome.dataset is None
    elif keyword in allowed:
        assert isinstance(outcome, Decision)
        assert (outcome.dataset or {})[TAG_OF[keyword]] != study(state).dataset.get(TAG_OF[keyword])
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.answer is Answer.INVALID_ATTRIBUTE
        assert outcome.text == f"{keyword} may not be changed"


@pytest.mark.parametrize("keyword", ATTRIBUTES)
def test_the_feed_corrects_everything_but_what_the_hub_keeps(keyword: str) -> None:
    outcome = asked(keyword, SCHEDULED, Caller(is_feed=True))
    is_kept = keyword in BY_NOBODY or keyword == "UnifiedProcedureStepPerformedProcedureSequence"
    assert isinstance(outcome, Refusal if is_kept else Decision)


@pytest.mark.parametrize("keyword", ATTRIBUTES)
def test_while_somebody_holds_it_the_feed_says_what_it_counted_and_nothing_else(keyword: str) -> None:
    outcome = decide(study(CLAIMED), Update(other_value(keyword)), Caller(is_feed=True), NOW)
    may = keyword in COUNTED_BY_THE_FEED or keyword in NEVER_WRITTEN
    assert isinstance(outcome, Decision if may else Refusal)


@pytest.mark.parametrize("keyword", ATTRIBUTES)
def test_until_the_hospital_was_asked_the_feed_says_whose_study_it_is_under_a_holder_too(keyword: str) -> None:
    held = study(CLAIMED)
    unchecked = replace(Workitem.from_json(held.dataset), remarks=(NOT_CHECKED,))
    held = replace(held, dataset=unchecked.to_json())
    assert isinstance(
        decide(held, Update(other_value(keyword)), Caller(is_feed=True), NOW),
        Decision if keyword in COUNTED_BY_THE_FEED | WHOSE_STUDY_IT_IS | NEVER_WRITTEN else Refusal,
    )
    of_a_reader = decide(held, Update(other_value(keyword), OURS), Caller(ANN), NOW)
    assert isinstance(of_a_reader, Decision if keyword in BY_THE_HOLDER | NEVER_WRITTEN else Refusal)


def test_every_attribute_of_a_study_to_read_is_walked() -> None:
    written = {KEYWORD_OF[tag] for state in (SCHEDULED, CLAIMED) for tag in study(state).dataset}
    assert written <= set(ATTRIBUTES)
    assert len(written - BY_THE_HOLDER - WHILE_NOBODY_HOLDS_IT) > 20


def test_an_attribute_that_nobody_knows_belongs_to_the_feed() -> None:
    private = {"00091001": {"vr": "LO", "Value": ["x"]}}
    for state, transaction_uid in ((SCHEDULED, ""), (CLAIMED, OURS)):
        outcome = decide(study(state), Update(private, transaction_uid), Caller(ANN), NOW)
        assert isinstance(outcome, Refusal)
        assert "00091001" in outcome.text
    assert isinstance(decide(study(SCHEDULED), Update(private), Caller(is_feed=True), NOW), Decision)


def test_everything_as_it_stands_is_no_change() -> None:
    for state, transaction_uid in ((SCHEDULED, ""), (CLAIMED, OURS)):
        outcome = decide(study(state), Update(study(state).dataset, transaction_uid), Caller(ANN), NOW)
        assert isinstance(outcome, Decision)
        assert outcome.dataset is None


def test_one_forbidden_attribute_among_allowed_ones_changes_nothing() -> None:
    sent = changes.progress(50) | dj.make(PatientName="Roe^Jane")
    outcome = decide(study(CLAIMED), Update(sent, OURS), Caller(ANN), NOW)
    assert isinstance(outcome, Refusal)
    assert "PatientName" in outcome.text


def test_what_is_not_claimed_cannot_be_fenced() -> None:
    outcome = decide(study(SCHEDULED), Update(changes.fence()), Caller(BOB), NOW)
    assert outcome.answer is Answer.INVALID_ATTRIBUTE  # else nobody could ever release it


def signed_in(*grants: Grant) -> Caller:
    return Caller(ANN, grants=grants, subject="a")


def corrected(caller: Caller, **changes_: str) -> Decision | Refusal:
    return decide(study(SCHEDULED), Update(dj.make(**changes_)), caller, NOW)


def test_the_feed_of_a_hospital_that_signed_in_corrects_what_is_its_own() -> None:
    feed = signed_in(Grant("north", Role.INTAKE))
    assert isinstance(corrected(feed, PatientName="Roe^Jane", InputReadinessState="INCOMPLETE"), Decision)
    moved = Workitem("1.2.3", site_id="south").to_json()
    site = TAG_OF["ScheduledStationGeographicLocationCodeSequence"]
    assert isinstance(decide(study(SCHEDULED), Update({site: moved[site]}), feed, NOW), Refusal)
    claimed = Update(dj.make(PatientName="Roe^Jane"), OURS)
    assert isinstance(decide(study(CLAIMED), claimed, feed, NOW), Refusal)


@pytest.mark.parametrize(
    "caller",
    [
        signed_in(Grant("south", Role.INTAKE)),
        signed_in(Grant("north", Role.COORDINATOR)),
        signed_in(Grant("*", Role.INTAKE), Grant("*", Role.COORDINATOR), Grant("*", Role.READER)),
        Caller(ANN, grants=EVERYTHING, is_trusted=True),
    ],
    ids=["another hospital's feed", "coordinator", "reader with more roles", "own desk"],
)
def test_nobody_else_who_signed_in_says_whose_study_it_is(caller: Caller) -> None:
    assert isinstance(corrected(caller, PatientName="Roe^Jane"), Refusal)
