"""Why does nothing appear? How many studies of a site are young enough for the list, and how many a rule takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from pacs.port import Cancelled, Pacs, StudyAnswer, StudyQuery
from pacs.site import Site
from worklist_hub.intake.corrections import day_of
from worklist_hub.intake.poll import is_recent, study_date_range
from worklist_hub.intake.rules import RuleBook, StudyFacts

ENOUGH: Final = 100
"""Beyond this nobody needs to know how many studies an archive holds."""
LEAVE_H: Final = 24
"""Added to the hours that are advised: between the advice and the first poll time goes by."""
_EVER: Final = date(1900, 1, 1)


def what_appears(site: Site, rules: RuleBook, pacs: Pacs, now: datetime, cancelled: Cancelled) -> str:
    """One sentence for the administrator. Raises `PacsError`."""
    hours = f"lookback_h = {_plain(site.lookback_h)}"
    answers = pacs.search_for_studies(StudyQuery(study_date=study_date_range(site, now)), cancelled)
    recent = {one.study_instance_uid: one for one in answers if is_recent(site, one, now)}
    if recent:
        taken = sum(_is_read(site, rules, pacs, one, now, cancelled) for one in recent.values())
        text = f"{_studies(len(recent))} within {hours}, of which {taken} {'matches' if taken == 1 else 'match'} a rule"
        return text if taken else f"{text}: nothing comes on the list; look at the [[rule]] tables"
    held = _since(_EVER, pacs, cancelled)
    number = len({one.study_instance_uid for one in held})
    if not number:
        return "the PACS holds no study that we may find"
    several = f"{ENOUGH} studies or more" if number >= ENOUGH else _studies(number)
    text = f"{several} at this site, 0 within {hours}: nothing comes on the list before a new one arrives"
    newest = _newest(held, now.astimezone(ZoneInfo(site.time_zone)).date(), pacs, cancelled)
    if newest is None:
        return text
    return (
        f"{text}; the newest is of {newest.isoformat()}: for a trial write into its [[site]]"
        f" lookback_h = {_hours_back(site, newest, now)} or more"
    )


def _is_read(site: Site, rules: RuleBook, pacs: Pacs, answer: StudyAnswer, now: datetime, cancelled: Cancelled) -> bool:
    """As intake decides of what arrives now; where the answer names no modality it too asks for the series."""
    if not answer.modalities:
        series = pacs.search_for_series(answer.study_instance_uid, cancelled)
        answer = replace(answer, modalities=tuple(dict.fromkeys(one.modality for one in series if one.modality)))
    facts = StudyFacts(site.site_id, answer.modalities, answer.station_name, answer.study_description)
    rule = rules.rule_for(facts, now, site)
    return rule is not None and rule.read


def _since(first: date, pacs: Pacs, cancelled: Cancelled) -> Sequence[StudyAnswer]:
    return pacs.search_for_studies(StudyQuery(study_date=f"{first:%Y%m%d}-", limit=ENOUGH), cancelled)


def _newest(held: Sequence[StudyAnswer], today: date, pacs: Pacs, cancelled: Cancelled) -> date | None:
    """The day of the newest study; None where no answer says a day. Where there are more studies than were asked for
    it is found by halving: sixteen searches reach over a century."""
    newest = _latest_day(held)
    if newest is None or len(held) < ENOUGH:
        return newest
    none_since = today + timedelta(days=1)
    while none_since - newest > timedelta(days=1):
        middle = newest + (none_since - newest) // 2
        later = _latest_day(_since(middle, pacs, cancelled))
        if later is None or later < middle:  # an archive that ignores the date key gives whatever it likes
            none_since = middle
        else:
            newest = later
    return newest


def _latest_day(answers: Iterable[StudyAnswer]) -> date | None:
    return max((day for one in answers if (day := day_of(one.study_date)) is not None), default=None)


def _hours_back(site: Site, day: date, now: datetime) -> int:
    began = datetime.combine(day, time.min, tzinfo=ZoneInfo(site.time_zone))
    return math.ceil((now - began) / timedelta(hours=1)) + LEAVE_H


def _plain(hours: float) -> str:
    return str(int(hours)) if float(hours).is_integer() else str(hours)


def _studies(number: int) -> str:
    return f"{number} study" if number == 1 else f"{number} studies"
