"""hub.toml edited while an embedded hub runs: hospitals and rules follow it, a mistake in it changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from worklist_hub.config import HubConfig
from worklist_hub.edited import CurrentConfig

SITE = '[[site]]\nsite_id = "{0}"\nname = "{0}"\ncolor = "#123456"\n'


def _write(path: Path, text: str) -> None:
    """Each writing at a later time, however coarse the clock of the file system is."""
    written_ns = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text, encoding="utf-8")
    os.utime(path, ns=(written_ns + 10**9, written_ns + 10**9))


def _current(tmp_path: Path) -> tuple[Path, CurrentConfig]:
    file = tmp_path / "hub.toml"
    return file, CurrentConfig(HubConfig(database=tmp_path / "kept.sqlite", idle_s=7.0), file)


def test_what_was_not_edited_stays_the_same_object(tmp_path: Path) -> None:
    _, current = _current(tmp_path)
    assert current.now() is current.now()


def test_a_file_that_comes_later_brings_its_hospitals_and_keeps_the_database(tmp_path: Path) -> None:
    file, current = _current(tmp_path)
    before = current.now()
    _write(file, SITE.format("north") + '[hub]\ndatabase = "other.sqlite"\n')
    after = current.now()
    assert [site.site_id for site in after.sites] == ["north"]
    assert (after.database, after.idle_s) == (before.database, 7.0)
    assert current.now() is after


def test_a_mistake_is_told_and_the_hospitals_of_before_stay(tmp_path: Path) -> None:
    file, current = _current(tmp_path)
    _write(file, SITE.format("north"))
    good = current.now()
    _write(file, "[[site]]\nsite_id = 3\n")
    assert current.now() is good
    assert "hub.toml" in current.problem
    _write(file, SITE.format("west"))
    assert [site.site_id for site in current.now().sites] == ["west"]
    assert current.problem == ""


def test_a_file_that_is_being_replaced_changes_nothing(tmp_path: Path) -> None:
    file, current = _current(tmp_path)
    _write(file, SITE.format("north"))
    good = current.now()
    file.unlink()
    assert current.now() is good
