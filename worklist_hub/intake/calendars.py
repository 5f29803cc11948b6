"""[[calendar]] of hub.toml: named stretches of the week, such as office hours, nights and holidays. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from worklist_hub.intake.tables import Kinds, RuleError, checked

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_KINDS: Final[Kinds] = {"name": str, "site": str, "days": list, "dates": list, "from": str, "to": str}
_A_DAY: Final = timedelta(days=1)
_FAR: Final = 400
"""Days after which a due time that counts within a calendar is given up: it never opens."""


@dataclass(frozen=True, slots=True)
class Period:
    """One [[calendar]] table; several of one name add up. A stretch past midnight belongs to the day it begins."""

    name: str
    site_id: str = ""
    """Empty = every hospital."""
    days: tuple[int, ...] = tuple(range(7))
    """0 = Monday."""
    dates: tuple[date, ...] = ()
    """Days apart from the week; with dates and no days it is these alone."""
    starts: time = time(0)
    ends: time = time(0)
    """The same as `starts`: the whole day."""

    def on(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
        """The stretch that begins on this day, in UTC."""
        if day.weekday() not in self.days and day not in self.dates:
            return None
        last = day if self.ends > self.starts else day + _A_DAY
        begin, end = datetime.combine(day, self.starts, zone), datetime.combine(last, self.ends, zone)
        return begin.astimezone(UTC), end.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Calendars:
    """All of them."""

    periods: tuple[Period, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What rules may refer to."""
        return frozenset(period.name for period in self.periods)

    def holds(self, name: str, site_id: str, moment: datetime, zone: ZoneInfo) -> bool:
        """Whether a moment lies within a calendar."""
        at, day = moment.astimezone(UTC), moment.astimezone(zone).date()
        stretches = self._stretches(name, site_id, (day - _A_DAY, day), zone)
        return any(begin <= at < end for begin, end in stretches)

    def later(self, name: str, site_id: str, moment: datetime, minutes: int, zone: ZoneInfo) -> datetime:
        """The moment by which so many minutes of the calendar have passed; plain minutes where it never opens."""
        left, at = timedelta(minutes=minutes), moment.astimezone(UTC)
        first = moment.astimezone(zone).date() - _A_DAY
        for number in range(_FAR):
            stretches = self._stretches(name, site_id, (first + number * _A_DAY,), zone)
            for begin, end in sorted(stretches):
                begin = max(begin, at)
                if end - begin >= left:
                    return begin + left
                if end > begin:
                    left, at = left - (end - begin), end
        return moment + timedelta(minutes=minutes)

    def _stretches(
        self, name: str, site_id: str, days: Sequence[date], zone: ZoneInfo
    ) -> Iterator[tuple[datetime, datetime]]:
        for period in self.periods:
            if period.name == name and period.site_id in ("", site_id):
                for day in days:
                    stretch = period.on(day, zone)
                    if stretch is not None:
                        yield stretch


def calendars_from(tables: Sequence[Mapping[str, Any]], site_ids: frozenset[str] | None = None) -> Calendars:
    """The [[calendar]] tables. Raises `RuleError`."""
    return Calendars(tuple(_period(f"[[calendar]] number {n}", t, site_ids) for n, t in enumerate(tables, start=1)))


def _period(where: str, table: Mapping[str, Any], site_ids: frozenset[str] | None) -> Period:
    checked(where, table, _KINDS)
    name, site_id = table.get("name", ""), table.get("site", "")
    if not name:
        raise RuleError(f"{where}: name is missing")
    if site_id and site_ids is not None and site_id not in site_ids:
        raise RuleError(f"{where}: site {site_id!r} is none of the [[site]] tables")
    dates = tuple(_date(where, text) for text in table.get("dates", []))
    days = table.get("days", [] if dates else list(DAYS))
    for day in days:
        if day not in DAYS:
            raise RuleError(f"{where}: days may hold {', '.join(DAYS)}, not {day!r}")
    starts, ends = _time(where, "from", table), _time(where, "to", table)
    return Period(name, site_id, tuple(DAYS.index(day) for day in days), dates, starts, ends)


def _date(where: str, value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise RuleError(f'{where}: dates must be written like "2026-12-25", not {value!r}') from error


def _time(where: str, key: str, table: Mapping[str, Any]) -> time:
    text = table.get(key, "00:00")
    try:
        hour, minute = text.split(":")
        return time(0) if text == "24:00" else time(int(hour), int(minute))
    except ValueError as error:
        raise RuleError(f'{where}: {key} must be a time of day like "17:00", not {text!r}') from error
