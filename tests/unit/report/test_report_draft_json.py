"""Drafts survive the journal: exact round trip, tolerant of other versions, never silently empty."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.validators.samples import SYNTHETIC, draft_of, patient_of, write_study
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.report.draft_json import draft_from_json, draft_to_json
from worklist_client.report.errors import DraftUnreadable
from worklist_client.report.model import Draft, PriorStudy


@pytest.fixture
def draft(tmp_path: Path) -> Draft:
    study = write_study(tmp_path, SYNTHETIC["ct"]())
    prior = PriorStudy("west", "1.2.3", "20250101", "CT", "Thorax", patient_of(study.header), "probable", ("name",))
    return draft_of(study, priors=(prior,))


def test_a_full_draft_comes_back_equal(draft: Draft) -> None:
    assert draft_from_json(draft_to_json(draft)) == draft


@given(st.dictionaries(st.sampled_from(["findings", "impression"]), st.text()))
def test_any_text_comes_back_equal(sections: dict[str, str]) -> None:
    patient = PatientIdentity(PatientKey("", "1"), "north")
    draft = Draft("1", "north", "2", patient, "", sections=sections)
    assert draft_from_json(draft_to_json(draft)) == draft


def test_a_newer_version_with_unknown_keys_is_read(draft: Draft) -> None:
    data = json.loads(draft_to_json(draft))
    data["version"], data["draft"]["mood"] = 9, "calm"
    data["draft"]["annotations"][0]["glow"] = True
    assert draft_from_json(json.dumps(data)) == draft


def test_missing_optional_keys_take_their_defaults(draft: Draft) -> None:
    data = json.loads(draft_to_json(draft))
    for key in ("measurements", "annotations", "displayed", "priors", "key_frame", "sections"):
        del data["draft"][key]
    read = draft_from_json(json.dumps(data))
    assert (read.sections, read.annotations, read.key_frame) == ({}, (), None)
    assert read.patient == draft.patient


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"version": 1}',
        '{"draft": {}}',
        '{"version": 1, "draft": {"workitem_uid": "1"}}',
    ],
)
def test_what_is_no_draft_is_refused_and_not_taken_for_an_empty_one(text: str) -> None:
    with pytest.raises(DraftUnreadable):
        draft_from_json(text)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("annotations", 0, "kind"), "SPLINE"),
        (("annotations", 0, "points"), "here"),
        (("annotations", 0, "points", 0), [1.0]),
        (("sections",), "findings"),
        (("patient",), None),
        (("workitem_uid",), 5),
    ],
)
def test_a_wrong_value_is_named_by_its_place(draft: Draft, path: tuple[str | int, ...], value: object) -> None:
    data = json.loads(draft_to_json(draft))
    place = data["draft"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(DraftUnreadable, match=str(path[0])):
        draft_from_json(json.dumps(data))
