"""Attribute matching of a search (PS3.18 8.3.4, PS3.4 C.2.2.2): value, wildcard, range, list of UIDs, sequence."""

from __future__ import annotations

import calendar
import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ups import dicom_json as dj
from ups.datetimes import datetime_from_dt
from ups.tags import KEYWORD_OF, VR_OF

_DT = r"\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?"
_SINGLE = re.compile(_DT)
_RANGE = re.compile(rf"({_DT})?-({_DT})?")
_LAST_MOMENT = "99991231235959"


class MatchingError(ValueError):
    """A query that cannot be answered; the text says which part."""


@dataclass(frozen=True, slots=True)
class Match:
    """One attribute to match: keywords from the outside in, and the value as it was asked."""

    path: tuple[str, ...]
    value: str

    @property
    def keyword(self) -> str:
        """The attribute itself."""
        return self.path[-1]

    @property
    def is_plain(self) -> bool:
        """A single value at the top level, without wildcard, range or list."""
        return len(self.path) == 1 and not re.search(r"[*?,\\]", self.value) and VR_OF[self.keyword] not in _RANGED


_RANGED = ("DA", "TM", "DT")


def match_from(key: str, value: str) -> Match:
    """From a query parameter: keywords or tags, dotted. Raises `MatchingError`."""
    path = []
    for part in key.split("."):
        keyword = KEYWORD_OF.get(part.upper(), part)
        if keyword not in VR_OF:
            raise MatchingError(f"{key[:80]} is not an attribute of a workitem that can be searched")
        path.append(keyword)
    if any(VR_OF[keyword] != "SQ" for keyword in path[:-1]) or VR_OF[path[-1]] == "SQ":
        raise MatchingError(f"{key[:80]} does not lead to a value")
    if value and VR_OF[path[-1]] == "DT":
        moments(value)
    return Match(tuple(path), value)


def matches(dataset: Mapping[str, Any], wanted: Sequence[Match]) -> bool:
    """Whether a workitem answers to every match."""
    return all(_matches(dataset, one.path, one.value) for one in wanted)


def moments(value: str) -> tuple[str, str]:
    """First and last moment of a DT value or range, as DT; "" = open. Raises `MatchingError`."""
    found = _RANGE.fullmatch(value)
    if _SINGLE.fullmatch(value):
        first, last = value, value
    elif found and (found.group(1) or found.group(2)):
        first, last = found.group(1) or "", found.group(2) or ""
    else:
        raise MatchingError("a date and time must be a DT value or a range of two")
    for moment in (first, last):
        try:
            if moment:
                datetime_from_dt(moment)
        except ValueError as error:
            raise MatchingError("a date and time must be a DT value or a range of two") from error
    return first, _to_the_end(last)


def _to_the_end(moment: str) -> str:
    """A moment of less than second precision means all of it: 2024 ends with its last second."""
    found = re.fullmatch(r"(\d{4,14})(\.\d{1,6})?([+-]\d{4})?", moment)
    if not found or found.group(2) or len(found.group(1)) >= 14:
        return moment
    digits = found.group(1)
    if len(digits) == 4:
        digits += "12"
    if len(digits) == 6:
        digits += str(calendar.monthrange(int(digits[:4]), int(digits[4:]))[1])
    return f"{digits}{_LAST_MOMENT[len(digits) :]}.999999{found.group(3) or ''}"


def _matches(dataset: Mapping[str, Any], path: tuple[str, ...], value: str) -> bool:
    keyword, *rest = path
    if rest:
        return not value or any(_matches(item, tuple(rest), value) for item in dj.items(dataset, keyword))
    if not value:
        return True
    vr = VR_OF[keyword]
    found = dj.texts(dataset, keyword)
    if vr == "UI":
        return any(one in re.split(r"[,\\]", value) for one in found)
    if vr == "DT":
        return any(_is_within(one, *moments(value)) for one in found)
    if vr in _RANGED and "-" in value:
        first, _, last = value.partition("-")
        return any((not first or first <= one) and (not last or one[: len(last)] <= last) for one in found)
    if vr == "PN":
        found, value = tuple(one.casefold() for one in found), value.casefold()
    pattern = fnmatch.translate(value.replace("[", "[[]"))
    return any(re.match(pattern, one) for one in found)


def _is_within(text: str, first: str, last: str) -> bool:
    try:
        moment = datetime_from_dt(text)
    except ValueError:
        return False
    return (not first or moment >= datetime_from_dt(first)) and (not last or moment <= datetime_from_dt(last))
