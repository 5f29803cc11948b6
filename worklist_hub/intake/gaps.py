"""From when on a hospital's studies are asked for: what was made while nobody heard it must not be missed. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pacs.site import Site

CATCH_UP: Final = timedelta(days=30)
"""How long ago the hospital may have been heard last for everything since then to be asked for."""


@dataclass(frozen=True, slots=True)
class Past:
    """What earlier polls came to, also those of other processes and of before a restart."""

    heard_at: Callable[[str], datetime | None] = lambda _site_id: None
    """When a hospital last answered a whole question; may raise what the feed raises."""
    catch_up: timedelta = CATCH_UP


NO_PAST: Final = Past()


@dataclass(frozen=True, slots=True)
class Gap:
    """A hospital was not heard for longer than its lookback; what was made before `asked_from` was not asked for."""

    heard_at: datetime
    until: datetime
    asked_from: datetime

    @property
    def is_whole(self) -> bool:
        """Whether everything that was made in it was asked for."""
        return self.asked_from <= self.heard_at


def asked_from(site: Site, now: datetime, heard_at: datetime | None, catch_up: timedelta = CATCH_UP) -> datetime:
    """The lookback before it was heard last, for a study may come in so late; no further back than `catch_up`, and at
    least the lookback. A moment that lies ahead of the clock counts as now."""
    lookback = timedelta(hours=site.lookback_h)
    if heard_at is None:
        return now - lookback
    return max(min(heard_at, now) - lookback, now - max(catch_up, lookback))


def gap_of(site: Site, now: datetime, heard_at: datetime | None, first: datetime) -> Gap | None:
    """What to tell of a poll that asked from `first` on."""
    if heard_at is None or heard_at >= now - timedelta(hours=site.lookback_h):
        return None
    return Gap(heard_at, now, first)


def date_ranges(site: Site, now: datetime, first: datetime) -> tuple[str, ...]:
    """Study dates to ask for, in the site's time zone: a lookback at a time, for a PACS may answer no more than so much
    at once. The last one is open at the end: some clocks run ahead."""
    step = timedelta(days=max(1, int(site.lookback_h // 24)))
    start, usual = _day(site, first), _day(site, now - timedelta(hours=site.lookback_h))
    ranges = []
    while start < usual:
        end = min(start + step, usual)
        ranges.append(f"{start:%Y%m%d}-{end - timedelta(days=1):%Y%m%d}")
        start = end
    return (*ranges, f"{usual:%Y%m%d}-")


def _day(site: Site, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(site.time_zone)).date()
