"""DT values (PS3.5 6.2) to and from datetimes with an offset."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo

_DT = re.compile(r"^(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\.(\d{1,6}))?([+-]\d{4})?\s*$")


def dt_from_datetime(moment: datetime) -> str:
    """As DT in UTC with microseconds, so that texts sort as times do. Raises ValueError without an offset."""
    if moment.tzinfo is None:
        raise ValueError("a moment without an offset cannot be written")
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")


def datetime_from_dt(text: str, default: tzinfo = UTC) -> datetime:
    """Of a DT value; `default` is the zone where no offset stands. Raises ValueError for anything else."""
    found = _DT.match(text)
    if not found:
        raise ValueError("not a DT value")
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    zone: tzinfo = default
    if offset:
        minutes = int(offset[1:3]) * 60 + int(offset[3:5])
        zone = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
    leap = min(int(second or 0), 59)  # PS3.5 allows 60 for a leap second
    micro = int((fraction or "0").ljust(6, "0"))
    return datetime(
        int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), leap, micro, tzinfo=zone
    )
