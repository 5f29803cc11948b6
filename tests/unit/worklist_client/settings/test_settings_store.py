"""Settings: declared once, stored per profile, refused with the reason."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from worklist_client.settings.declarations import (
    CACHE_BUDGET_GB,
    DECLARATIONS,
    IMAGE_WORKERS,
    LANGUAGE,
    READER_NAME,
    TEXT_SIZE_PT,
)
from worklist_client.settings.profile import ProfileError, ae_title_of, open_profile, reader_name_and_code
from worklist_client.settings.store import Settings, SettingsError


def test_a_missing_file_means_defaults(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "settings.json")
    assert settings.get(LANGUAGE) == "auto"
    assert settings.problems == ()


def test_a_change_survives_a_restart_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    Settings.load(path).set(READER_NAME, "Őry^Ágnes")
    assert Settings.load(path).get(READER_NAME) == "Őry^Ágnes"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"workers.images": 99}', "'workers.images' must be at most 8, not 99; 2 is used"),
        ('{"workers.images": "two"}', "must be a whole number, not 'two'"),
        ('{"workers.images": true}', "must be a whole number, not True"),
        ('{"language": "fy"}', "must be one of auto, en, nl, not 'fy'"),
        ("{", "line 1"),
        ("[]", "one object of settings"),
    ],
)
def test_a_bad_entry_costs_that_entry_only(content: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(content, encoding="utf-8")
    settings = Settings.load(path)
    assert expected in settings.problems[0]
    assert settings.get(IMAGE_WORKERS) == 2


def test_entries_of_a_newer_version_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"future.thing": 7}', encoding="utf-8")
    Settings.load(path).set(TEXT_SIZE_PT, 12)
    assert json.loads(path.read_text(encoding="utf-8")) == {"future.thing": 7, "appearance.text_size_pt": 12}


def test_a_value_out_of_range_is_refused_and_not_stored(tmp_path: Path) -> None:
    settings = Settings.load(tmp_path / "settings.json")
    with pytest.raises(SettingsError, match=r"cache\.budget_gb: must be at least 1, not 0\.5"):
        settings.set(CACHE_BUDGET_GB, 0.5)
    assert settings.get(CACHE_BUDGET_GB) == 20.0


def test_a_whole_number_is_good_for_a_fraction() -> None:
    assert Settings.in_memory(cache__budget_gb=5).get(CACHE_BUDGET_GB) == 5.0


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SettingsError, match="cannot be stored"):
        Settings.load(tmp_path / "file" / "settings.json").set(LANGUAGE, "nl")


@pytest.mark.parametrize("setting", DECLARATIONS, ids=lambda setting: setting.key)
def test_every_declaration_accepts_its_own_default_and_says_what_it_is(setting: object) -> None:
    assert setting in DECLARATIONS
    declared = next(one for one in DECLARATIONS if one is setting)
    assert declared.refusal(declared.default) == ""
    assert declared.description


def test_keys_are_unique() -> None:
    assert len({setting.key for setting in DECLARATIONS}) == len(DECLARATIONS)


def test_profiles_of_one_data_directory_are_different_readers_with_different_ae_titles(tmp_path: Path) -> None:
    settings = Settings.in_memory()
    first, second = open_profile("default", str(tmp_path)), open_profile("late_shift_team_b", str(tmp_path))
    assert first.folder != second.folder
    assert second.folder.is_dir()
    assert ae_title_of(settings, first.name) == "WORKLIST"
    assert ae_title_of(settings, second.name) == "WL_LATE_SHIFT_TE"
    assert reader_name_and_code(settings, first.name) != reader_name_and_code(settings, second.name)


def test_a_profile_without_a_name_or_number_names_nobody_and_least_of_all_the_login() -> None:
    for values in ({}, {"reader__name": "Vries^Anna"}, {"reader__code": "900001"}):
        assert reader_name_and_code(Settings.in_memory(**values), "default")[0] == ""
    named = Settings.in_memory(reader__name="Vries^Anna", reader__code="900001")
    assert reader_name_and_code(named, "default") == ("Vries^Anna", "900001")


def test_a_profile_name_cannot_leave_the_data_directory(tmp_path: Path) -> None:
    with pytest.raises(ProfileError):
        open_profile("../other", str(tmp_path))
