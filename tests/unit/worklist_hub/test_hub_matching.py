"""Every kind of matching of PS3.4 C.2.2.2."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ups import changes
from ups import dicom_json as dj
from ups.codes import Code, Person
from ups.workitem import Workitem
from worklist_hub.workitem.matching import MatchingError, MatchKind, match_from, matches, wanted_from

ROW = Workitem(
    "1.2.3",
    label="CT [head]",
    patient_name="Jansen^Ann",
    birth_date="19700615",
    study_date="20260105",
    study_time="143005.5",
    images=100,
    due="202601051800+0100",
    modalities=("CT", "SR"),
    worklist_label="NEURO",
    reserved_for=Person("7", "Vries^C"),
    site_id="north",
).to_json()
dj.put_items(
    ROW,
    "ScheduledStationNameCodeSequence",
    [Code("A", "99ONE", "a").item(), Code("B", "99TWO", "b").item()],
)
CODE = "ScheduledStationNameCodeSequence"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"WorklistLabel": "NEURO"}, True),  # single value
        ({"WorklistLabel": "neuro"}, False),
        ({"PatientName": "jansen^ANN"}, True),
        ({"ModalitiesInStudy": "SR"}, True),
        ({"NumberOfStudyRelatedInstances": "100.0"}, True),
        ({"NumberOfStudyRelatedInstances": "10"}, False),
        ({"SOPInstanceUID": "1.9,1.2.3"}, True),  # list of UIDs
        ({"SOPInstanceUID": "1.9\\1.2.3"}, True),
        ({"SOPInstanceUID": "1.2*"}, False),
        ({"PatientName": ""}, True),  # universal
        ({"AdmissionID": ""}, True),
        ({CODE: ""}, True),
        ({"PatientName": "Jan*"}, True),  # wildcard
        ({"PatientName": "Jansen^A??"}, True),
        ({"PatientName": "Jan?"}, False),
        ({"ProcedureStepLabel": "CT [h*"}, True),
        ({"PatientBirthDate": "19700101-19701231"}, True),  # range
        ({"PatientBirthDate": "-19700615"}, True),
        ({"PatientBirthDate": "19700616-"}, False),
        ({"StudyTime": "14"}, True),
        ({"StudyTime": "1430"}, True),
        ({"StudyTime": "143005"}, True),
        ({"StudyTime": "143005.6"}, False),
        ({"StudyTime": "08-14"}, True),
        ({"StudyTime": "1431-"}, False),
        ({"ExpectedCompletionDateTime": "20260105170000+0000"}, True),
        ({"ExpectedCompletionDateTime": "2026"}, True),
        ({"ExpectedCompletionDateTime": "20260105-"}, True),
        ({"ExpectedCompletionDateTime": "-20260105165959+0000"}, False),
        ({f"{CODE}.CodeValue": "A", f"{CODE}.CodingSchemeDesignator": "99ONE"}, True),  # sequence
        ({f"{CODE}.CodeValue": "A", f"{CODE}.CodingSchemeDesignator": "99TWO"}, False),
        ({"ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue": "7"}, True),
        ({"00404034.00404009.00080100": "8"}, False),
        ({"StudyDate": "20260104-20260106", "StudyTime": "1500-1600"}, True),  # combined date and time
        ({"StudyDate": "20260105-20260106", "StudyTime": "1500-1600"}, False),
        ({"StudyDate": "20260104-20260105", "StudyTime": "1500-1400"}, False),
        ({"StudyDate": "20260105", "StudyTime": "1400-1500"}, True),
    ],
    ids=str,
)
def test_each_kind_of_matching(query: dict[str, str], expected: bool) -> None:
    assert matches(ROW, wanted_from(list(query.items()))) is expected


def test_an_empty_value_is_found_where_the_query_asks_for_it() -> None:
    for key, expected in (("PatientName", False), ("AdmissionID", True), (f"{CODE}.CodeValue", False)):
        assert matches(ROW, [match_from(key, '""', with_empty=True)]) is expected
    free, taken = Workitem("1.2").to_json(), ROW
    (key,) = wanted_from([("ScheduledHumanPerformersSequence", '""')], with_empty=True)
    assert matches(free, [key])
    assert not matches(taken, [key])
    assert matches(free | changes.reservation(None), [key])
    deep = "ScheduledHumanPerformersSequence.HumanPerformerCodeSequence.CodeValue"
    assert matches(free, [match_from(deep, '""', with_empty=True)])
    assert not matches(free, [match_from("PatientName", '""')])


def test_several_values_are_alternatives_where_the_query_asks_for_it() -> None:
    (key,) = wanted_from([("WorklistLabel", "CHEST\\NEU*")], with_multiple=True)
    assert key.kind is MatchKind.ANY_OF
    assert not key.is_plain
    assert matches(ROW, [key])
    assert not matches(ROW, wanted_from([("WorklistLabel", "CHEST\\NEU*")]))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Nonsense", "1"),
        ("ReferencedRequestSequence", "1"),
        ("PatientName.CodeValue", "1"),
        ("ExpectedCompletionDateTime", "yesterday"),
        ("ExpectedCompletionDateTime", "-"),
        ("ExpectedCompletionDateTime", "202613"),
        ("ExpectedCompletionDateTime", "202600"),
        ("ExpectedCompletionDateTime", "00010101000000+1400"),
        ("ExpectedCompletionDateTime", "99991231235959-1200"),
        ("ExpectedCompletionDateTime", "20260101+9999"),
        ("StudyDate", "2026"),
        ("StudyDate", "20260230"),
        ("StudyDate", "-"),
        ("StudyTime", "1:30"),
        ("NumberOfStudyRelatedInstances", "many"),
        ("PatientName", "a\0b"),
        ("PatientName", "x" * 5000),
        (".".join(["ReferencedRequestSequence"] * 99), "1"),
        ("", ""),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(key: str, value: str) -> None:
    with pytest.raises(MatchingError):
        match_from(key, value)


def test_an_attribute_is_matched_once() -> None:
    with pytest.raises(MatchingError):
        wanted_from([("PatientName", "a"), ("00100010", "b")])


@given(
    st.sampled_from(["PatientName", "StudyDate", "StudyTime", "SOPInstanceUID", "ExpectedCompletionDateTime"]),
    st.text(max_size=30),
)
@example("ExpectedCompletionDateTime", "\\")
@example("StudyDate", "20260105\\")
@example("StudyTime", "\\14")
def test_any_text_is_answered_or_refused(key: str, value: str) -> None:
    try:
        wanted = match_from(key, value, with_empty=True, with_multiple=True)
    except MatchingError:
        return
    assert matches(ROW, [wanted]) in (True, False)
