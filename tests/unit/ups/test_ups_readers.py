"""Who is the same reader: number and name, never the number alone."""

from __future__ import annotations

import pytest

from ups.codes import Person
from ups.readers import is_same_reader

ANN = Person("0101", "Vries^Anna", "North")


@pytest.mark.parametrize(
    "other",
    [
        ANN,
        Person("0101", "Vries^Anna^^dr.", "South"),
        Person("0101", "VRIES^anna"),
        Person("0101", " Vries ^Anna^"),
        Person("0101", "Vries^Anna=フリース"),
    ],
)
def test_titles_case_and_organisation_make_no_other_reader(other: Person) -> None:
    assert is_same_reader(ANN, other)
    assert is_same_reader(other, ANN)


@pytest.mark.parametrize(
    "other",
    [
        None,
        Person("0101", "Bakker^Anna"),
        Person("0101", "Vries^Bert"),
        Person("0101", "Vries^Anna^Maria"),
        Person("0101", ""),
        Person("0102", "Vries^Anna"),
        Person("", "Vries^Anna"),
    ],
)
def test_another_name_or_another_number_is_another_reader(other: Person | None) -> None:
    """Readers of one practice may share a number."""
    assert not is_same_reader(ANN, other)
    assert not is_same_reader(other, ANN)


def test_without_a_number_nobody_is_the_same() -> None:
    assert not is_same_reader(Person("", "Vries^Anna"), Person("", "Vries^Anna"))
