"""The program itself at a hub that asks who signs in: after the dialog comes the worklist."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pacs.site import Site
from tests.peers.hub import running_hub
from ups.codes import Person
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.settings import AuthSettings
from worklist_hub.accounts.store import AccountStore

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "correct horse battery"
PROGRAM = """
import sys
from PySide6.QtWidgets import QApplication, QLineEdit, QPushButton
from worklist_client import app
from worklist_client.demo.robot import wait_until
from worklist_client.settings.declarations import HUB_LOGIN
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.ui.desktop import run

def dialog():
    found = [one for one in QApplication.topLevelWidgets() if one.objectName() == "sign_in_dialog" and one.isVisible()]
    return found[0] if found else None

def play(desktop):
    asked = wait_until(dialog, "the sign-in dialog")
    for name, text in (("sign_in_name", "ann"), ("sign_in_password", sys.argv[3])):
        asked.findChild(QLineEdit, name).setText(text)
    asked.findChild(QPushButton, "sign_in_by_name").click()
    wait_until(lambda: desktop.window is not None and desktop.window.isVisible(), "the worklist")
    print("worklist of", desktop.desk.reader.name)

options = app.parse(["--data-dir", sys.argv[1], "--hub", sys.argv[2], "--language", "en"])
profile = open_profile(options.profile, options.data_dir)
settings = Settings.load(profile.settings_path)
runner, hub = app.start_hub(options, profile, settings)
code = run(options, profile, settings, runner, hub, script=play)
print("login kept:", Settings.load(profile.settings_path).get(HUB_LOGIN))
sys.exit(code)
"""


@pytest.mark.timeout(90)
def test_after_signing_in_the_worklist_opens(tmp_path: Path) -> None:
    """The dialog was the last window: with it the program ended."""
    auth = AuthSettings(accounts=True, signing_key_file=str(tmp_path / "key.pem"))
    with running_hub(tmp_path, sites=(Site("north", "North", "#f00"),), auth=auth) as hub:
        account = (Grant("north", Role.READER),)
        AccountStore(hub.store.database).create("ann", Person("1", "Ann^A", "North"), account, PASSWORD)
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "desk"), hub.url, PASSWORD],
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert "worklist of Ann^A" in done.stdout, done.stderr[-2000:]
    assert "login kept: ann" in done.stdout
    assert done.returncode == 0
