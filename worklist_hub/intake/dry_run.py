"""What other rules would have done to the studies of the last hours. Asks the hospitals, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from pacs.port import Cancelled, Pacs, StudyAnswer, StudyQuery
from pacs.site import Site
from worklist_hub.intake.poll import facts_of, study_date_range, taken_at
from worklist_hub.intake.rules import Rule, RuleBook, StudyFacts

NOT_READ: Final = "not on the list"
NO_RULE: Final = "not on the list (no rule)"
SAME: Final = "="
_MOST: Final = 40
"""Characters of a description in the table."""


@dataclass(frozen=True, slots=True)
class Row:
    """One study; nothing in it names a patient."""

    site_id: str
    study_instance_uid: str
    taken: str
    """Date and time by the hospital's clock."""
    modalities: str
    description: str
    before: str
    after: str

    @property
    def is_changed(self) -> bool:
        """Whether the rules differ about it."""
        return self.before != self.after


def studies_of(site: Site, pacs: Pacs, now: datetime, hours: float, cancelled: Cancelled) -> list[StudyAnswer]:
    """The studies of the last hours, by what their answers say, oldest first. Raises `PacsError`."""
    wanted = study_date_range(replace(site, lookback_h=hours), now)
    found: dict[str, tuple[datetime, StudyAnswer]] = {}
    for answer in pacs.search_for_studies(StudyQuery(study_date=wanted), cancelled):
        taken = taken_at(site, answer)
        if answer.study_instance_uid and taken is not None and taken >= now - timedelta(hours=hours):
            found.setdefault(answer.study_instance_uid, (taken, _with_modalities(pacs, answer, cancelled)))
    return [answer for _taken, answer in sorted(found.values(), key=lambda one: one[0])]


def compare(site: Site, answers: Sequence[StudyAnswer], before: RuleBook, after: RuleBook) -> list[Row]:
    """Each study as both decide about it at the time when it was taken."""
    rows = []
    for answer in answers:
        taken = taken_at(site, answer)
        if taken is None:
            continue
        facts = facts_of(site, answer)
        rows.append(
            Row(
                site.site_id,
                answer.study_instance_uid,
                f"{taken:%Y-%m-%d %H:%M}",
                "/".join(answer.modalities),
                answer.study_description,
                verdict(before, facts, taken, site),
                verdict(after, facts, taken, site),
            )
        )
    return rows


def verdict(book: RuleBook, facts: StudyFacts, taken: datetime, site: Site) -> str:
    """What a rule book decides, in words."""
    rule = book.rule_for(facts, taken, site)
    if rule is None:
        return NO_RULE
    if not rule.read:
        return NOT_READ
    return ", ".join(part for part in _parts(book, rule, taken, site) if part)


def table(rows: Sequence[Row], *, everything: bool) -> list[str]:
    """Lines for a terminal; what stays the same is left out unless everything is wanted."""
    shown = [row for row in rows if row.is_changed or everything]
    cells = [("site", "taken", "modality", "description", "study", "before", "after")]
    for row in shown:
        after = row.after if row.is_changed else SAME
        described = row.description if len(row.description) <= _MOST else row.description[: _MOST - 1] + "…"
        cells.append((row.site_id, row.taken, row.modalities, described, row.study_instance_uid, row.before, after))
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return [*(lines if shown else []), summary(rows)]


def summary(rows: Sequence[Row]) -> str:
    """How much changes."""
    changed = [row for row in rows if row.is_changed]
    more = sum(1 for row in changed if not _is_listed(row.before))
    fewer = sum(1 for row in changed if not _is_listed(row.after))
    both = sum(1 for row in changed if not _is_listed(row.before) and not _is_listed(row.after))
    return (
        f"{len(rows)} studies, {len(changed)} of them change:"
        f" {more - both} come on the list, {fewer - both} leave it, {len(changed) - more - fewer + both} change on it"
    )


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """For another program."""
    return [{**asdict(row), "changed": row.is_changed} for row in rows]


def _is_listed(said: str) -> bool:
    return said not in (NOT_READ, NO_RULE)


def _parts(book: RuleBook, rule: Rule, taken: datetime, site: Site) -> list[str]:
    due = book.due_at(rule, taken, site)
    setting = "" if rule.whole_setting == "ROUTINE" else rule.whole_setting
    return [
        rule.expertise or "any reader",
        rule.whole_priority,
        setting,
        f"due in {_duration(due - taken)}" if due is not None else "",
        f"queue {rule.queue}" if rule.queue else "",
        f"as {rule.body_part}" if rule.body_part else "",
        "also elsewhere" if rule.elsewhere else "",
    ]


def _duration(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d}"


def _with_modalities(pacs: Pacs, answer: StudyAnswer, cancelled: Cancelled) -> StudyAnswer:
    if answer.modalities:
        return answer
    series = pacs.search_for_series(answer.study_instance_uid, cancelled)
    return replace(answer, modalities=tuple(dict.fromkeys(one.modality for one in series if one.modality)))
