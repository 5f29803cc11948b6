"""Whether what two workitems say of their patients can be one person. Pure.

What is not said contradicts nothing; what is said on both sides must agree: the number of one issuer, birth date, sex,
and the family name. A former number that one side lists among its others is a documented merge.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Final

from ups.workitem import Workitem

UNKNOWN_BIRTH_DATES: Final = ("19000101", "19010101")
"""Written for "unknown"; so is every date before `EARLIEST`."""
EARLIEST: Final = "1890"
PLACEHOLDERS: Final = frozenset(
    [
        "anon",
        "anoniem",
        "anonymous",
        "baby",
        "boreling",
        "nb",
        "neonaat",
        "newborn",
        "nn",
        "onbekend",
        "pasgeborene",
        "patient",
        "test",
        "trauma",
        "unidentified",
        "unknown",
        "xx",
        "xxx",
        "zz",
        "zzz",
    ]
)
"""Words that stand where a name is not known yet."""
PREFIXES: Final = frozenset(
    [
        "aan",
        "bij",
        "d",
        "da",
        "de",
        "del",
        "della",
        "den",
        "der",
        "di",
        "du",
        "el",
        "het",
        "in",
        "la",
        "le",
        "los",
        "op",
        "s",
        "t",
        "te",
        "ten",
        "ter",
        "van",
        "von",
    ]
)
"""Systems keep, drop or move them to another component."""
SLIP: Final = 0.8
"""So alike must two names of `SLIP_LETTERS` or more be to be one with a typing error (0 to 1)."""
SLIP_LETTERS: Final = 5
_BETWEEN_NAMES = re.compile(
    r"[-\u2010-\u2015\u2212/]|\be\.?v\.?\b|\bgeb\.?(?=\s)|\bgeboren\b|\bn[e\u00e9]e\b", re.IGNORECASE
)
_APOSTROPHES = re.compile(r"['`\u00b4\u2018\u2019\u02bc]")
_NOT_LETTERS = re.compile(r"[\W\d_]+")


def is_waiting(item: Workitem) -> bool:
    """Whether this is an order whose images have not come."""
    return not item.study_instance_uid and not item.state.is_final


def contradicts(one: Workitem, other: Workitem) -> bool:
    """Whether these cannot be of one patient, both of one hospital. Symmetric. A patient number without an issuer is
    the hospital's own."""
    of_one, of_other = _numbers(one, other), _numbers(other, one)
    if any(not of_one[issuer] & of_other[issuer] for issuer in of_one.keys() & of_other.keys()):
        return True
    return are_two_people(one, other)


def are_two_people(one: Workitem, other: Workitem) -> bool:
    """The same, whatever their numbers are: for what a hospital may correct by a merge."""
    born, other_born = _birth_date(one), _birth_date(other)
    if born and other_born and born != other_born:
        return True
    if _sex(one) and _sex(other) and _sex(one) != _sex(other):
        return True
    if born and born == other_born and _own_key(one, other) == _own_key(other, one) != ("", ""):
        return False  # one record of one hospital: who marries has another name, and is nobody else
    return _have_two_families(one.patient_name, other.patient_name)


def _numbers(of: Workitem, against: Workitem) -> dict[str, set[str]]:
    """Issuer -> numbers, former ones too."""
    issuer, number = _own_key(of, against)
    found: dict[str, set[str]] = {}
    if number:
        found[issuer] = {number}
    for other in of.other_patient_ids:
        by = other.issuer.strip() or issuer
        if other.patient_id.strip() and (other.issuer.strip() or number):
            found.setdefault(by, set()).add(other.patient_id.strip())
    return found


def _own_key(of: Workitem, against: Workitem) -> tuple[str, str]:
    number = of.patient_id.strip()
    return (of.issuer_of_patient_id.strip() or against.issuer_of_patient_id.strip(), number) if number else ("", "")


def _birth_date(of: Workitem) -> str:
    digits = re.sub(r"[.\-/ ]", "", of.birth_date)
    is_date = re.fullmatch(r"\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", digits, re.ASCII) is not None
    return digits if is_date and digits >= EARLIEST and digits not in UNKNOWN_BIRTH_DATES else ""


def _sex(of: Workitem) -> str:
    said = of.sex.strip().upper()
    return said if said in ("M", "F", "O") else ""


def _have_two_families(name: str, other: str) -> bool:
    """Whether the family names differ in every script that both have."""
    if _is_placeholder(name) or _is_placeholder(other):
        return False
    compared = False
    for one, two in zip(_families(name), _families(other), strict=False):
        if not one or not two:
            continue
        if any(_are_alike(first, second) for first in one for second in two):
            return False
        compared = True
    return compared


def _families(name: str) -> Iterator[frozenset[str]]:
    """Of each group of a DICOM name every way the family name may stand in another system: whole, without prefixes,
    each part of a double name."""
    for group in name.split("="):
        family = group.split("^")[0]
        found = set()
        for part in (family, *_BETWEEN_NAMES.split(family)):
            words = _words(part)
            found |= {"".join(words), "".join([word for word in words if word not in PREFIXES] or words)}
        yield frozenset(found - {""})


def _are_alike(one: str, other: str) -> bool:
    if one == other:
        return True
    return min(len(one), len(other)) >= SLIP_LETTERS and SequenceMatcher(None, one, other).ratio() >= SLIP


def _words(text: str) -> list[str]:
    decomposed = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return [word for word in _NOT_LETTERS.split(_APOSTROPHES.sub("", bare)) if word]


def _is_placeholder(name: str) -> bool:
    return any(word in PLACEHOLDERS for word in _words(name))
