"""What `worklist-hub check` says: the file that the hub reads, and why nothing would appear."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from pacs import checking
from pacs.errors import NotAuthorised, PacsError, Refused
from pacs.port import Pacs, SeriesAnswer, StudyAnswer, StudyQuery
from pacs.secrets import from_file, line_of
from pacs.site import DicomwebConnection, Site
from worklist_hub.config import HubConfig
from worklist_hub.intake.rules import READ_ALL_IMAGES, Rule, RuleBook
from worklist_hub.operations.checking import check

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
WEB = DicomwebConnection("hill-web", "http://127.0.0.1:1/dicom-web")
ARCHIVE = replace(WEB, connection_id="archive", shared=True)
SITE = Site("hill", "Hill Clinic", "#000000", connections=(ARCHIVE, WEB))


class Holding:
    """A double of a PACS that holds studies of these dates, or refuses."""

    def __init__(self, dates: list[str], refusal: PacsError | None = None, modality: str = "CT") -> None:
        self.dates, self.refusal, self.modality = dates, refusal, modality
        self.asked: list[StudyQuery] = []

    def echo(self, _cancelled: object) -> None:
        if self.refusal is not None:
            raise self.refusal

    def search_for_studies(self, query: StudyQuery, _cancelled: object) -> list[StudyAnswer]:
        self.asked.append(query)
        first = query.study_date.rstrip("-")
        found = [
            StudyAnswer(f"1.2.{number}", study_date=day, modalities=(self.modality,) if self.modality else ())
            for number, day in enumerate(self.dates)
            if day >= first
        ]
        return found[: query.limit] if query.limit else found

    def search_for_series(self, study: str, _cancelled: object) -> list[SeriesAnswer]:
        return [SeriesAnswer("1.3", modality="CT" if study == "1.2.0" else "CR")]


def lines(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    peer: Any,
    site: Site = SITE,
    rules: RuleBook = READ_ALL_IMAGES,
) -> list[str]:
    monkeypatch.setattr(checking, "open_pacs", lambda *_args, **_named: peer)
    config = HubConfig(tmp_path / "worklist.sqlite", sites=(site,), rules=rules)
    return [line for line, _works in check(config, lambda _site: cast(Pacs, peer), lambda: NOW)]


def test_a_hub_that_may_not_enter_names_the_file_that_it_reads_and_the_line_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = lines(tmp_path, monkeypatch, Holding([], NotAuthorised("401")))[1]
    assert str(tmp_path / "secrets.toml") in said
    assert "keychain" not in said
    assert "worklist-client" not in said
    written = said.rpartition("the line: ")[2]
    assert tomllib.loads(written) == {"hill-web": {"user": "...", "password": "..."}}


def test_a_hub_with_a_wrong_password_is_sent_to_the_place_that_it_has_it_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secrets.toml"
    file.touch(mode=0o600)
    file.write_text('[hill-web]\nuser = "worklist"\npassword = "hunter2"\n', encoding="utf-8")
    said = lines(tmp_path, monkeypatch, Holding([], NotAuthorised("401")))[1]
    assert f"user worklist from {file} is refused" in said
    assert f"mend user and password of 'hill-web' in {file}" in said
    assert "the line:" not in said, "a second table of the same name makes the file unreadable"


def test_the_line_to_write_is_one_that_the_hub_reads(tmp_path: Path) -> None:
    file = tmp_path / "secrets.toml"
    file.touch(mode=0o600)
    file.write_text("\n".join(line_of(name) for name in ("hill-web", "hill.web 2")), encoding="utf-8")
    assert all(from_file(file, name) for name in ("hill-web", "hill.web 2"))


def test_studies_that_are_all_too_old_are_said_before_anybody_wonders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = Holding(["20040101"] * 3)
    _archive, _web, said = lines(tmp_path, monkeypatch, peer)
    assert "3 studies at this site, 0 within lookback_h = 48" in said
    assert "the newest is of 2004-01-01" in said
    assert all(query.study_date or query.limit for query in peer.asked), "an archive is never asked for everything"


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (["20261121", "20261120", "20040101"], "2 studies within lookback_h = 48, of which 2 match a rule"),
        (["20040101"] * 500, "100 studies or more at this site, 0 within"),
        ([], "holds no study"),
    ],
)
def test_what_there_is_to_read_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dates: list[str], said: str
) -> None:
    assert said in lines(tmp_path, monkeypatch, Holding(dates))[-1]


def hours_said(said: str) -> int:
    return int(said.rpartition("lookback_h = ")[2].split()[0])


@pytest.mark.parametrize("dates", [["19830214"] * 3, ["19830214"] * 300, ["19700101"] * 300 + ["19830214"]])
def test_the_hours_that_it_names_bring_the_newest_study_however_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dates: list[str]
) -> None:
    said = lines(tmp_path, monkeypatch, Holding(dates))[-1]
    assert "the newest is of 1983-02-14" in said
    raised = replace(SITE, lookback_h=float(hours_said(said)))
    assert "within lookback_h = " in (again := lines(tmp_path, monkeypatch, Holding(dates), raised)[-1])
    assert "0 within" not in again


@pytest.mark.parametrize(("hours", "said"), [(1234567.0, "lookback_h = 1234567,"), (0.5, "lookback_h = 0.5,")])
def test_hours_are_said_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: float, said: str
) -> None:
    peer = Holding(["20261121"])
    assert said in lines(tmp_path, monkeypatch, peer, replace(SITE, lookback_h=hours))[-1]


def test_studies_that_no_rule_takes_are_not_announced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_ct = RuleBook((Rule(modality="CT|MR"),))
    peer = Holding(["20261121"] * 3, modality="CR")
    said = lines(tmp_path, monkeypatch, peer, rules=only_ct)[-1]
    assert "3 studies within lookback_h = 48, of which 0 match a rule" in said
    assert "[[rule]]" in said


def test_a_study_whose_modality_the_answer_does_not_name_is_judged_by_its_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = lines(
        tmp_path, monkeypatch, Holding(["20261121"] * 3, modality=""), rules=RuleBook((Rule(modality="CT|MR"),))
    )[-1]
    assert "3 studies within lookback_h = 48, of which 1 matches a rule" in said


def test_a_rule_that_says_not_to_read_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = lines(
        tmp_path, monkeypatch, Holding(["20261121"]), rules=RuleBook((Rule(modality="CT", read=False), Rule()))
    )[-1]
    assert "1 study within lookback_h = 48, of which 0 match a rule" in said


def test_an_archive_that_will_not_be_counted_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Holding([])
    monkeypatch.setattr(checking, "open_pacs", lambda *_args, **_named: peer)

    def refusing(_site: Site) -> Pacs:
        raise Refused("too many matches")

    told = list(check(HubConfig(tmp_path / "worklist.sqlite", sites=(SITE,)), refusing, lambda: NOW))
    assert [works for _line, works in told] == [True, True, True]
    assert "could not be counted: too many matches" in told[-1][0]


def test_studies_without_a_date_are_said_for_they_do_not_come_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = lines(tmp_path, monkeypatch, Holding(["20261121", "", ""]))[-1]
    assert "1 study within lookback_h" in said
    assert "without a Study Date: 2," in said
    said = lines(tmp_path, monkeypatch, Holding(["20261121"] * 1000))[-1]
    assert "1000 studies or more, one without a Study Date would not be noticed" in said
