"""Names of real registrations: which pairs may be one family name, and how a name is shown."""

from __future__ import annotations

import pytest

from worklist_client.identity.names import (
    compare_family_names,
    compare_given_names,
    display_name,
    edit_distance,
    family_name,
    folded,
    spoken_name,
)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("Jansen^Anna", "JANSEN^A", "equal"),
        ("Erdős^Pál", "ERDOS", "equal"),
        ("Ковалёв^Пётр", "Ковалев", "equal"),
        ("Groß", "Gross", "equal"),
        ("Sørensen", "Sorensen", "equal"),
        ("Ĳsselstein", "IJsselstein", "equal"),
        ("van den Berg^Jan", "Berg^Jan^^van den", "alike"),
        ("Vandenberg", "van den Berg", "alike"),
        ("v.d. Berg", "van den Berg", "alike"),
        ("'t Hart", "Hart", "alike"),
        ("O'Brien", "O’Brien", "alike"),
        ("Jansen-de Vries", "de Vries", "alike"),
        ("de Vries–Jansen", "Jansen", "alike"),
        ("Jansen e/v de Vries", "Vries, de", "alike"),
        ("de Vries geb. Jansen", "Jansen", "alike"),
        ("Müller", "Mueller", "alike"),
        ("Bakker", "Bekker", "alike"),
        ("Yamada^Tarou=山田^太郎", "=山田^太郎", "equal"),
        ("Yamada^Tarou=山田^太郎", "Yamada", "equal"),
        ("Le^Anh", "Le^Anh", "equal"),
        ("Jansen^Anna", "Bakker^Anna", "differs"),
        ("Bos", "Bot", "differs"),
        ("Li", "Lu", "differs"),
        ("Le", "de", "differs"),
        ("de Jong", "de Vries", "differs"),
        ("Smit", "Smits", "differs"),
        ("山田^太郎", "山本^太郎", "differs"),
        ("Yamada", "=山田", "missing"),
        ("", "Jansen", "missing"),
        ("^Anna", "^Anna", "missing"),
        ("123", "123", "missing"),
        ("Baby of Jansen", "Jansen", "invalid"),
        ("Onbekend", "Onbekend", "invalid"),
        ("Test^Patient", "Test^Patient", "invalid"),
    ],
)
def test_family_names(left: str, right: str, expected: str) -> None:
    one, other = compare_family_names(left, right), compare_family_names(right, left)
    assert one == other
    assert one.agreement == expected
    assert one.reason or one.agreement in ("equal", "differs")


def test_a_hidden_direction_mark_makes_no_other_name() -> None:
    assert compare_family_names("Jan\u202esen", "Jansen").agreement == "equal"
    assert "\u202e" not in display_name("Jan\u202esen^Anna")


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("X^Anna", "X^ANNA", "equal"),
        ("X^A", "X^Anna", "alike"),
        ("X^A.M.", "X^Anna Maria", "alike"),
        ("X^Johanna", "X^Johana", "alike"),
        ("X^Anna", "X^Bert", "differs"),
        ("X", "X^Bert", "missing"),
    ],
)
def test_given_names(left: str, right: str, expected: str) -> None:
    assert compare_given_names(left, right).agreement == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Evans-West^Mary Jane", "EVANS-WEST, Mary Jane"),
        ("Vries^Anna^M^dr", "VRIES, Anna M (dr)"),
        ("HEAD", "HEAD"),
        ("^Anna", "Anna"),
        ("=山田^太郎", "山田, 太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "YAMADA, Tarou [山田 太郎]"),
        ("", ""),
        ("^^^^", ""),
    ],
)
def test_display(name: str, expected: str) -> None:
    assert display_name(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Vries^Sanne^^de", "Sanne de Vries"),
        ("de Vries^Sanne^M", "Sanne M de Vries"),
        ("Vries^Anna^^dr.", "Anna Vries"),
        ("Berg^Jan^^van den", "Jan van den Berg"),
        ("Sanne de Vries", "Sanne de Vries"),
        ("=山田^太郎", "太郎 山田"),
        ("Vri\u202ees^Anna", "Anna Vries"),
        ("", ""),
    ],
)
def test_a_reader_is_named_as_people_say_it(name: str, expected: str) -> None:
    assert spoken_name(name) == expected


def test_family_name_is_of_the_first_group_that_has_one() -> None:
    assert family_name("=山田^太郎") == "山田"
    assert family_name("van den Berg^Jan") == "van den Berg"


@pytest.mark.parametrize(
    ("left", "right", "expected"), [("ab", "ba", 1), ("abc", "abd", 1), ("", "ab", 2), ("kitten", "sitting", 3)]
)
def test_edit_distance_counts_a_swap_as_one(left: str, right: str, expected: int) -> None:
    assert edit_distance(left, right) == edit_distance(right, left) == expected


def test_folding_leaves_no_accent() -> None:
    assert folded("ŐÖŁØß ё") == "oolo" + "ss е"
