from __future__ import annotations

import contextlib
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from ups import dicom_json as dj
from ups.datetimes import datetime_from_dt, dt_from_datetime
from ups.identifiers import replacement_uid, uid_from_name, workitem_uid
from ups.tags import TAG_OF, VR_OF


def test_every_tag_and_vr_is_that_of_the_data_dictionary() -> None:
    for keyword, tag in TAG_OF.items():
        assert keyword_for_tag(int(tag, 16)) == keyword
        assert dictionary_VR(int(tag, 16)) == VR_OF[keyword]


@pytest.mark.parametrize(
    ("keyword", "value", "expected"),
    [
        ("PatientName", "Ő^ё", {"vr": "PN", "Value": [{"Alphabetic": "Ő^ё"}]}),
        ("ProcedureStepProgress", "12.50", {"vr": "DS", "Value": [12.5]}),
        ("ProcedureStepProgress", 100.0, {"vr": "DS", "Value": [100]}),
        ("NumberOfStudyRelatedInstances", "250", {"vr": "IS", "Value": [250]}),
        ("StudyDescription", "", {"vr": "LO"}),
    ],
)
def test_values_are_written_as_their_vr_asks(keyword: str, value: object, expected: dict[str, object]) -> None:
    assert dj.element(keyword, value) == expected


def test_reading_what_is_absent_gives_the_empty_value() -> None:
    assert dj.text({}, "PatientID") == ""
    assert dj.items({"0040A370": {"vr": "SQ"}}, "ReferencedRequestSequence") == ()
    assert dj.first_item({}, "ReferencedRequestSequence") == {}
    assert dj.number({"00741004": {"vr": "DS", "Value": ["much"]}}, "ProcedureStepProgress", 7.0) == 7.0
    assert dj.text({"00100010": {"vr": "PN", "Value": [{"Ideographic": "山田"}]}}, "PatientName") == "山田"


def test_put_and_remove_are_inverse() -> None:
    dataset = dj.make(PatientID="1")
    dj.put_items(dataset, "ReferencedRequestSequence", [dj.make(AccessionNumber="A")])
    assert dj.text(dj.first_item(dataset, "ReferencedRequestSequence"), "AccessionNumber") == "A"
    dj.remove(dataset, "ReferencedRequestSequence", "PatientID", "PatientSex")
    assert dataset == {}


def _nested(depth: int) -> dict[str, object]:
    dataset: dict[str, object] = {}
    for _ in range(depth):
        dataset = {"0040A370": {"vr": "SQ", "Value": [dataset]}}
    return dataset


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "not a JSON object"),
        ({"patient": {"vr": "LO"}}, "not a tag"),
        ({"00100020": "1"}, "not an object"),
        ({"00100020": {"Value": ["1"]}}, "no 'vr'"),
        ({"00100020": {"vr": "LO", "Value": "1"}}, "not a list"),
        ({"00100020": {"vr": "LO", "Value": [{}]}}, "neither text nor number"),
        ({"00100010": {"vr": "PN", "Value": ["A^B"]}}, "person name"),
        ({"0040A370": {"vr": "SQ", "Value": ["x"]}}, "not a JSON object"),
        (_nested(40), "nested deeper"),
    ],
)
def test_what_is_no_dataset_is_refused_with_the_place(data: object, said: str) -> None:
    with pytest.raises(dj.DatasetError, match=said):
        dj.check_dataset(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*TAG_OF.values(), "x", "00100020 "]), _json, max_size=4))
def test_checking_anything_gives_a_dataset_or_a_dataset_error(data: dict[str, object]) -> None:
    with contextlib.suppress(dj.DatasetError):
        assert dj.check_dataset(data) is data


@given(st.datetimes(timezones=st.timezones(), min_value=datetime(1900, 1, 2)))
def test_a_moment_survives_dt(moment: datetime) -> None:
    assert datetime_from_dt(dt_from_datetime(moment)) == moment.astimezone(UTC)


@given(st.lists(st.datetimes(min_value=datetime(1900, 1, 2), timezones=st.just(UTC)), min_size=2, max_size=4))
def test_dt_texts_sort_as_moments_do(moments: list[datetime]) -> None:
    assert sorted(map(dt_from_datetime, moments)) == [dt_from_datetime(one) for one in sorted(moments)]


def test_dt_of_any_precision_and_offset_is_read() -> None:
    assert datetime_from_dt("2026") == datetime(2026, 1, 1, tzinfo=UTC)
    assert datetime_from_dt("20260304050660") == datetime(2026, 3, 4, 5, 6, 59, tzinfo=UTC)
    west = timezone(timedelta(hours=-5, minutes=-30))
    assert datetime_from_dt("202603040506-0530") == datetime(2026, 3, 4, 5, 6, tzinfo=west)
    for wrong in ("", "soon", "20261301", "2026-01-01"):
        with pytest.raises(ValueError):
            datetime_from_dt(wrong)
    with pytest.raises(ValueError, match="offset"):
        dt_from_datetime(datetime(2026, 1, 1))


def test_the_same_study_gets_the_same_workitem_and_two_sites_two() -> None:
    assert workitem_uid("north", "1.2.3") == workitem_uid("north", "1.2.3")
    made = {workitem_uid("north", "1.2.3"), workitem_uid("south", "1.2.3"), workitem_uid("north", "1.2.4")}
    assert len(made | {replacement_uid("1.2.3")}) == 4
    assert all(one.startswith("2.25.") and len(one) <= 64 for one in made)
    assert uid_from_name("a|b") != uid_from_name("a|c")


def test_the_whole_library_loads_in_under_a_third_of_a_second_without_pydicom() -> None:
    """The best of several: what the machine does besides must not count."""
    code = (
        "import time, sys; began = time.perf_counter();"
        "import ups.client, ups.claiming, ups.events;"
        "print(time.perf_counter() - began, 'pydicom' in sys.modules)"
    )
    best = min(_load_time(code) for _ in range(8))
    assert best < 0.3


def _load_time(code: str) -> float:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, has_pydicom = done.stdout.split()
    assert has_pydicom == "False"
    return float(seconds)
