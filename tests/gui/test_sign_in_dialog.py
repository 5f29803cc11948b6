"""The dialog for signing in, and signing in again: real widgets against a real hub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from PySide6.QtCore import Qt, QUrl
from PySide6.QtWidgets import QDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from pacs.site import Site
from tests.peers.hub import running_hub
from tests.peers.identity import IdentityProvider, running_provider
from ups.codes import Person
from viewer.tasks import TaskRunner
from worklist_client.settings.language import Translator
from worklist_client.settings.session import ENDED, Session
from worklist_client.settings.sign_in import PasswordMethod, methods
from worklist_client.ui.bars import NoticeBar
from worklist_client.ui.sign_in import SignInAgain, SignInDialog
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.settings import AuthSettings, GroupGrant
from worklist_hub.accounts.store import AccountStore
from worklist_hub.service import Hub

PASSWORD = "correct horse battery"
READER = Grant("north", Role.READER)


class NoVault:
    """A computer without a keychain."""

    def read(self, hub_url: str) -> str:
        return ""

    def write(self, hub_url: str, text: str) -> bool:
        return False


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        found.user["groups"] = ["readers"]
        yield found


@pytest.fixture
def hub(tmp_path: Path, provider: IdentityProvider) -> Iterator[Hub]:
    auth = AuthSettings(
        accounts=True,
        issuer=provider.issuer,
        groups=(GroupGrant("readers", READER),),
        signing_key_file=str(tmp_path / "key.pem"),
    )
    with running_hub(tmp_path, sites=(Site("north", "North", "#f00"),), auth=auth) as running:
        accounts = AccountStore(running.store.database)
        accounts.create("ann", Person("1", "Ann^A", "North"), (READER,), PASSWORD)
        accounts.create("bob", Person("2", "Bob^B", "North"), (READER,), PASSWORD)
        yield running


@pytest.fixture
def session(hub: Hub) -> Session:
    return Session(hub.url, NoVault())


@pytest.fixture
def dialog(hub: Hub, session: Session, runner: TaskRunner, qtbot: QtBot) -> SignInDialog:
    made = SignInDialog(hub.url, session, methods(hub.url), runner, Translator("nl"), open_browser=go)
    qtbot.addWidget(made)
    made.show()
    return made


def go(url: QUrl) -> bool:
    """A browser whose person signs in at once."""
    answer = requests.get(url.toString(), allow_redirects=False, timeout=5)
    requests.get(answer.headers["Location"], timeout=5)
    return True


def fill(dialog: QDialog, name: str, password: str, qtbot: QtBot) -> None:
    for field, text in (("sign_in_name", name), ("sign_in_password", password)):
        edit = dialog.findChild(QLineEdit, field)
        edit.clear()
        qtbot.keyClicks(edit, text)
    qtbot.mouseClick(dialog.findChild(QPushButton, "sign_in_by_name"), Qt.MouseButton.LeftButton)


def test_a_wrong_password_is_said_in_dutch_and_the_right_one_lets_in(
    dialog: SignInDialog, session: Session, qtbot: QtBot
) -> None:
    fill(dialog, "ann", "guess", qtbot)
    qtbot.waitUntil(lambda: dialog.status.text() == "De naam of het wachtwoord klopt niet")
    password = dialog.findChild(QLineEdit, "sign_in_password")
    assert password.text() == ""
    assert dialog.focusWidget() is password  # what is typed next must not press a button that ends the program
    with qtbot.waitSignal(dialog.accepted):
        fill(dialog, "ann", PASSWORD, qtbot)
    assert session.reader["name"] == "Ann^A"


def test_the_name_of_the_last_time_stands_there_and_the_password_is_typed_at_once(
    hub: Hub, session: Session, runner: TaskRunner, qtbot: QtBot
) -> None:
    made = SignInDialog(hub.url, session, (PasswordMethod(),), runner, Translator("en"), name="ann")
    qtbot.addWidget(made)
    made.show()
    assert made.focusWidget() is made.findChild(QLineEdit, "sign_in_password")
    assert made.signed_in_as == ""
    with qtbot.waitSignal(made.accepted):
        qtbot.keyClicks(made.focusWidget(), PASSWORD + "\r")
    assert made.signed_in_as == "ann"


def test_the_browser_lets_in_too(dialog: SignInDialog, session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dialog.accepted):
        qtbot.mouseClick(dialog.findChild(QPushButton, "sign_in_browser"), Qt.MouseButton.LeftButton)
    assert session.reader["code"] == "1"


def test_closing_the_dialog_ends_the_waiting_for_the_browser(
    hub: Hub, session: Session, runner: TaskRunner, qtbot: QtBot
) -> None:
    made = SignInDialog(hub.url, session, methods(hub.url), runner, Translator("en"), open_browser=lambda _url: True)
    qtbot.addWidget(made)
    made.show()
    qtbot.mouseClick(made.findChild(QPushButton, "sign_in_browser"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(made.findChild(QPushButton, "sign_in_cancel"), Qt.MouseButton.LeftButton)
    assert not session.is_signed_in  # and the runner's shutdown finds no thread that waits


class Bars(QWidget):
    """Of `WorklistBars` what signing in again needs."""

    def __init__(self) -> None:
        super().__init__()
        self.sign_in = NoticeBar("sign_in_bar")
        QVBoxLayout(self).addWidget(self.sign_in)

    def ask_to_sign_in(self, text: str, run: Callable[[], object]) -> None:
        self.sign_in.say(text, "attention", "Sign in", run)


def test_an_ended_sign_in_is_said_in_a_bar_and_only_the_same_reader_takes_it_up(
    hub: Hub, session: Session, runner: TaskRunner, dialog: SignInDialog, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(dialog.accepted):
        fill(dialog, "ann", PASSWORD, qtbot)
    bars = Bars()
    qtbot.addWidget(bars)
    bars.show()
    again = SignInAgain(hub.url, session, runner, Translator("en"), bars, bars)  # type: ignore[arg-type]
    AccountStore(hub.store.database).set_password("ann", PASSWORD)  # ends every sign-in
    session.rejected(session.token())
    qtbot.waitUntil(lambda: bars.sign_in.text() == ENDED)
    qtbot.mouseClick(bars.findChild(QPushButton, "sign_in_bar_action"), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: again.parent().findChild(QDialog, "sign_in_dialog") is not None)
    asked = bars.findChild(SignInDialog, "sign_in_dialog")
    fill(asked, "bob", PASSWORD, qtbot)
    qtbot.waitUntil(lambda: "Somebody else" in asked.status.text())
    assert session.token() == ""
    fill(asked, "ann", PASSWORD, qtbot)
    qtbot.waitUntil(lambda: bars.sign_in.text() == "")
    assert session.token()
