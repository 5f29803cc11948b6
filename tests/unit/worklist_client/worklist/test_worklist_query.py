"""Filters and orders of the list."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.query import ORDERS, Filter, choices, is_mine, selected

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
NAMES = {"north": "North Hospital", "west": "Ziekenhuis West"}


def entry(number: int, **changes: Any) -> StudyEntry:
    name = changes.pop("name", "Jansen^Anna")
    patient = PatientIdentity(PatientKey("N", f"P{number}"), "north", name, "19600312", "F")
    made = StudyEntry(
        f"2.25.{number}", "north", f"1.2.{number}", patient, Status.AVAILABLE, "SCHEDULED",
        accession_number=f"ACC{number}", modality="CT", study_description="CT hersenen",
    )  # fmt: skip
    return replace(made, **changes)


def numbers(entries: list[StudyEntry], wanted: Filter | None = None, **how: Any) -> list[str]:
    found = selected(entries, wanted or Filter(), me="r1", site_names=NAMES, **how)
    return [row.workitem_uid.rpartition(".")[2] for row in found]


ENTRIES = [
    entry(1, name="Erdős^Pál"),
    entry(2, site_id="west", modality="MR/SR", expertise="neuro", expertise_text="Neuro", name="Bakker^Jan"),
    entry(3, status=Status.MINE, holder_code="r1", study_description="Thorax"),
    entry(4, status=Status.CLAIMED, holder_code="r2", reserved_for_code="r1"),
    entry(5, status=Status.RESERVED, reserved_for_code="r1"),
    entry(6, status=Status.DELIVERING, holder_code="r1"),
]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), "123456"),
        (Filter(text="erdos"), "1"),
        (Filter(text="PAL ERDŐS"), "1"),
        (Filter(text="p2"), "2"),
        (Filter(text="acc3"), "3"),
        (Filter(text="thorax"), "3"),
        (Filter(text="ziekenhuis bakker"), "2"),
        (Filter(text="bakker thorax"), ""),
        (Filter(text="   "), "123456"),
        (Filter(sites=frozenset({"west"})), "2"),
        (Filter(modalities=frozenset({"MR"})), "2"),
        (Filter(modalities=frozenset({"US"})), ""),
        (Filter(expertises=frozenset({"neuro"})), "2"),
        (Filter(statuses=frozenset({Status.MINE, Status.DELIVERING})), "36"),
        (Filter(mine=True), "356"),
        (Filter(mine=True, text="thorax"), "3"),
    ],
)
def test_filters(wanted: Filter, expected: str) -> None:
    assert sorted(numbers(ENTRIES, wanted)) == list(expected)


def test_a_filter_knows_when_it_hides_nothing() -> None:
    assert Filter().is_empty
    assert not Filter(mine=True).is_empty


def test_mine_is_what_i_hold_under_whatever_number_and_not_what_another_holds_under_mine() -> None:
    assert is_mine(entry(1, status=Status.DELIVERING, holder_code="mistyped", is_own=True), "r1")
    assert not is_mine(entry(1, status=Status.CLAIMED, holder_code="r1"), "r1")
    assert is_mine(entry(1, status=Status.REPORTED, holder_code="r1"), "r1")


def test_nothing_is_mine_without_a_reader() -> None:
    assert not is_mine(entry(1, holder_code="", reserved_for_code=""), "")


def test_what_is_most_urgent_comes_first_and_what_is_over_last() -> None:
    entries = [
        entry(1, priority="LOW"),
        entry(2, priority="MEDIUM", due=NOW + timedelta(hours=2)),
        entry(3, priority="MEDIUM", due=NOW + timedelta(hours=1)),
        entry(4, priority="HIGH"),
        entry(5, priority="LOW", stat=True),
        entry(6, priority="MEDIUM"),
        entry(7, stat=True, status=Status.REPORTED),
    ]
    for shuffled in itertools.islice(itertools.permutations(entries), 0, 5040, 97):
        assert numbers(list(shuffled)) == list("5432617")


def test_strokes_come_after_stat_and_before_what_is_urgent_by_their_due_time() -> None:
    stroke = {"is_stroke": True, "priority": "HIGH"}
    entries = [
        entry(1, **stroke, due=NOW + timedelta(minutes=30)),
        entry(2, **stroke, due=NOW + timedelta(minutes=10)),
        entry(3, priority="HIGH", due=NOW),
        entry(4, stat=True, due=NOW + timedelta(hours=1)),
    ]
    assert numbers(entries) == list("4213")


@pytest.mark.parametrize("order", sorted(ORDERS))
def test_every_order_is_stable_and_takes_empty_rows(order: str) -> None:
    entries = [*ENTRIES, entry(7, name="", modality="", study_description="", due=NOW)]
    up = numbers(entries, order=order)
    assert up == numbers(entries[::-1], order=order)
    assert sorted(up) == sorted(numbers(entries, order=order, descending=True))


def test_order_by_name_folds_accents_and_puts_nameless_last() -> None:
    entries = [entry(1, name="Östberg"), entry(2, name=""), entry(3, name="Zand"), entry(4, name="Adam")]
    assert numbers(entries, order="patient") == list("4132")


def test_an_unknown_order_is_an_error() -> None:
    with pytest.raises(KeyError):
        numbers(ENTRIES, order="shoe size")


def test_choices_are_what_the_list_holds() -> None:
    found = choices(ENTRIES)
    assert found["modality"] == (("CT", "CT"), ("MR", "MR"), ("SR", "SR"))
    assert found["expertise"] == (("neuro", "Neuro"),)
    assert [value for value, _ in found["site"]] == ["north", "west"]


def test_the_view_of_what_may_be_read_elsewhere_shows_nothing_else() -> None:
    entries = [entry(1), entry(2, elsewhere=True)]
    assert len(numbers(entries, Filter(elsewhere=True))) == 1
    assert numbers(entries, Filter(elsewhere=True)) == numbers(entries[1:])
    assert len(numbers(entries, Filter())) == 2
