"""Attribute matching of a search: every kind of PS3.4 C.2.2.2 that PS3.18 8.3.4.1 calls for.

Single value, list of UIDs, universal (no value), wildcard, range of dates and times, sequence; and, where the query
asks for them by name (PS3.18 8.3.4.6 and 8.3.4.7), empty value and multiple value. A workitem matches a sequence where
*one* item answers to all keys of that sequence. Study Date and Study Time together are one moment (C.2.2.2.5.1).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ups import dicom_json as dj
from ups.tags import KEYWORD_OF, VR_OF
from worklist_hub.workitem.moments import (
    MatchingError,
    date_is_within,
    is_within,
    moments,
    range_of,
    time_is_within,
)

__all__ = ["Match", "MatchKind", "MatchingError", "answers", "match_from", "matches", "moments", "wanted_from"]

_RANGED = ("DA", "TM", "DT")
_WILD = ("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
"""Elsewhere * and ? are no wildcards (PS3.4 C.2.2.2.4)."""
_NUMBERS = ("DS", "IS", "US")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
MAX_VALUE = 4096
MAX_DEPTH = 8
_EMPTY = '""'
_STUDY_MOMENT = ("StudyDate", "StudyTime")


class MatchKind(StrEnum):
    """How the value is meant; what is not PLAIN was asked for by name."""

    PLAIN = "plain"
    EMPTY = "empty value"
    ANY_OF = "multiple value"


@dataclass(frozen=True, slots=True)
class Match:
    """One attribute to match: keywords from the outside in, and the value as it was asked."""

    path: tuple[str, ...]
    value: str
    kind: MatchKind = MatchKind.PLAIN

    @property
    def keyword(self) -> str:
        """The attribute itself."""
        return self.path[-1]

    @property
    def is_plain(self) -> bool:
        """A single value at the top level, without wildcard, range or list."""
        return (
            self.kind is MatchKind.PLAIN
            and len(self.path) == 1
            and not re.search(r"[*?,\\]", self.value)
            and VR_OF[self.keyword] not in _RANGED
        )


def match_from(key: str, value: str, *, with_empty: bool = False, with_multiple: bool = False) -> Match:
    """From a query parameter: keywords or tags, dotted. Raises `MatchingError`."""
    parts = key.split(".")
    if len(parts) > MAX_DEPTH:
        raise MatchingError(f"{key[:80]} is nested too deep")
    path = []
    for part in parts:
        keyword = KEYWORD_OF.get(part.upper(), part)
        if keyword not in VR_OF:
            raise MatchingError(f"{_shown(key)} is not an attribute of a workitem that can be searched")
        path.append(keyword)
    if any(VR_OF[keyword] != "SQ" for keyword in path[:-1]):
        raise MatchingError(f"{_shown(key)} does not lead to a value")
    if len(value) > MAX_VALUE or _CONTROL.search(value):
        raise MatchingError(f"the value of {_shown(key)} is too long or holds control characters")
    if with_empty and value == _EMPTY:
        return Match(tuple(path), value, MatchKind.EMPTY)
    vr = VR_OF[path[-1]]
    if vr == "SQ" and value:
        raise MatchingError(f"{_shown(key)} does not lead to a value")
    several = with_multiple and "\\" in value and vr != "UI"
    if several and not all(value.split("\\")):
        raise MatchingError(f"a value of {_shown(key)} is empty; of several none may be")
    for one in value.split("\\") if several else [value]:
        _check_value(one, vr)
    return Match(tuple(path), value, MatchKind.ANY_OF if several else MatchKind.PLAIN)


def wanted_from(
    pairs: Sequence[tuple[str, str]], *, with_empty: bool = False, with_multiple: bool = False
) -> list[Match]:
    """Every match of a query. Raises `MatchingError`, also where an attribute stands there twice."""
    found = [match_from(key, value, with_empty=with_empty, with_multiple=with_multiple) for key, value in pairs]
    if len({one.path for one in found}) < len(found):
        raise MatchingError("an attribute may be matched once only")
    return found


def matches(dataset: Mapping[str, Any], wanted: Sequence[Match]) -> bool:
    """Whether a workitem answers to every match."""
    values = {one.keyword: one.value for one in wanted if len(one.path) == 1}
    if all(_is_range(values.get(keyword, "")) for keyword in _STUDY_MOMENT):
        if not _is_within_study_moment(dataset, *(values[keyword] for keyword in _STUDY_MOMENT)):
            return False
        wanted = [one for one in wanted if one.keyword not in _STUDY_MOMENT or len(one.path) > 1]
    return _matches_item(dataset, [(one.path, one) for one in wanted])


def _matches_item(dataset: Mapping[str, Any], wanted: Sequence[tuple[tuple[str, ...], Match]]) -> bool:
    """One item against all keys that lie in it: keys of one sequence must be answered by one item together."""
    inside: dict[str, list[tuple[tuple[str, ...], Match]]] = {}
    for path, match in wanted:
        if len(path) == 1:
            if not _matches_value(dataset, match):
                return False
        elif match.value:
            inside.setdefault(path[0], []).append((path[1:], match))
    for sequence, keys in inside.items():
        items = dj.items(dataset, sequence) or _absent(keys)
        if not any(_matches_item(item, keys) for item in items):
            return False
    return True


def _absent(keys: Sequence[tuple[tuple[str, ...], Match]]) -> tuple[Mapping[str, Any], ...]:
    """What is not there is empty, too: only empty value matching can find it."""
    return ({},) if all(match.kind is MatchKind.EMPTY for _, match in keys) else ()


def _matches_value(dataset: Mapping[str, Any], match: Match) -> bool:
    if match.kind is MatchKind.EMPTY:
        found = dj.items(dataset, match.keyword) if VR_OF[match.keyword] == "SQ" else dj.texts(dataset, match.keyword)
        return not any(found)
    if not match.value:
        return True
    vr, found = VR_OF[match.keyword], dj.texts(dataset, match.keyword)
    alternatives = match.value.split("\\") if match.kind is MatchKind.ANY_OF else [match.value]
    return any(answers(vr, text, value) for value in alternatives for text in found)


def answers(vr: str, text: str, value: str) -> bool:
    """Whether one stored value answers to one asked value."""
    if vr == "UI":
        return text in re.split(r"[,\\]", value)
    if vr == "DT":
        return is_within(text, *moments(value))
    if vr == "DA":
        return date_is_within(text, value)
    if vr == "TM":
        return time_is_within(text, value)
    if vr in _NUMBERS:
        return _is_same_number(text, value)
    if vr == "PN":
        text, value = text.casefold(), value.casefold()
    if vr not in _WILD or not ("*" in value or "?" in value):
        return text == value
    return re.match(fnmatch.translate(value.replace("[", "[[]")), text) is not None


def _check_value(value: str, vr: str) -> None:
    if not value:
        return
    try:
        if vr == "DT":
            moments(value)
        elif vr in ("DA", "TM"):
            range_of(value, vr)
        elif vr in _NUMBERS:
            float(value)
    except MatchingError:
        raise
    except ValueError as error:
        raise MatchingError("a number must be matched with a number") from error


def _is_range(value: str) -> bool:
    return "-" in value


def _is_within_study_moment(dataset: Mapping[str, Any], dates: str, times: str) -> bool:
    date, time = dj.text(dataset, "StudyDate"), dj.text(dataset, "StudyTime")
    if not date:
        return False
    (first_date, last_date), (first_time, last_time) = range_of(dates, "DA"), range_of(times, "TM")
    moment = (date, range_of(time or "000000", "TM")[0])
    begin = (first_date or "0", first_time or "0")
    end = (last_date or "9" * 8, last_time or "9" * 13)
    return begin <= moment <= end


def _is_same_number(text: str, value: str) -> bool:
    try:
        return float(text) == float(value)
    except ValueError:
        return text == value


def _shown(key: str) -> str:
    """A key as it may stand in an answer."""
    return re.sub(r"[^\x20-\x7e]", "?", key[:80])
