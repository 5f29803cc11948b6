"""Why does nothing appear? Says how many studies a site holds and how many of them are young enough for the list."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pacs.port import Cancelled, Pacs, StudyQuery
from pacs.site import Site
from worklist_hub.intake.poll import is_recent, study_date_range

ENOUGH: Final = 100
"""Beyond this nobody needs to know how many studies an archive holds."""
_EVER: Final = "19000101-"


def look_back(site: Site, pacs: Pacs, now: datetime, cancelled: Cancelled) -> str:
    """One sentence for the administrator. Raises `PacsError`."""
    hours = f"lookback_h = {site.lookback_h:g}"
    wanted = study_date_range(site, now)
    recent = {
        answer.study_instance_uid
        for answer in pacs.search_for_studies(StudyQuery(study_date=wanted), cancelled)
        if is_recent(site, answer, now)
    }
    if recent:
        return f"{_studies(len(recent))} within {hours}"
    held = len({one.study_instance_uid for one in pacs.search_for_studies(_ever(), cancelled)})
    if not held:
        return "the PACS holds no study that we may find"
    several = f"{ENOUGH} studies or more" if held >= ENOUGH else _studies(held)
    return (
        f"{several} at this site, 0 within {hours}: nothing comes on the list before a new one arrives;"
        " for a trial with older studies raise lookback_h in its [[site]]"
    )


def _ever() -> StudyQuery:
    return StudyQuery(study_date=_EVER, limit=ENOUGH)


def _studies(number: int) -> str:
    return f"{number} study" if number == 1 else f"{number} studies"
