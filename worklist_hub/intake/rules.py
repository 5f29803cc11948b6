"""Rules of hub.toml: which studies are read, by whom and how soon. The first rule that matches decides."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

PRIORITIES: Final = ("HIGH", "MEDIUM", "LOW")
NO_IMAGES: Final = frozenset(
    ("SR", "DOC", "KO", "PR", "REG", "SEG", "RTSTRUCT", "RTPLAN", "RTDOSE", "AU", "ECG", "PLAN")
)
"""Modalities whose series alone are nothing to read."""

_MATCHERS = ("site", "modality", "station", "description")
_KINDS: dict[str, type] = {"read": bool, "stat": bool, "due_min": int}


class RuleError(ValueError):
    """A [[rule]] table that cannot be used; the text is for the administrator."""


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
    read: bool = True
    expertise: str = ""
    expertise_text: str = ""
    priority: str = "MEDIUM"
    stat: bool = False
    due_min: int = 0
    """Minutes from arrival until it is due; 0 = none is set."""
    body_part: str = ""
    """Overrides what the PACS says."""

    def matches(self, facts: StudyFacts) -> bool:
        """Whether this rule decides about the study."""
        return (
            _whole(self.site, [facts.site_id])
            and _whole(self.modality, facts.modalities)
            and _anywhere(self.station, facts.station)
            and _anywhere(self.description, facts.description)
        )


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What rules look at."""

    site_id: str
    modalities: tuple[str, ...] = ()
    station: str = ""
    description: str = ""


READ_ALL_IMAGES: Final = (Rule(),)
"""Where hub.toml has no rule: every study with images is read."""


def first_match(rules: Sequence[Rule], facts: StudyFacts) -> Rule | None:
    """The rule that decides; None where no rule matches or the study has nothing but documents and the like.

    A rule may still say `read = false`.
    """
    if facts.modalities and all(modality in NO_IMAGES for modality in facts.modalities):
        return None
    return next((rule for rule in rules if rule.matches(facts)), None)


def rules_from(tables: Iterable[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """The [[rule]] tables as rules; `READ_ALL_IMAGES` where there are none. Raises `RuleError`."""
    return tuple(_rule(number, table) for number, table in enumerate(tables, start=1)) or READ_ALL_IMAGES


def _rule(number: int, table: Mapping[str, Any]) -> Rule:
    where = f"[[rule]] number {number}"
    allowed = [field.name for field in fields(Rule)]
    for key, value in table.items():
        if key not in allowed:
            raise RuleError(f"{where}: {key} is unknown; allowed are {', '.join(allowed)}")
        kind = _KINDS.get(key, str)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise RuleError(f"{where}: {key} must be {_NAMES[kind]}, not {value!r}")
    for key in _MATCHERS:
        try:
            re.compile(table.get(key, ""))
        except re.error as error:
            raise RuleError(f"{where}: {key} is no regular expression: {error}") from error
    if table.get("priority", "MEDIUM") not in PRIORITIES:
        raise RuleError(f"{where}: priority must be one of {', '.join(PRIORITIES)}")
    if table.get("due_min", 0) < 0:
        raise RuleError(f"{where}: due_min must not be negative")
    return Rule(**table)


_NAMES = {bool: "true or false", int: "a whole number", str: "a text"}


def _whole(pattern: str, texts: Sequence[str]) -> bool:
    return not pattern or any(re.fullmatch(pattern, text, re.IGNORECASE) for text in texts)


def _anywhere(pattern: str, text: str) -> bool:
    return not pattern or re.search(pattern, text, re.IGNORECASE) is not None
