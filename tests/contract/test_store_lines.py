"""Lines of the list go out as they are stored, and say exactly what the dataset, read and reduced, would say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.peers.hub import ANN, BOB, study_to_read
from ups import dicom_json as dj
from ups.codes import Code, Person
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from ups.workitem import Workitem
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.view import shown, shown_line
from worklist_hub.store.schema import WORKITEMS
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.web.bodies import tags_wanted
from worklist_hub.workitem.matching import matches, wanted_from
from worklist_hub.workitem.protocol import Caller, ChangeState

TRUSTED = Caller(is_trusted=True)
BOB_NORTH = Caller(BOB, grants=(Grant("north", Role.READER),))
STRANGER = Caller(BOB, grants=(Grant("south", Role.READER),))
SITE = "ScheduledStationGeographicLocationCodeSequence"
QUERIES: tuple[dict[str, str], ...] = (
    {},
    {"ProcedureStepState": "SCHEDULED"},
    {"ModalitiesInStudy": "CT"},
    {"ModalitiesInStudy": "SR"},
    {"ModalitiesInStudy": "ct"},
    {"PatientName": "jansen*"},
    {"PatientName": "*^p?et"},
    {"WorklistLabel": "NEURO*", "ModalitiesInStudy": "CT"},
    {f"{SITE}.CodeValue": "north"},
    {f"{SITE}.CodeValue": "north", f"{SITE}.CodeMeaning": "North"},
    {f"{SITE}.CodeValue": "east"},
    {"AccessionNumber": "A1"},
    {"BodyPartExamined": "HEAD"},
    {"StudyDate": "20260101-20260201"},
)


def studies() -> list[dict[str, Any]]:
    """Usual ones and odd ones."""
    plain = study_to_read(patient_name="Jansen^Piet", patient_id="7", modalities=("CT",), worklist_label="NEURO-ACUTE")
    made = [plain.to_json(), study_to_read(modalities=("CT", "SR"), body_part="HEAD").to_json()]
    two_sites = study_to_read(site_id="").to_json()
    first = dj.make(CodeMeaning="without a code")
    second = dj.make(CodeValue="east", CodingSchemeDesignator="99UWL", CodeMeaning="East")
    dj.put_items(two_sites, SITE, [first, second])
    more = study_to_read(patient_name="jansen^", worklist_label="NEURO*").to_json()
    dj.put(more, "AdmissionID", "here")
    dj.put(more, "ModalitiesInStudy", "MR", "x\\modality=SR\\y")
    more["00404070"] = {"vr": "SQ"}
    return [*made, two_sites, more]


@pytest.fixture
def store(any_database: Path | str) -> Iterator[WorkitemStore]:
    made = WorkitemStore(any_database)
    for dataset in studies():
        assert made.create_if_absent(Workitem.from_json(dataset))
    held = study_to_read(patient_name="Held^By Ann", patient_id="8", birth_date="19700101", study_date="20260102")
    assert made.create_if_absent(held)
    made.carry_out(held.uid, ChangeState(State.IN_PROGRESS, random_uid()), Caller(ANN))
    yield made
    made.close()


def told(store: WorkitemStore, query: dict[str, str], caller: Caller, include: list[str]) -> list[dict[str, Any]]:
    """What a search answers."""
    wanted = wanted_from(list(query.items()))
    tags = tags_wanted(include, [one.path[0] for one in wanted])
    found = [shown_line(caller, line, tags) for line in store.lines(wanted, limit=100)]
    return [json.loads(text) for text in found if text is not None]


def expected(store: WorkitemStore, query: dict[str, str], caller: Caller, include: list[str]) -> list[dict[str, Any]]:
    """The same, of every dataset in the table."""
    wanted = wanted_from(list(query.items()))
    tags = tags_wanted(include, [one.path[0] for one in wanted])
    with store.reading.connect() as connection:
        texts = connection.execute(sa.select(WORKITEMS.c.dataset).order_by(WORKITEMS.c.position)).scalars().all()
    datasets = [json.loads(text) for text in texts]
    seen = [row for one in datasets if matches(one, wanted) and (row := shown(caller, one)) is not None]
    return [{tag: element for tag, element in row.items() if tags is None or tag in tags} for row in seen]


@pytest.mark.parametrize("include", [[], ["all"], ["AdmissionID"]])
@pytest.mark.parametrize("caller", [TRUSTED, BOB_NORTH, STRANGER, Caller(ANN, grants=())])
def test_every_search_says_what_the_datasets_say(store: WorkitemStore, caller: Caller, include: list[str]) -> None:
    for query in QUERIES:
        assert told(store, query, caller, include) == expected(store, query, caller, include), query


def test_rows_of_an_older_hub_are_answered_alike(store: WorkitemStore) -> None:
    store.change(lambda connection: connection.execute(sa.update(WORKITEMS).values(extras="?")))
    for query in QUERIES:
        for caller in (TRUSTED, BOB_NORTH):
            assert told(store, query, caller, []) == expected(store, query, caller, []), query


def test_a_usual_line_is_not_parsed(store: WorkitemStore) -> None:
    wanted = wanted_from([("ModalitiesInStudy", "CT"), ("WorklistLabel", "NEURO-ACUTE")])
    (line,) = store.lines(wanted, limit=100)
    assert shown_line(BOB_NORTH, line, tags_wanted([])) is line.text
    assert line._dataset is None


def test_what_is_not_in_a_line_is_taken_out_of_it(store: WorkitemStore) -> None:
    (line,) = store.lines(wanted_from([("WorklistLabel", "NEURO[*]")]), limit=1) or store.lines(
        wanted_from([("PatientName", "jansen^")]), limit=1
    )
    assert "00404070" in line.text
    answer = shown_line(TRUSTED, line, tags_wanted([]))
    assert answer is not None
    assert "00404070" not in answer
    assert shown_line(TRUSTED, line, None) is line.text


def test_a_reservation_and_a_code_of_many_letters_do_not_confuse_the_policy(store: WorkitemStore) -> None:
    """A column is as wide as it is; the policy asks for all of it."""
    long = "x" * 64
    made = study_to_read(reserved_for=Person(long, "A"), workitem_code=Code("1", "99UWL", "read"))
    assert store.create_if_absent(made)
    (line,) = store.lines(wanted_from([("SOPInstanceUID", made.uid)]), limit=1)
    assert line.row.reserved_code == long
