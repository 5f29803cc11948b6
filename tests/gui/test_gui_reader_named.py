"""A fresh profile: who reads is asked once, before the first claim; nothing is claimed or signed without a name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from tests.peers.reading_doubles import NORTH, entry
from ups.codes import Person
from viewer.tasks import TaskRunner
from worklist_client import composition
from worklist_client.commands.desk import Desk, is_named
from worklist_client.journal import Journal
from worklist_client.settings.declarations import READER_CODE, READER_NAME
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui.reader_dialog import ReaderDialog
from worklist_client.ui.study_actions import StudyActions
from worklist_client.worklist.embedded import HubAddress

FILLED = {"family": "Vries", "given": "Anna", "title": "dr.", "code": "900001", "organisation": "Nachtwacht"}


@pytest.fixture
def fresh(tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """The desk of a profile in which nothing was ever filled in."""
    runner, profile = TaskRunner(), open_profile("fresh", str(tmp_path))
    settings = Settings.load(profile.settings_path)
    monkeypatch.setattr(QApplication, "activeWindow", lambda: None)
    with Journal.open(profile.folder / "journal.sqlite") as journal:
        address = HubAddress("http://127.0.0.1:9", "")
        desk = composition.compose(runner, profile, settings, journal, Translator("en"), address, solo=True)
        desk.sites.replace([NORTH])
        yield desk
        assert runner.shutdown() == []
        desk.client.close()


class Desktop(StudyActions):
    """The actions, with windows that only remember how they were opened."""

    def __init__(self, desk: Desk, qtbot: QtBot) -> None:
        self.opened: list[bool] = []

        def open_window(_desk: Desk, _entry: Any, claim: bool) -> QWidget:
            self.opened.append(claim)
            window = QWidget()
            qtbot.addWidget(window)
            return window

        super().__init__(desk, open_window)


def dialog_of(qtbot: QtBot, application: Any) -> ReaderDialog:
    """The dialog that is shown."""
    found: list[ReaderDialog] = []

    def shown() -> bool:
        found[:] = [one for one in application.topLevelWidgets() if isinstance(one, ReaderDialog) and one.isVisible()]
        return bool(found)

    qtbot.waitUntil(shown)
    return found[0]


def fill(dialog: ReaderDialog, values: dict[str, str]) -> None:
    for name, text in values.items():
        editor = dialog.findChild(QLineEdit, f"reader_{name}")
        assert editor is not None
        editor.setText(text)


def button(dialog: ReaderDialog, which: QDialogButtonBox.StandardButton) -> Any:
    box = dialog.findChild(QDialogButtonBox)
    assert box is not None
    return box.button(which)


def test_a_fresh_profile_is_nobody_and_never_signs_with_the_login_name(fresh: Desk) -> None:
    assert fresh.reader.name == ""
    assert not is_named(fresh.reader)


def test_a_claim_of_a_fresh_profile_asks_who_reads_first_and_then_claims(
    fresh: Desk, qtbot: QtBot, qapp: Any, tmp_path: Path
) -> None:
    told: list[str] = []
    fresh.on_named.append(lambda: told.append(fresh.reader.name))
    actions = Desktop(fresh, qtbot)
    actions.claim_and_open(entry())
    assert actions.opened == []
    dialog = dialog_of(qtbot, qapp)
    ok = button(dialog, QDialogButtonBox.StandardButton.Ok)
    assert not ok.isEnabled()
    fill(dialog, {**FILLED, "code": ""})
    assert not ok.isEnabled(), "a name without a number names nobody"
    fill(dialog, {**FILLED, "family": "Vri^es"})
    assert not ok.isEnabled(), "a letter that divides names"
    fill(dialog, FILLED)
    ok.click()
    assert actions.opened == [True]
    assert told == ["Vries^Anna^^dr."]
    assert fresh.client.reader is not None
    assert (fresh.client.reader.name, fresh.client.reader.code) == ("Vries^Anna^^dr.", "900001")
    again = Settings.load(open_profile("fresh", str(tmp_path)).settings_path)
    assert composition.reader_of(again, "fresh") == fresh.reader


def test_putting_the_name_off_claims_nothing_and_looking_stays_possible(fresh: Desk, qtbot: QtBot, qapp: Any) -> None:
    actions = Desktop(fresh, qtbot)
    actions.claim_and_open(entry())
    button(dialog_of(qtbot, qapp), QDialogButtonBox.StandardButton.Cancel).click()
    assert actions.opened == []
    actions.look(entry())
    assert actions.opened == [False]


def test_a_name_filled_in_in_the_settings_is_not_asked_again(fresh: Desk, qtbot: QtBot) -> None:
    fresh.settings.set(READER_NAME, "Vries^Anna")
    fresh.settings.set(READER_CODE, "900001")
    actions = Desktop(fresh, qtbot)
    actions.claim_and_open(entry())
    assert actions.opened == [True]
    assert fresh.reader.code == "900001"


def test_the_name_that_the_hub_knows_by_the_token_wins(tmp_path: Path) -> None:
    runner, profile = TaskRunner(), open_profile("token", str(tmp_path))
    settings = Settings.in_memory(reader__name="Other^Name", reader__code="1")
    with Journal.open(profile.folder / "journal.sqlite") as journal:
        desk = composition.compose(
            runner,
            profile,
            settings,
            journal,
            Translator("en"),
            HubAddress("http://127.0.0.1:9", "t" * 20),
            solo=False,
            known=Person("900007", "Haan^Joris", "Region"),
        )
        assert (desk.reader.name, desk.reader.code) == ("Haan^Joris", "900007")
        desk.client.close()
        assert runner.shutdown() == []
