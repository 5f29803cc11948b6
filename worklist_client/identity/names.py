"""Person names as DICOM writes them (PS3.5 6.2.1), shown to people, and compared across hospitals.

Comparing is for one question only: could a family name of two records be the same one, written differently? It folds
accents and case, sets Dutch prefixes aside, and tries both halves of a double name. It is never enough by itself.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

PREFIXES = frozenset(
    (
        "aan", "af", "al", "am", "auf", "bij", "d", "da", "dal", "de", "del", "della", "den", "der", "des", "di",
        "do", "dos", "du", "el", "en", "het", "in", "la", "las", "le", "les", "los", "op", "over", "s", "t", "te",
        "ten", "ter", "thoe", "toe", "tot", "uit", "v", "van", "vanden", "vander", "vd", "ver", "vom", "von",
        "voor", "zu", "zum", "zur",
    )
)  # fmt: skip
"""Name prefixes that systems keep, drop, abbreviate or move to another component; they never decide."""

PLACEHOLDERS = frozenset(
    (
        "anon", "anoniem", "anonymous", "baby", "babyboy", "babygirl", "boreling", "dochter", "nb", "neonaat",
        "newborn", "nn", "onbekend", "pasgeborene", "patient", "test", "testpatient", "trauma", "unidentified",
        "unknown", "xx", "xxx", "zoon", "zz", "zzz", "zztest",
    )
)  # fmt: skip
"""Words that stand where a name is not known yet; two of them being equal says nothing about a person."""

_OTHER_LETTERS = str.maketrans(
    {"ø": "o", "đ": "d", "ð": "d", "ł": "l", "ħ": "h", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe", "ŋ": "n", "ɓ": "b"}
)
"""Latin letters that Unicode does not decompose into a letter and an accent."""

_BETWEEN_NAMES = re.compile(
    r"[-\u2010-\u2015\u2212/]|\be\.?v\.?\b|\bgeb\.?(?=\s)|\bgeboren\b|\bnee\b|\bn\u00e9e\b", re.IGNORECASE
)
"""Between the names of a married woman or a double name: hyphens of all kinds, "e/v", "geb."."""

_APOSTROPHES = re.compile(r"['`\u00b4\u2018\u2019\u02bc]")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
SPOOFING = re.compile(r"[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
"""Control and direction characters, which can make a name look like another one."""

EDITS_BY_LENGTH = ((4, 0), (8, 1), (99, 2))
"""(longest name, typing errors allowed). Short names differ by one letter between different people (Bos, Bot); in
longer ones a single slip is the commonest difference between two registrations of one person."""


@dataclass(frozen=True, slots=True)
class PersonName:
    """One component group of a DICOM person name."""

    family: str = ""
    given: str = ""
    middle: str = ""
    prefix: str = ""
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class NameAgreement:
    """`agreement` as in `Evidence`: equal, alike, differs, missing, invalid. `reason` says why in plain English."""

    agreement: str
    reason: str = ""


def groups(name: str) -> tuple[PersonName, PersonName, PersonName]:
    """Alphabetic, ideographic and phonetic group; absent ones are empty."""
    texts = [*name.split("="), "", ""][:3]
    found = []
    for text in texts:
        components = [part.strip() for part in [*SPOOFING.sub("", text).split("^"), "", "", "", "", ""][:5]]
        found.append(PersonName(*components))
    return found[0], found[1], found[2]


def family_name(name: str) -> str:
    """Family name of the first group that has one, as written."""
    return next((group.family for group in groups(name) if group.family), "")


def display_name(name: str) -> str:
    """FAMILY, Given Middle (prefix); an ideographic group follows in brackets. Empty where there is no name."""
    alphabetic, ideographic, phonetic = groups(name)
    first = next((group for group in (alphabetic, ideographic, phonetic) if group.family or group.given), None)
    if first is None:
        return ""
    given = " ".join(part for part in (first.given, first.middle) if part)
    shown = ", ".join(part for part in (first.family.upper(), given) if part)
    if first.prefix:
        shown += f" ({first.prefix})"
    other = " ".join(part for part in (ideographic.family, ideographic.given) if part)
    return f"{shown} [{other}]" if other and first is alphabetic else shown


def spoken_name(name: str) -> str:
    """Given Middle prefix Family, as people say it: for those who know each other, never for patients. A title is left
    out; of several scripts the first is said. Empty where there is no name."""
    first = next((group for group in groups(name) if group.family or group.given), PersonName())
    prefix = first.prefix if set(_words(first.prefix)) <= PREFIXES else ""
    return " ".join(part for part in (first.given, first.middle, prefix, first.family) if part)


def compare_family_names(left: str, right: str) -> NameAgreement:
    """Whether the family names of two DICOM names may be one. Symmetric."""
    if _is_placeholder(left) or _is_placeholder(right):
        return NameAgreement("invalid", "a stand-in for a name that was not known")
    best = NameAgreement("missing", "no family name in a script that both have")
    for one, other in zip(groups(left), groups(right), strict=True):
        if not one.family or not other.family:
            continue
        found = _compare_families(one.family, other.family)
        if found.agreement in ("equal", "alike"):
            return found
        best = found
    return best


def compare_given_names(left: str, right: str) -> NameAgreement:
    """Shown on the card; never decides."""
    for one, other in zip(groups(left), groups(right), strict=True):
        if not one.given or not other.given:
            continue
        first, second = _words(one.given), _words(other.given)
        if first == second:
            return NameAgreement("equal")
        if _are_initials(first, second):
            return NameAgreement("alike", "initials")
        if first and second and _is_slip("".join(first), "".join(second)):
            return NameAgreement("alike", "differs by a typing error")
        return NameAgreement("differs")
    return NameAgreement("missing")


def folded(text: str) -> str:
    """Lower case without accents: ő and ö become o, ё becomes е, ß becomes ss."""
    decomposed = unicodedata.normalize("NFKD", SPOOFING.sub("", text)).casefold()
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return bare.translate(_OTHER_LETTERS)


def edit_distance(left: str, right: str) -> int:
    """Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(right) + 1))
    for row, one in enumerate(left, start=1):
        current = [row]
        for column, other in enumerate(right, start=1):
            cost = min(last[column] + 1, current[-1] + 1, last[column - 1] + (one != other))
            if row > 1 and column > 1 and one == right[column - 2] and left[row - 2] == other:
                cost = min(cost, before[column - 2] + 1)
            current.append(cost)
        before, last = last, current
    return last[-1]


def _compare_families(left: str, right: str) -> NameAgreement:
    first, second = _spellings(left), _spellings(right)
    if not first or not second:
        return NameAgreement("missing", "no letters in the family name")
    if folded(left) == folded(right):
        return NameAgreement("equal")
    if first & second:
        return NameAgreement("alike", "equal but for prefixes, hyphens or one part of a double name")
    for one in sorted(first):
        for other in sorted(second):
            if _is_slip(one, other):
                return NameAgreement("alike", "differs by a typing error")
    return NameAgreement("differs")


def _spellings(family: str) -> frozenset[str]:
    """Every way this family name may stand in another system: whole, without prefixes, each part of a double name."""
    found: set[str] = set()
    for part in (family, *_BETWEEN_NAMES.split(family)):
        words = _words(part)
        bare = [word for word in words if word not in PREFIXES]
        # A name that is nothing but a prefix (Le, Van, Do) is that person's name.
        found.add("".join(words))
        found.add("".join(bare or words))
    # A prefix left over between two halves of a double name is not a name.
    return frozenset(name for name in found if name and (name not in PREFIXES or name == "".join(_words(family))))


def _words(text: str) -> list[str]:
    return [word for word in _NOT_LETTERS.split(_APOSTROPHES.sub("", folded(text))) if word]


def _is_placeholder(name: str) -> bool:
    return any(
        word in PLACEHOLDERS for group in groups(name) for text in (group.family, group.given) for word in _words(text)
    )


def _is_slip(left: str, right: str) -> bool:
    """Whether two spellings differ by no more typing errors than their length allows; never by a first letter alone."""
    allowed = next(edits for longest, edits in EDITS_BY_LENGTH if min(len(left), len(right), 99) <= longest)
    if abs(len(left) - len(right)) > allowed:
        return False
    return edit_distance(left, right) <= allowed


def _are_initials(left: list[str], right: list[str]) -> bool:
    if not left or not right:
        return False
    shorter, longer = sorted((left, right), key=lambda words: sum(map(len, words)))
    return len(shorter[0]) <= 2 and longer[0].startswith(shorter[0][0])
