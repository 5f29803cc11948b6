"""Design decision 4 in its exact words, and ten thousand pairs that try to be taken for one person."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worklist_client.identity import national_id
from worklist_client.identity.compare import birth_date_value, compare
from worklist_client.identity.links import Gate, LinkRefused, confirmed_link, declined_link, gate, tickable
from worklist_client.identity.patient import PatientIdentity, PatientKey, Verdict
from worklist_client.journal import LinkRow

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BSN, OTHER_BSN = "111222333", "123456782"
ANNA = PatientIdentity(PatientKey("NORTH", "100"), "north", "Jansen^Anna", "19600312", "F", BSN)
WEST = replace(ANNA, key=PatientKey("WEST", "W-7"), site_id="west")


def verdict(left: PatientIdentity, right: PatientIdentity) -> Verdict:
    """The verdict, asked both ways round."""
    one, other = compare(left, right), compare(right, left)
    assert one.verdict is other.verdict
    assert [(row.left, row.right, row.agreement) for row in one.evidence] == [
        (row.right, row.left, row.agreement) for row in other.evidence
    ]
    return one.verdict


def agreement(left: PatientIdentity, right: PatientIdentity, name: str) -> str:
    return next(row.agreement for row in compare(left, right).evidence if row.name_of_field == name)


def test_all_four_agreeing_is_the_same_person() -> None:
    assert verdict(ANNA, WEST) is Verdict.SAME


@pytest.mark.parametrize("missing", ["name", "birth_date", "national_id"])
def test_a_missing_value_is_probable(missing: str) -> None:
    assert verdict(ANNA, replace(WEST, **{missing: ""})) is Verdict.PROBABLE


def test_a_missing_sex_contradicts_nothing() -> None:
    assert verdict(ANNA, replace(WEST, sex="")) is Verdict.SAME
    assert verdict(ANNA, replace(WEST, sex="U")) is Verdict.SAME


@pytest.mark.parametrize(
    "change",
    [
        {"birth_date": "19600313"},
        {"sex": "M"},
        {"sex": "O"},
        {"national_id": OTHER_BSN},
        {"national_id": "111222332"},
    ],
)
def test_two_present_values_that_differ_are_a_conflict(change: dict[str, str]) -> None:
    assert verdict(ANNA, replace(WEST, **change)) is Verdict.CONFLICT


def test_a_conflict_is_one_even_where_everything_else_agrees_by_name_alone() -> None:
    bare = replace(ANNA, national_id="", birth_date="")
    assert verdict(bare, replace(WEST, national_id="", birth_date="", sex="M")) is Verdict.CONFLICT


def test_an_equal_patient_id_is_never_enough() -> None:
    left = PatientIdentity(PatientKey("", "PLASTIC"), "north", "HEAD", "", "M")
    right = PatientIdentity(PatientKey("", "PLASTIC"), "west", "HEAD", "", "M")
    assert verdict(left, right) is Verdict.PROBABLE
    assert agreement(left, right, "patient_id") == "incomparable"


def test_another_family_name_with_the_same_number_is_asked_about() -> None:
    assert verdict(ANNA, replace(WEST, name="Bakker^Anna")) is Verdict.PROBABLE


def test_an_equal_number_that_fails_the_11_test_is_no_proof() -> None:
    wrong = "111222334"
    assert verdict(replace(ANNA, national_id=wrong), replace(WEST, national_id=wrong)) is Verdict.PROBABLE


@pytest.mark.parametrize("stand_in", ["000000000", "999999990", "111111110", "ONBEKEND", "12"])
def test_numbers_that_stand_for_unknown_prove_and_contradict_nothing(stand_in: str) -> None:
    left, right = replace(ANNA, national_id=stand_in), replace(WEST, national_id=stand_in)
    assert verdict(left, right) is Verdict.PROBABLE
    assert verdict(ANNA, right) is Verdict.PROBABLE
    assert agreement(ANNA, right, "national_id") == "invalid"


def test_the_number_may_be_written_with_dots_or_without_its_leading_zero() -> None:
    assert national_id.is_valid("012345672")
    left, right = replace(ANNA, national_id="012345672"), replace(WEST, national_id="1234.56.72")
    assert verdict(left, right) is Verdict.SAME


def test_twins_share_everything_but_the_number_and_are_two() -> None:
    twin = replace(ANNA, key=PatientKey("WEST", "W-8"), name="Jansen^Anne", national_id=OTHER_BSN)
    assert verdict(ANNA, twin) is Verdict.CONFLICT
    assert verdict(replace(ANNA, national_id=""), twin) is Verdict.PROBABLE


def test_a_newborn_is_not_its_mother_and_not_same_by_a_stand_in_name() -> None:
    baby = replace(WEST, name="Baby van Jansen", birth_date="20260228")
    assert verdict(ANNA, baby) is Verdict.CONFLICT
    named = replace(baby, site_id="north", key=PatientKey("NORTH", "101"), name="Jansen^Bo")
    assert verdict(baby, named) is Verdict.PROBABLE
    assert verdict(replace(baby, name="Jansen^Baby"), named) is Verdict.PROBABLE


def test_two_unknown_trauma_patients_are_not_one() -> None:
    left = PatientIdentity(PatientKey("NORTH", "900"), "north", "Onbekend^Trauma", "19000101", "M")
    assert verdict(left, replace(left, key=PatientKey("WEST", "900"))) is Verdict.PROBABLE
    assert verdict(replace(left, national_id=BSN), replace(left, national_id=BSN)) is Verdict.PROBABLE


def test_a_name_change_by_marriage_keeps_the_person() -> None:
    assert verdict(ANNA, replace(WEST, name="de Vries-Jansen^Anna")) is Verdict.SAME
    assert verdict(ANNA, replace(WEST, name="de Vries^Anna")) is Verdict.PROBABLE


@pytest.mark.parametrize("stand_in", ["19000101", "19010101"])
def test_a_date_that_stands_for_unknown_proves_nothing_but_still_differs(stand_in: str) -> None:
    left, right = replace(ANNA, birth_date=stand_in), replace(WEST, birth_date=stand_in)
    assert verdict(left, right) is Verdict.PROBABLE
    assert verdict(ANNA, right) is Verdict.CONFLICT


def test_first_of_january_of_the_right_year_is_not_the_right_day() -> None:
    assert verdict(ANNA, replace(WEST, birth_date="19600101")) is Verdict.CONFLICT


@pytest.mark.parametrize("text", ["1960", "19600000", "00000000", "unknown", "19600231", "11111111"])
def test_a_text_that_is_no_date_of_birth_is_no_value(text: str) -> None:
    assert birth_date_value(text) == ""
    assert verdict(ANNA, replace(WEST, birth_date=text)) is Verdict.PROBABLE


@pytest.mark.parametrize("text", ["1960.03.12", "1960-03-12", " 19600312 "])
def test_other_ways_of_writing_a_date(text: str) -> None:
    assert verdict(ANNA, replace(WEST, birth_date=text)) is Verdict.SAME


# ten thousand adversarial pairs

FAMILY = ["Jansen", "Janssen", "Jansma", "de Vries", "de Jong", "van den Berg", "Bakker", "Bekker", "Li", "Erdős", "Le"]
GIVEN = ["Anna", "Anne", "Jan", "Johan", "Maria", "Baby"]


def valid_numbers(count: int, chosen: random.Random) -> list[str]:
    found: set[str] = set()
    while len(found) < count:
        digits = f"{chosen.randrange(10**8, 10**9)}"
        if national_id.is_valid(digits):
            found.add(digits)
    return sorted(found)


def swapped(text: str, chosen: random.Random) -> str:
    """Two neighbouring digits exchanged, the commonest typing error there is."""
    places = [place for place in range(len(text) - 1) if text[place] != text[place + 1]]
    if not places:
        return text
    place = chosen.choice(places)
    return text[:place] + text[place + 1] + text[place] + text[place + 2 :]


def mistyped(person: PatientIdentity, chosen: random.Random) -> PatientIdentity:
    """The record of this person at another hospital, with that hospital's ways and errors."""
    changes = {
        "number swapped": lambda: replace(person, national_id=swapped(person.national_id, chosen)),
        "one digit wrong": lambda: replace(person, national_id=person.national_id[:-1] + chosen.choice("0123456789")),
        "no number": lambda: replace(person, national_id=""),
        "date swapped": lambda: replace(person, birth_date=swapped(person.birth_date, chosen)),
        "1 January": lambda: replace(person, birth_date=person.birth_date[:4] + "0101"),
        "no date": lambda: replace(person, birth_date=""),
        "upper case": lambda: replace(person, name=person.name.upper()),
        "newborn": lambda: replace(person, name=f"Baby of {person.name}"),
        "clean": lambda: person,
    }
    return chosen.choice(list(changes.values()))()


def known_bad(left: PatientIdentity, right: PatientIdentity) -> Verdict:
    """What many systems do: name, birth date and sex are enough."""
    agrees = {row.agreement for row in compare(left, right).evidence if row.name_of_field in ("birth_date", "sex")}
    alike = agreement(left, right, "family_name") in ("equal", "alike")
    return Verdict.SAME if agrees == {"equal"} and alike else Verdict.PROBABLE


def test_no_pair_of_different_people_is_ever_the_same() -> None:
    chosen = random.Random(4)
    numbers = valid_numbers(300, chosen)
    people = []
    for number in numbers:
        # Few names and few dates, so that twins and namesakes are everywhere.
        born = date(1960, 1, 1) + timedelta(days=chosen.randrange(4))
        name = f"{chosen.choice(FAMILY)}^{chosen.choice(GIVEN)}"
        key = PatientKey("NORTH", str(chosen.randrange(50)))
        people.append(PatientIdentity(key, "north", name, born.strftime("%Y%m%d"), chosen.choice("MF"), number))
    same = contradicted = fooled = 0
    for _ in range(10_000):
        one, other = chosen.sample(people, 2)
        left = mistyped(one, chosen)
        right = mistyped(replace(other, key=PatientKey("WEST", one.key.patient_id), site_id="west"), chosen)
        found = verdict(left, right)
        same += found is Verdict.SAME
        contradicted += found is Verdict.CONFLICT
        fooled += known_bad(left, right) is Verdict.SAME
    assert same == 0
    assert contradicted > 5_000
    assert fooled > 0, "the pairs would not even fool a comparison of name and birth date"


def test_clean_records_of_one_person_link_by_themselves() -> None:
    chosen = random.Random(5)
    ways = (str.upper, lambda name: name.replace("de Vries", "Vries"), lambda name: name + "^^^dr", lambda name: name)
    found = 0
    for number in valid_numbers(500, chosen):
        name = f"{chosen.choice(FAMILY)}^{chosen.choice(GIVEN[:-1])}"
        left = replace(ANNA, name=name, national_id=number)
        right = replace(WEST, name=chosen.choice(ways)(name), national_id=number)
        found += verdict(left, right) is Verdict.SAME
    assert found == 500


texts = st.text(alphabet="aeőёJ van-'^=山0\u202e", max_size=12)
identities = st.builds(
    PatientIdentity,
    st.builds(PatientKey, st.sampled_from(["", "A", "B"]), st.sampled_from(["", "1", "2"])),
    st.just("north"),
    texts,
    st.sampled_from(["", "19600312", "19600321", "19000101", "1960", "x"]),
    st.sampled_from(["", "M", "F", "O", "U"]),
    st.sampled_from(["", BSN, OTHER_BSN, "999999990", "111222334", "x"]),
)


@given(identities, identities)
def test_the_verdict_follows_from_the_definition_and_is_symmetric(
    left: PatientIdentity, right: PatientIdentity
) -> None:
    found = verdict(left, right)
    said = {row.name_of_field: row.agreement for row in compare(left, right).evidence}
    if found is Verdict.SAME:
        assert left.national_id == right.national_id
        assert national_id.is_valid(left.national_id)
        assert left.birth_date == right.birth_date != ""
        assert said["family_name"] in ("equal", "alike")
    is_conflict = any(said[name] == "differs" for name in ("national_id", "birth_date", "sex"))
    assert (found is Verdict.CONFLICT) == is_conflict


@given(identities)
def test_nobody_contradicts_oneself(person: PatientIdentity) -> None:
    assert verdict(person, person) is not Verdict.CONFLICT


# the gate

WITHOUT_NUMBER = replace(WEST, national_id="")


def link(ticked: tuple[str, ...] = ("birth_date", "name"), workitem_uid: str = "w1") -> LinkRow:
    found = compare(ANNA, WITHOUT_NUMBER)
    return confirmed_link(
        found, ANNA, WITHOUT_NUMBER, workitem_uid=workitem_uid, ticked=ticked, reader_code="r1", at=NOW
    )


def test_same_opens_probable_asks_and_conflict_is_closed() -> None:
    assert gate(compare(ANNA, WEST), ANNA.key, WEST.key, "w1", []) is Gate.OPEN
    assert gate(compare(ANNA, WITHOUT_NUMBER), ANNA.key, WEST.key, "w1", []) is Gate.CARD
    man = replace(WEST, sex="M")
    assert gate(compare(ANNA, man), ANNA.key, man.key, "w1", [link()]) is Gate.CLOSED


def test_a_confirmed_card_opens_for_its_workitem_alone_and_either_way_round() -> None:
    comparison = compare(ANNA, WITHOUT_NUMBER)
    assert gate(comparison, ANNA.key, WEST.key, "w1", [link()]) is Gate.OPEN
    assert gate(comparison, WEST.key, ANNA.key, "w1", [link()]) is Gate.OPEN
    assert gate(comparison, ANNA.key, WEST.key, "w2", [link()]) is Gate.CARD
    assert gate(comparison, ANNA.key, PatientKey("WEST", "other"), "w1", [link()]) is Gate.CARD


def test_a_record_that_changed_since_the_card_is_asked_about_again() -> None:
    corrected = replace(WITHOUT_NUMBER, name="Jansen^Annie")
    assert gate(compare(ANNA, corrected), ANNA.key, WEST.key, "w1", [link()]) is Gate.CARD


def test_two_identifiers_that_agree_are_needed() -> None:
    assert set(tickable(compare(ANNA, WITHOUT_NUMBER))) == {"birth_date", "name"}
    with pytest.raises(LinkRefused, match="2 identifiers"):
        link(("birth_date", "birth_date"))
    with pytest.raises(LinkRefused, match="does not agree"):
        link(("birth_date", "national_id"))
    with pytest.raises(LinkRefused, match="does not agree"):
        link(("birth_date", "sex"))


def test_family_name_and_given_name_are_one_identifier_and_not_two() -> None:
    only_name = replace(WITHOUT_NUMBER, birth_date="")
    found = compare(ANNA, only_name)
    assert tickable(found) == ("name",)
    with pytest.raises(LinkRefused):
        confirmed_link(
            found, ANNA, only_name, workitem_uid="w1", ticked=("family_name", "given_name"), reader_code="r", at=NOW
        )
    old = replace(link(), identifiers=("family_name", "given_name"))
    assert gate(compare(ANNA, WITHOUT_NUMBER), ANNA.key, WEST.key, "w1", [old]) is Gate.CARD


def test_twins_share_family_name_and_birth_date_and_cannot_be_linked() -> None:
    twin = replace(WITHOUT_NUMBER, name="Jansen^Petra")
    assert tickable(compare(replace(ANNA, name="Jansen^Pieter"), twin)) == ("birth_date",)


def test_patient_numbers_of_two_hospitals_are_not_comparable_also_when_they_are_equal() -> None:
    for number in ("4711", "4712"):
        one = replace(ANNA, key=PatientKey("NORTH", "4711"))
        other = replace(WITHOUT_NUMBER, key=PatientKey("WEST", number))
        row = next(row for row in compare(one, other).evidence if row.name_of_field == "patient_id")
        assert (row.left, row.right, row.agreement) == ("4711", number, "incomparable")
        assert "patient_id" not in tickable(compare(one, other))


def test_two_people_who_were_told_apart_stay_closed_until_a_card_says_otherwise() -> None:
    found = compare(ANNA, WITHOUT_NUMBER)
    told_apart = declined_link(found, ANNA, WITHOUT_NUMBER, workitem_uid="w1", reader_code="r1", at=NOW)
    assert gate(found, ANNA.key, WEST.key, "w1", [told_apart]) is Gate.CARD
    assert gate(found, ANNA.key, WEST.key, "w1", [link(), told_apart]) is Gate.CARD
    assert gate(found, ANNA.key, WEST.key, "w1", [told_apart, link()]) is Gate.OPEN


def test_a_conflict_cannot_be_confirmed() -> None:
    man = replace(WEST, sex="M")
    with pytest.raises(LinkRefused, match="contradict"):
        confirmed_link(
            compare(ANNA, man), ANNA, man, workitem_uid="w1", ticked=("birth_date", "name"), reader_code="r",
            at=NOW,
        )  # fmt: skip


def test_records_without_birth_date_can_be_confirmed_by_name_and_patient_number_of_one_issuer() -> None:
    left = PatientIdentity(PatientKey("REGION", "PLASTIC"), "north", "HEAD", "", "M")
    assert tickable(compare(left, replace(left, site_id="west"))) == ("name", "patient_id")
    nobody = replace(left, key=PatientKey("", "PLASTIC"))
    assert tickable(compare(nobody, replace(nobody, site_id="west"))) == ("name",)
