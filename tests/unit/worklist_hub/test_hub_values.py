"""What may come in as a dataset, and what is refused before anything looks at it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.peers.hub import study_to_read
from ups import changes
from ups.codes import Person
from ups.dicom_json import DatasetError
from worklist_hub.store.columns import columns_of
from worklist_hub.workitem.values import checked, is_uid

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_what_our_own_client_sends_is_fit() -> None:
    person = Person("1", "Ő^ё", "North")
    outputs = [changes.output("1.5", "1.6", [("1.7", "1.8")])]
    sent = [
        study_to_read(stat=True, due="202601051800+0100", patient_name="Yamada^Tarou=山田^太郎").to_json(),
        changes.fence(),
        changes.started(),
        changes.reservation(person),
        changes.reservation(None),
        changes.performed(outputs, person=person, start=NOW, end=NOW),
        {"00091001": {"vr": "UN", "InlineBinary": "AAE="}},
        {"00400400": {"vr": "LT", "Value": ["two\r\nlines"]}},
        {"00100010": {"vr": "PN", "Value": [None]}},
    ]
    for dataset in sent:
        assert checked(json.loads(json.dumps(dataset))) == dataset


@pytest.mark.parametrize(
    "dataset",
    [
        {"00741200": {"vr": "LO", "Value": ["HIGH"]}},
        {"00000002": {"vr": "UI", "Value": ["1.2"]}},
        {"00020010": {"vr": "UI", "Value": ["1.2"]}},
        {"0020000D": {"vr": "UI", "Value": ["1." + "2" * 80]}},
        {"0020000D": {"vr": "UI", "Value": ["1.02"]}},
        {"0020000D": {"vr": "UI", "Value": ["x'; DROP TABLE workitems"]}},
        {"00100020": {"vr": "LO", "Value": ["a\x00b"]}},
        {"00100020": {"vr": "LO", "Value": ["\ud800"]}},
        {"00100020": {"vr": "LO", "Value": ["a\nb"]}},
        {"00100020": {"vr": "LO", "Value": ["x" * 1025]}},
        {"00100020": {"vr": "LO", "Value": ["x"] * 1001}},
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": 5}]}},
        {"00100010": {"vr": "PN", "Value": [{"Nickname": "x"}]}},
        {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "a\x00"}]}},
        {"00404005": {"vr": "DT", "Value": ["soon"]}},
        {"00404005": {"vr": "DT", "Value": ["00010101000000+1400"]}},
        {"00201208": {"vr": "IS", "Value": [True]}},
        {"00201208": {"vr": "IS", "Value": [10**30]}},
        {"00001002": {"vr": "US", "Value": [1]}},
        {"00280010": {"vr": "US", "Value": [1.5]}},
        {"00081190": {"vr": "UR", "BulkDataURI": "http://169.254.169.254/"}},
        {"00091001": {"vr": "UN", "InlineBinary": 5}},
        {"00404034": {"vr": "SQ", "Value": [{"00404037": {"vr": "PN", "Value": [{"Alphabetic": "\x01"}]}}]}},
    ],
    ids=str,
)
def test_what_cannot_be_kept_is_refused_without_its_value(dataset: dict[str, Any]) -> None:
    with pytest.raises(DatasetError) as refused:
        checked(dataset)
    assert "DROP" not in str(refused.value)


def test_uids() -> None:
    assert is_uid("2.25.123")
    assert not any(is_uid(text) for text in ("", "1.", "1..2", "01", "1.2\n", "1" * 65, "١.٢"))


@settings(max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["00100010", "00100020", "0020000D", "00404005", "00201208", "00404034", "00091001"]),
        st.fixed_dictionaries(
            {"vr": st.sampled_from(["PN", "LO", "UI", "DT", "IS", "SQ", "UN"])},
            optional={"Value": st.lists(st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text()))},
        ),
    )
)
def test_whatever_is_fit_can_be_written_into_the_columns(dataset: dict[str, Any]) -> None:
    try:
        fit = checked(dataset)
    except (DatasetError, ValueError, OverflowError):
        return
    for value in columns_of(fit).values():
        assert "\0" not in str(value)
        str(value).encode()
