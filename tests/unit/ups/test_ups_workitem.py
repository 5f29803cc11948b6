from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ups import changes
from ups import dicom_json as dj
from ups.codes import TWO_PATIENTS
from ups.replacement import replacement_of
from ups.states import ProcedureStepState
from ups.tags import TAG_OF, VR_OF
from ups.workitem import INTERPRETATION_CODE, UNSPECIFIED_REASON, Code, OtherId, Person, Workitem

NAMED = [one.name for one in fields(Workitem) if one.name != "attributes"]
FULL = Workitem(
    "1.2.3",
    state=ProcedureStepState.IN_PROGRESS,
    readiness="READY",
    priority="HIGH",
    stat=True,
    setting="STROKE",
    elsewhere=True,
    remarks=(TWO_PATIENTS,),
    worklist_label="NEURO",
    label="CT head",
    workitem_code=INTERPRETATION_CODE,
    patient_name="Ő^ё",
    patient_id="17",
    issuer_of_patient_id="NORTH",
    other_patient_ids=(OtherId("111222333", "NLMINBIZA"),),
    birth_date="19700101",
    sex="F",
    age="056Y",
    study_instance_uid="1.2.840.1",
    accession_number="A1",
    issuer_of_accession_number="NORTH-RIS",
    requested_procedure_description="CT cerebrum",
    clinical_question="Bleed?",
    modalities=("CT", "SR"),
    study_description="CT head plain",
    body_part="HEAD",
    study_date="20260101",
    study_time="120000",
    images=250,
    site_id="north",
    site_name="North",
    expertise="NEURO",
    expertise_text="Neuroradiology",
    start="20260101120000.000000+0000",
    due="20260101130000.000000+0000",
    modified="20260101120001.000000+0000",
    reserved_for=Person("9", "C^D", "South"),
    holder=Person("8", "A^B", "North"),
    progress_percent=50.0,
    progress_text="reading",
    cancel_code=UNSPECIFIED_REASON,
    cancel_reason="none",
    replaces="1.2.2",
)

_texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12)


def _element(keyword: str, inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    vr = VR_OF[keyword]
    values: st.SearchStrategy[Any] = _texts
    if vr == "SQ":
        values = inner
    elif vr == "PN":
        values = st.fixed_dictionaries({"Alphabetic": _texts})
    elif vr in ("IS", "US", "DS"):
        values = st.integers(0, 10**6) | st.just("7")
    filled = st.lists(values, min_size=1, max_size=2).map(lambda found: {"vr": vr, "Value": found})
    return (filled | st.just({"vr": vr})).map(lambda made: (TAG_OF[keyword], made))


def _datasets(depth: int) -> st.SearchStrategy[dict[str, Any]]:
    inner = _datasets(depth - 1) if depth else st.just({})
    known = st.sampled_from(sorted(set(TAG_OF) - {"ProcedureStepState", "SOPInstanceUID"}))
    unknown = st.tuples(st.sampled_from(["00091001", "7FE10010"]), st.just({"vr": "UN", "InlineBinary": "AA=="}))
    return st.lists(known.flatmap(lambda keyword: _element(keyword, inner)) | unknown, max_size=5).map(dict)


@given(_datasets(2), st.sampled_from(ProcedureStepState))
def test_reading_and_writing_keeps_every_attribute(dataset: dict[str, Any], state: ProcedureStepState) -> None:
    dataset |= dj.make(SOPInstanceUID="1.2.3", ProcedureStepState=state.value)
    assert Workitem.from_json(dataset).to_json() == dataset


@given(_datasets(1), st.sampled_from(NAMED))
def test_a_changed_field_is_read_back_and_the_rest_stays(dataset: dict[str, Any], name: str) -> None:
    dataset |= dj.make(SOPInstanceUID="1.9", ProcedureStepState="SCHEDULED", StudyDescription="as it was")
    before = Workitem.from_json(dataset)
    after = Workitem.from_json(replace(before, **{name: getattr(FULL, name)}).to_json())
    assert getattr(after, name) == getattr(FULL, name)
    for tag in ("00091001", "7FE10010"):
        assert after.attributes.get(tag) == dataset.get(tag)


def test_a_record_made_from_nothing_is_read_back_equal() -> None:
    made = Workitem.from_json(FULL.to_json())
    assert [getattr(made, name) for name in NAMED] == [getattr(FULL, name) for name in NAMED]


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("uid", "state")])
def test_each_field_stands_where_the_standard_puts_it(name: str) -> None:
    alone = Workitem.from_json(replace(Workitem("1.2"), **{name: getattr(FULL, name)}).to_json())
    assert getattr(alone, name) == getattr(FULL, name)


def test_the_study_stands_at_the_top_and_in_the_order() -> None:
    dataset = Workitem("1.2", study_instance_uid="1.5").to_json()
    assert dj.text(dataset, "StudyInstanceUID") == "1.5"
    assert dj.text(dj.first_item(dataset, "ReferencedRequestSequence"), "StudyInstanceUID") == "1.5"


def test_reading_does_not_share_the_dataset_with_its_giver() -> None:
    dataset = FULL.to_json()
    item = Workitem.from_json(dataset)
    dj.first_item(dataset, "ReferencedRequestSequence").clear()
    assert item.to_json() == FULL.to_json()


@pytest.mark.parametrize(
    "dataset",
    [
        {},
        dj.make(SOPInstanceUID="1.2"),
        dj.make(ProcedureStepState="SCHEDULED"),
        dj.make(SOPInstanceUID="1.2", ProcedureStepState="ASLEEP"),
    ],
)
def test_without_uid_or_state_it_is_no_workitem(dataset: dict[str, Any]) -> None:
    with pytest.raises(dj.DatasetError):
        Workitem.from_json(dataset)


def test_clearing_stat_and_remarks_keeps_other_parameters() -> None:
    other = dj.make(ValueType="NUMERIC")
    dataset = FULL.to_json()
    dj.put_items(
        dataset,
        "ScheduledProcessingParametersSequence",
        [*dj.items(dataset, "ScheduledProcessingParametersSequence"), other],
    )
    unmarked = replace(Workitem.from_json(dataset), remarks=(), setting="", elsewhere=False)
    assert unmarked.stat
    assert Workitem.from_json(unmarked.to_json()).remarks == ()
    cleared = replace(unmarked, stat=False).to_json()
    assert dj.items(cleared, "ScheduledProcessingParametersSequence") == (other,)


def test_a_replacement_is_the_same_study_scheduled_anew() -> None:
    old = FULL.to_json() | dj.make(TransactionUID="1.666")
    made = Workitem.from_json(replacement_of(old))
    assert made.uid == Workitem.from_json(replacement_of(old)).uid != FULL.uid
    assert made.replaces == FULL.uid
    assert made.state is ProcedureStepState.SCHEDULED
    assert (made.holder, made.progress_percent, made.cancel_code) == (None, None, None)
    assert made.reserved_for == FULL.reserved_for  # named by the holder, who is somebody else: a hand-over
    assert made.study_instance_uid == FULL.study_instance_uid
    assert "1.666" not in str(made.to_json())
    reserved = Workitem.from_json(replacement_of(old, reserved_for=Person("7", "E^F")))
    assert reserved.reserved_for == Person("7", "E^F")


def test_the_changes_of_a_performer_are_read_back_by_the_record() -> None:
    base = FULL.to_json()
    fenced = Workitem.from_json(base | changes.fence())
    assert (fenced.progress_percent, fenced.progress_text) == (100.0, "signed, delivering")
    why = Code("110529", "DCM", "Discontinued, rescheduling recommended")
    going = Workitem.from_json(base | changes.progress(10, reason="night over", code=why, contact_uri="tel:1"))
    assert (going.cancel_code, going.cancel_reason) == (why, "night over")
    assert Workitem.from_json(base | changes.reservation(None)).reserved_for is None
