"""Rules of hub.toml: which studies are read, by whom and how soon. The first rule that matches decides. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from pacs.site import Site
from worklist_hub.intake.calendars import Calendars, calendars_from
from worklist_hub.intake.tables import Kinds, RuleError, checked

PRIORITIES: Final = ("HIGH", "MEDIUM", "LOW")
SETTINGS: Final = ("STAT", "STROKE", "ROUTINE")
"""What a study is read for; due times may be given for each."""
NO_IMAGES: Final = frozenset(
    ("SR", "DOC", "KO", "PR", "REG", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "AU", "ECG", "PLAN")
)
"""Modalities whose series alone are nothing to read."""

_MATCHERS: Final = ("site", "modality", "station", "description")
_KINDS: Final[Kinds] = {
    **dict.fromkeys(_MATCHERS, str),
    "when": list,
    "unless": list,
    "read": bool,
    "expertise": str,
    "expertise_text": str,
    "expertise_scheme": str,
    "queue": str,
    "priority": str,
    "setting": str,
    "stat": bool,
    "due_min": int,
    "due_within": str,
    "body_part": str,
    "elsewhere": bool,
}
_DUE_KEYS: Final = tuple(name.lower() for name in (*SETTINGS, *PRIORITIES))


@dataclass(frozen=True, slots=True)
class Rule:
    """The first four are regular expressions, case ignored; an empty one matches everything.

    `site` and `modality` must match as a whole (one of the study's modalities suffices), `station` and `description`
    anywhere in the text.
    """

    site: str = ""
    modality: str = ""
    station: str = ""
    description: str = ""
    when: tuple[str, ...] = ()
    """Calendars, one of which must hold the moment of arrival; none = always."""
    unless: tuple[str, ...] = ()
    """Calendars that must not hold it."""
    read: bool = True
    expertise: str = ""
    expertise_text: str = ""
    expertise_scheme: str = ""
    """Coding scheme of `expertise`; empty = our own."""
    queue: str = ""
    """Worklist Label: the list that it stands on."""
    priority: str = ""
    """Empty: HIGH for STAT and STROKE, else MEDIUM."""
    setting: str = ""
    """One of `SETTINGS`, or empty."""
    stat: bool = False
    """The same as `setting = "STAT"`."""
    due_min: int = 0
    """Minutes from arrival until it is due; 0 = as [due] says."""
    due_within: str = ""
    """A calendar: only its minutes count."""
    body_part: str = ""
    """Overrides what the PACS says."""
    elsewhere: bool = False
    """A single study that can be read without priors, and so by another hospital."""

    def matches(self, facts: StudyFacts) -> bool:
        """Whether this rule decides about the study, calendars apart."""
        return (
            _whole(self.site, [facts.site_id])
            and _whole(self.modality, facts.modalities)
            and _anywhere(self.station, facts.station)
            and _anywhere(self.description, facts.description)
        )

    @property
    def whole_setting(self) -> str:
        """STAT, STROKE, ROUTINE or empty."""
        return "STAT" if self.stat else self.setting

    @property
    def whole_priority(self) -> str:
        """HIGH, MEDIUM or LOW."""
        return self.priority or ("HIGH" if self.whole_setting in ("STAT", "STROKE") else "MEDIUM")


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What rules look at."""

    site_id: str
    modalities: tuple[str, ...] = ()
    station: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class DueTimes:
    """Minutes by lower-case setting or priority; `of_site` holds what a hospital has of its own."""

    everywhere: Mapping[str, int] = field(default_factory=dict)
    of_site: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def minutes(self, site_id: str, rule: Rule) -> int:
        """The rule's own, else by its setting, else by its priority; the hospital's before everybody's. 0 = none."""
        if rule.due_min:
            return rule.due_min
        for name in (rule.whole_setting.lower(), rule.whole_priority.lower()):
            for table in (self.of_site.get(site_id, {}), self.everywhere):
                if name in table:
                    return table[name]
        return 0


@dataclass(frozen=True, slots=True)
class RuleBook:
    """Everything that decides about a study."""

    rules: tuple[Rule, ...]
    calendars: Calendars = field(default_factory=Calendars)
    due: DueTimes = field(default_factory=DueTimes)

    def rule_for(self, facts: StudyFacts, arrived: datetime, site: Site) -> Rule | None:
        """The rule that decides; None where no rule matches or the study has nothing but documents and the like.

        A rule may still say `read = false`.
        """
        if facts.modalities and all(modality in NO_IMAGES for modality in facts.modalities):
            return None
        return next((one for one in self.rules if one.matches(facts) and self._is_time(one, arrived, site)), None)

    def due_at(self, rule: Rule, arrived: datetime, site: Site) -> datetime | None:
        """When its report is due; None where nothing says so."""
        minutes = self.due.minutes(site.site_id, rule)
        if not minutes:
            return None
        if rule.due_within:
            return self.calendars.later(rule.due_within, site.site_id, arrived, minutes, ZoneInfo(site.time_zone))
        return arrived + timedelta(minutes=minutes)

    def _is_time(self, rule: Rule, arrived: datetime, site: Site) -> bool:
        if not rule.when and not rule.unless:
            return True

        def holds(name: str) -> bool:
            return self.calendars.holds(name, site.site_id, arrived, ZoneInfo(site.time_zone))

        return (not rule.when or any(map(holds, rule.when))) and not any(map(holds, rule.unless))


READ_ALL_IMAGES: Final = RuleBook((Rule(),))
"""Where hub.toml has no rule: every study with images is read."""


def rulebook_from(data: Mapping[str, Any], site_ids: frozenset[str] | None = None) -> RuleBook:
    """[[rule]], [[calendar]] and [due] of hub.toml; `site_ids` None: not checked. Raises `RuleError`."""
    calendars = calendars_from(data.get("calendar", []), site_ids)
    rules = rules_from(data.get("rule", []), calendars.names)
    return RuleBook(rules, calendars, _due(data.get("due", {}), site_ids))


def rules_from(tables: Iterable[Mapping[str, Any]], calendars: frozenset[str] = frozenset()) -> tuple[Rule, ...]:
    """The [[rule]] tables as rules; those of `READ_ALL_IMAGES` where there are none. Raises `RuleError`."""
    made = tuple(_rule(f"[[rule]] number {number}", table, calendars) for number, table in enumerate(tables, start=1))
    return made or READ_ALL_IMAGES.rules


def _rule(where: str, table: Mapping[str, Any], calendars: frozenset[str]) -> Rule:
    checked(where, table, _KINDS)
    for key in _MATCHERS:
        try:
            re.compile(table.get(key, ""))
        except re.error as error:
            raise RuleError(f"{where}: {key} is no regular expression: {error}") from error
    for key, allowed in (("priority", PRIORITIES), ("setting", SETTINGS)):
        if table.get(key, allowed[0]) not in allowed:
            raise RuleError(f"{where}: {key} must be one of {', '.join(allowed)}")
    if table.get("stat") and table.get("setting", "STAT") != "STAT":
        raise RuleError(f"{where}: stat = true and setting = {table['setting']!r} contradict each other")
    if table.get("due_min", 0) < 0:
        raise RuleError(f"{where}: due_min must not be negative")
    within = [table["due_within"]] if table.get("due_within") else []
    for name in (*table.get("when", []), *table.get("unless", []), *within):
        if name not in calendars:
            known = ", ".join(sorted(calendars)) or "none"
            raise RuleError(f"{where}: the calendar {name!r} is unknown; there is {known}")
    lists = {key: tuple(table[key]) for key in ("when", "unless") if key in table}
    return Rule(**{**table, **lists})


def _due(table: Mapping[str, Any], site_ids: frozenset[str] | None) -> DueTimes:
    if not isinstance(table, Mapping):
        raise RuleError("[due] must be a table")
    everywhere: dict[str, int] = {}
    of_site: dict[str, Mapping[str, int]] = {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            if site_ids is not None and key not in site_ids:
                raise RuleError(f"[due.{key}]: {key!r} is none of the [[site]] tables")
            of_site[key] = {name: _minutes(f"[due.{key}] {name}", name, one) for name, one in value.items()}
        else:
            everywhere[key] = _minutes(f"[due] {key}", key, value)
    return DueTimes(everywhere, of_site)


def _minutes(where: str, key: str, value: object) -> int:
    if key not in _DUE_KEYS:
        raise RuleError(f"{where} is unknown; allowed are {', '.join(_DUE_KEYS)}, and tables named like a site")
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise RuleError(f"{where} must be a whole number of minutes above 0, not {value!r}")
    return value


def _whole(pattern: str, values: Sequence[str]) -> bool:
    return not pattern or any(re.fullmatch(pattern, value, re.IGNORECASE) for value in values)


def _anywhere(pattern: str, value: str) -> bool:
    return not pattern or re.search(pattern, value, re.IGNORECASE) is not None
