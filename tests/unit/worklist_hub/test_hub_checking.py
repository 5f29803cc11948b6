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
from pacs.port import Pacs, StudyAnswer, StudyQuery
from pacs.secrets import from_file, line_of
from pacs.site import DicomwebConnection, Site
from worklist_hub.checking import check
from worklist_hub.config import HubConfig

NOW = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
WEB = DicomwebConnection("hill-web", "http://127.0.0.1:1/dicom-web")
ARCHIVE = replace(WEB, connection_id="archive", shared=True)
SITE = Site("hill", "Hill Clinic", "#000000", connections=(ARCHIVE, WEB))


class Holding:
    """A double of a PACS that holds studies of these dates, or refuses."""

    def __init__(self, dates: list[str], refusal: PacsError | None = None) -> None:
        self.dates, self.refusal = dates, refusal
        self.asked: list[StudyQuery] = []

    def echo(self, _cancelled: object) -> None:
        if self.refusal is not None:
            raise self.refusal

    def search_for_studies(self, query: StudyQuery, _cancelled: object) -> list[StudyAnswer]:
        self.asked.append(query)
        first = query.study_date.rstrip("-")
        found = [StudyAnswer(f"1.2.{number}", study_date=day) for number, day in enumerate(self.dates) if day >= first]
        return found[: query.limit] if query.limit else found


def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, peer: Any) -> list[str]:
    monkeypatch.setattr(checking, "open_pacs", lambda *_args, **_named: peer)
    config = HubConfig(tmp_path / "worklist.sqlite", sites=(SITE,))
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
    assert "raise lookback_h" in said
    assert all(query.study_date or query.limit for query in peer.asked), "an archive is never asked for everything"


@pytest.mark.parametrize(
    ("dates", "said"),
    [
        (["20261121", "20261120", "20040101"], "2 studies within lookback_h = 48"),
        (["20040101"] * 500, "100 studies or more at this site, 0 within"),
        ([], "holds no study"),
    ],
)
def test_what_there_is_to_read_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dates: list[str], said: str
) -> None:
    assert said in lines(tmp_path, monkeypatch, Holding(dates))[-1]


def test_an_archive_that_will_not_be_counted_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Holding([])
    monkeypatch.setattr(checking, "open_pacs", lambda *_args, **_named: peer)

    def refusing(_site: Site) -> Pacs:
        raise Refused("too many matches")

    told = list(check(HubConfig(tmp_path / "worklist.sqlite", sites=(SITE,)), refusing, lambda: NOW))
    assert [works for _line, works in told] == [True, True, True]
    assert "could not be counted: too many matches" in told[-1][0]
