"""A rule change is seen before it is made: which studies of the last day it would have treated otherwise."""

from __future__ import annotations

import json
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from pacs.errors import Unreachable
from pacs.port import Pacs, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.site import Site
from worklist_hub.app import main
from worklist_hub.config import ConfigError, HubConfig, load
from worklist_hub.intake.commands import dry_run

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
HUB = """
[[site]]
site_id = "north"
name = "North"
color = "#000000"
connections = [{ kind = "dicomweb", connection_id = "n", base_url = "http://127.0.0.1:1" }]
[[rule]]
modality = "CT"
expertise = "GENERAL"
due_min = 240
[[rule]]
modality = "MR"
read = false
"""
NEW = """
[[calendar]]
name = "evening"
from = "18:00"
to = "23:00"
[due]
stroke = 20
[[rule]]
modality = "CT"
description = "stroke"
setting = "STROKE"
expertise = "NEURO"
queue = "Brain"
[[rule]]
modality = "CT"
when = ["evening"]
read = false
[[rule]]
modality = "CT"
expertise = "GENERAL"
due_min = 240
[[rule]]
modality = "MR"
elsewhere = true
"""


class Holding:
    """A double of a PACS; one study says no modality."""

    def search_for_studies(self, query: StudyQuery, _cancelled: object) -> list[StudyAnswer]:
        assert query.study_date == "20261120-"

        def made(uid: str, time: str, description: str, *modalities: str, day: str = "20261121") -> StudyAnswer:
            return StudyAnswer(
                uid,
                patient_name="Secret^Name",
                patient_id="P1",
                study_date=day,
                study_time=time,
                study_description=description,
                modalities=modalities,
            )

        return [
            made("1.4", "120000", "MR knee", "MR"),
            made("1.1", "100000", "CT stroke", "CT"),
            made("1.2", "110000", "CT chest"),
            made("1.3", "190000", "CT chest", "CT"),
            made("1.5", "100000", "US abdomen", "US"),
            made("1.6", "100000", "CT too old", "CT", day="20261120"),
        ]

    def search_for_series(self, study: str, _cancelled: object) -> list[SeriesAnswer]:
        assert study == "1.2"
        return [SeriesAnswer("1.2.1", "CT")]


@pytest.fixture
def config(tmp_path: Path) -> HubConfig:
    (tmp_path / "hub.toml").write_text(HUB, encoding="utf-8")
    (tmp_path / "new.toml").write_text(NEW, encoding="utf-8")
    return load(tmp_path / "hub.toml")


def asked(config: HubConfig, **more: Any) -> int:
    source = config.source
    assert source is not None
    given = {"rules": source.with_name("new.toml"), "hours": 24.0, "site": "", "all": False, "json": False, "now": NOW}
    return dry_run(config, Namespace(**{**given, **more}), lambda _site: cast(Pacs, Holding()))


def test_the_table_shows_what_changes_and_names_no_patient(
    config: HubConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(config) == 0
    head, *rows, summary = capsys.readouterr().out.splitlines()
    assert head.split() == ["site", "taken", "modality", "description", "study", "before", "after"]
    assert [cell for row in rows for cell in row.split() if cell.startswith("1.")] == ["1.1", "1.4", "1.3"]
    assert "GENERAL, MEDIUM, due in 4 h 00" in rows[0]
    assert "NEURO, HIGH, STROKE, due in 20 min, queue Brain" in rows[0]
    assert rows[1].endswith("any reader, MEDIUM, also elsewhere")
    assert rows[2].endswith("not on the list")
    assert summary == "5 studies, 3 of them change: 1 come on the list, 1 leave it, 1 change on it"
    assert "Secret" not in "".join([head, *rows])
    assert "P1" not in "".join(rows)


def test_without_other_rules_it_shows_what_the_present_ones_do(
    config: HubConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(config, rules=None) == 0
    said = capsys.readouterr().out
    assert "not on the list (no rule)" in said
    assert said.splitlines()[-1].startswith("5 studies, 0 of them change")
    assert len(said.splitlines()) == 7


def test_another_program_gets_json(config: HubConfig, capsys: pytest.CaptureFixture[str]) -> None:
    asked(config, json=True)
    rows = json.loads(capsys.readouterr().out)
    assert {row["study_instance_uid"]: row["changed"] for row in rows} == {
        "1.1": True,
        "1.2": False,
        "1.3": True,
        "1.4": True,
        "1.5": False,
    }


def test_a_hospital_that_is_away_is_named(config: HubConfig, capsys: pytest.CaptureFixture[str]) -> None:
    def away(_site: Site) -> Pacs:
        raise Unreachable("nobody listens")

    given = Namespace(rules=None, hours=24.0, site="", all=False, json=False, now=NOW)
    assert dry_run(config, given, away) == 1
    assert "north: nobody listens" in capsys.readouterr().err


def test_a_wrong_rule_of_the_other_file_is_named_with_that_file(config: HubConfig, tmp_path: Path) -> None:
    (tmp_path / "new.toml").write_text("[[rule]]\nwhen = ['nite']\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"new.toml: \[\[rule\]\] number 1: the calendar 'nite' is unknown"):
        asked(config)
    with pytest.raises(ConfigError, match=r"no .*site.* is called 'west'"):
        asked(config, site="west")


def test_the_command_asks_the_configured_hospitals(config: HubConfig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["intake", "dry-run", "--config", str(config.source), "--hours", "1"]) == 1
    assert "north:" in capsys.readouterr().err
