"""The page for administrators says what the program does: its example is read, its tables are whole."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path

from worklist_hub.intake.rules import Rule, rulebook_from

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "intake.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_can_be_used() -> None:
    [example] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    made = rulebook_from(tomllib.loads(example), frozenset(("east",)))
    assert [rule.whole_setting for rule in made.rules] == ["STROKE", "", "", ""]
    assert made.calendars.names == {"office", "night", "off"}
    assert made.due.of_site == {"east": {"stat": 15}}


def test_every_key_of_a_rule_is_explained() -> None:
    missing = [one.name for one in fields(Rule) if f"`{one.name}" not in PAGE]
    assert not missing
