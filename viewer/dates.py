"""The one way in which days and times are written on the screen: 2024-03-31 14:05, which no two countries read
differently. Pure; every window uses these."""

from __future__ import annotations

from datetime import date, datetime


def parse_date(text: str) -> date | None:
    """A DICOM date (YYYYMMDD, or the old YYYY.MM.DD); None for anything else."""
    digits = text.replace(".", "").strip()
    if len(digits) != 8 or not digits.isdigit():
        return None
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def shown_date(text: str) -> str:
    """A DICOM date as 2024-03-31; unreadable ones as they are."""
    day = parse_date(text)
    return day.isoformat() if day is not None else text.strip()


def shown_moment(at: datetime | None) -> str:
    """Day and time of the clock that `at` is of; empty where it is not known."""
    return f"{at:%Y-%m-%d %H:%M}" if at is not None else ""


def shown_since(at: datetime, now: datetime) -> str:
    """The time alone where it is of today, by the clock that `at` is of."""
    return f"{at:%H:%M}" if at.date() == now.astimezone(at.tzinfo).date() else shown_moment(at)
