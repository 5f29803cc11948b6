"""Dates and times to match: single values and ranges (PS3.4 C.2.2.2.5), each with the precision that it has."""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime

from ups.datetimes import datetime_from_dt

_DT = r"\d{4,14}(?:\.\d{1,6})?(?:[+-]\d{4})?"
_SINGLE = re.compile(_DT)
_RANGE = re.compile(rf"({_DT})?-({_DT})?")
_DATE = re.compile(r"\d{8}")
_TIME = re.compile(r"(\d{2}|\d{4}|\d{6})(\.\d{1,6})?")
_LAST_MOMENT = "99991231235959"
_WRONG = {
    "DA": "a date must be YYYYMMDD or a range of two",
    "TM": "a time must be HH, HHMM or HHMMSS or a range of two",
}
_WRONG_DT = "a date and time must be a DT value or a range of two"


class MatchingError(ValueError):
    """A query that cannot be answered; the text says which part."""


def moments(value: str) -> tuple[str, str]:
    """First and last moment of a DT value or range, as DT; "" = open. Raises `MatchingError`."""
    found = _RANGE.fullmatch(value)
    if _SINGLE.fullmatch(value):
        first, last = value, value
    elif found and (found.group(1) or found.group(2)):
        first, last = found.group(1) or "", found.group(2) or ""
    else:
        raise MatchingError(_WRONG_DT)
    last = _to_the_end(last)
    for moment in (first, last):
        try:
            if moment:
                _in_utc(moment)
        except (ValueError, OverflowError) as error:
            raise MatchingError(_WRONG_DT) from error
    return first, last


def is_within(text: str, first: str, last: str) -> bool:
    """Whether a stored DT lies between two moments; "" = open."""
    try:
        moment = _in_utc(text)
    except (ValueError, OverflowError):
        return False
    return (not first or moment >= _in_utc(first)) and (not last or moment <= _in_utc(last))


def range_of(value: str, vr: str) -> tuple[str, str]:
    """First and last of a DA or TM value or range, comparable as texts; "" = open. Raises `MatchingError`."""
    first, dash, last = value.partition("-")
    if not dash:
        last = first
    pattern = _DATE if vr == "DA" else _TIME
    if not (first or last) or not all(pattern.fullmatch(one) for one in (first, last) if one):
        raise MatchingError(_WRONG[vr])
    if vr == "DA":
        for one in (first, last):
            _check_date(one)
        return first, last
    return _padded(first, "0"), _padded(last, "9")


def date_is_within(text: str, value: str) -> bool:
    """Whether a stored DA answers to a DA value or range."""
    first, last = range_of(value, "DA")
    return bool(text) and (not first or first <= text) and (not last or text <= last)


def time_is_within(text: str, value: str) -> bool:
    """Whether a stored TM answers to a TM value or range; 08 means all of that hour."""
    if not _TIME.fullmatch(text.strip()):
        return False
    moment = _padded(text.strip(), "0")
    first, last = range_of(value, "TM")
    return (not first or first <= moment) and (not last or moment <= last)


def _in_utc(moment: str) -> datetime:
    return datetime_from_dt(moment).astimezone(UTC)


def _check_date(text: str) -> None:
    try:
        if text:
            datetime_from_dt(text)
    except ValueError as error:
        raise MatchingError(_WRONG["DA"]) from error


def _padded(time: str, digit: str) -> str:
    """HHMMSS.FFFFFF; what is not said is filled with zeros or with nines."""
    if not time:
        return ""
    whole, _, fraction = time.partition(".")
    if len(whole) < 6 and digit == "9":
        whole += "5959"[len(whole) - 2 :]
    return f"{whole.ljust(6, '0')}.{fraction.ljust(6, digit)}"


def _to_the_end(moment: str) -> str:
    """A moment of less than second precision means all of it: 2024 ends with its last second."""
    found = re.fullmatch(r"(\d{4,14})(\.\d{1,6})?([+-]\d{4})?", moment)
    if not found or found.group(2) or len(found.group(1)) >= 14:
        return moment
    digits = found.group(1)
    if len(digits) == 4:
        digits += "12"
    if len(digits) == 6:
        try:
            digits += str(calendar.monthrange(int(digits[:4]), int(digits[4:]))[1])
        except ValueError as error:  # month 0 or 13
            raise MatchingError(_WRONG_DT) from error
    return f"{digits}{_LAST_MOMENT[len(digits) :]}.999999{found.group(3) or ''}"
