"""May two records be one person? One pure function, design decision 4, in its exact words.

*same*: national ID equal and valid, birth date equal, sex not contradictory, family name alike. *conflict*: two present
values of birth date, sex or national ID differ. *probable*: everything else, missing values too.

A text that holds no value (a word where a number belongs, 19000000, sex U, the numbers that stand for "unknown") is not
a present value: it neither makes a *same* nor a *conflict*.
"""

from __future__ import annotations

import re
from datetime import date

from worklist_client.identity import national_id
from worklist_client.identity.names import compare_family_names, compare_given_names, display_name
from worklist_client.identity.patient import Comparison, Evidence, PatientIdentity, Verdict

DECIDING = ("national_id", "birth_date", "sex")
"""Fields of which two present values that differ make a conflict."""

EARLIEST_BIRTH_YEAR = 1890
"""Nobody alive was born before it; such dates stand for "unknown"."""

UNKNOWN_BIRTH_DATES = ("19000101", "19010101")
"""Dates that systems write for "unknown". Being equal they prove nothing; differing from another they still differ."""


def compare(left: PatientIdentity, right: PatientIdentity) -> Comparison:
    """The verdict and the rows it rests on, in the order of the card. Swapping the sides swaps the rows' sides only."""
    evidence = (
        _national_ids(left, right),
        _birth_dates(left, right),
        _sexes(left, right),
        _family_names(left, right),
        _given_names(left, right),
        _patient_ids(left, right),
    )
    said = {row.name_of_field: row.agreement for row in evidence}
    if any(said[name] == "differs" for name in DECIDING):
        return Comparison(Verdict.CONFLICT, evidence)
    is_same = (
        said["national_id"] == "equal"
        and said["birth_date"] == "equal"
        and said["sex"] != "differs"
        and said["family_name"] in ("equal", "alike")
    )
    return Comparison(Verdict.SAME if is_same else Verdict.PROBABLE, evidence)


def birth_date_value(text: str) -> str:
    """YYYYMMDD where the text is a date a living person can have; else empty. Takes 1960.03.12 and 1960-03-12 too."""
    digits = re.sub(r"[.\-/ ]", "", text)
    if not re.fullmatch(r"[0-9]{8}", digits):
        return ""
    try:
        found = date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return ""
    return digits if found.year >= EARLIEST_BIRTH_YEAR else ""


def _national_ids(left: PatientIdentity, right: PatientIdentity) -> Evidence:
    one, other = national_id.normal_form(left.national_id), national_id.normal_form(right.national_id)
    agreement, reason = _agreement(left.national_id, right.national_id, one, other)
    if agreement == "equal" and not national_id.is_valid(one):
        agreement, reason = "invalid", "fails the 11-test"
    return Evidence("national_id", left.national_id, right.national_id, agreement, reason)


def _birth_dates(left: PatientIdentity, right: PatientIdentity) -> Evidence:
    one, other = birth_date_value(left.birth_date), birth_date_value(right.birth_date)
    agreement, reason = _agreement(left.birth_date, right.birth_date, one, other)
    if agreement == "equal" and one in UNKNOWN_BIRTH_DATES:
        agreement, reason = "invalid", "a date that stands for unknown"
    return Evidence("birth_date", left.birth_date, right.birth_date, agreement, reason)


def _sexes(left: PatientIdentity, right: PatientIdentity) -> Evidence:
    one, other = (text.strip().upper() for text in (left.sex, right.sex))
    values = [value if value in ("M", "F", "O") else "" for value in (one, other)]
    agreement, reason = _agreement(left.sex, right.sex, *values)
    return Evidence("sex", left.sex, right.sex, agreement, reason)


def _family_names(left: PatientIdentity, right: PatientIdentity) -> Evidence:
    found = compare_family_names(left.name, right.name)
    return Evidence("family_name", display_name(left.name), display_name(right.name), found.agreement, found.reason)


def _given_names(left: PatientIdentity, right: PatientIdentity) -> Evidence:
    found = compare_given_names(left.name, right.name)
    return Evidence("given_name", display_name(left.name), display_name(right.name), found.agreement, found.reason)


def _patient_ids(left: PatientIdentity, right: PatientIdentity) -> Evidence:
    """For the card only: an equal number of two hospitals is chance, of one issuer it is the same patient record."""
    one, other = left.key, right.key
    agreement, reason = _agreement(one.patient_id, other.patient_id, one.patient_id.strip(), other.patient_id.strip())
    if agreement in ("equal", "differs") and not (one.issuer and one.issuer == other.issuer):
        agreement, reason = "incomparable", "numbers of different hospitals say nothing about each other"
    return Evidence("patient_id", one.patient_id, other.patient_id, agreement, reason)


def _agreement(left_text: str, right_text: str, left: str, right: str) -> tuple[str, str]:
    """equal, differs, missing or invalid, from the texts as received and the values they hold."""
    if left and right:
        return ("equal", "") if left == right else ("differs", "")
    if (left_text.strip() and not left) or (right_text.strip() and not right):
        return "invalid", "not a usable value"
    return "missing", ""
