"""A region for journeys: real archives, a real hub process, real desktops driven by the robot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton, QWidget

from pacs.secrets import variable_of
from pacs.site import Site
from tests.peers.orthanc import OrthancPeer, free_port
from worklist_client import app
from worklist_client.demo.robot import Robot, wait_until
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.settings.theme import load_theme, style_sheet
from worklist_client.ui.desktop import Desktop
from worklist_client.worklist.entries import Status, StudyEntry
from worklist_client.worklist.region import RegionError, about

ROOT = Path(__file__).resolve().parents[2]
HUB_AE = "WORKLISTHUB"
ALWAYS_H = 24.0 * 365 * 40
"""A lookback that no study is too old for."""
START_S = 30.0


@dataclass(frozen=True, slots=True)
class Reader:
    """Who sits at a desk. The AE title of the desk follows from the profile."""

    profile: str
    name: str
    code: str

    @property
    def calling_ae(self) -> str:
        """As an archive has to know it."""
        return f"WL_{self.profile.upper()}"


SANNE = Reader("sanne", "Vries^Sanne^^dr.", "900001")
PETER = Reader("peter", "Bakker^Peter^^drs.", "900002")
CALLERS = [(reader.calling_ae, 0) for reader in (SANNE, PETER)] + [(HUB_AE, 0)]


def secrets_of(peer: OrthancPeer) -> dict[str, str]:
    """Environment variables that let hub and desks into an archive's HTTP side."""
    return {variable_of(peer.dicomweb().connection_id): f"{peer.user}:{peer.password}"}


def toml_of(value: Any) -> str:
    """One TOML value."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_of(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_of, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def hub_toml(sites: Sequence[Site], *, poll_s: float = 0.4, port: int = 0) -> str:
    """The hub's configuration of these sites."""
    lines = [f'[hub]\nlisten = "127.0.0.1:{port}"\nae_title = "{HUB_AE}"\n', f"[intake]\npoll_s = {poll_s}\n"]
    for site in sites:
        fields = {key: value for key, value in asdict(site).items() if key != "extra"}
        lines.append("[[site]]\n" + "\n".join(f"{key} = {toml_of(value)}" for key, value in fields.items()) + "\n")
    return "\n".join(lines)


@dataclass
class HubProcess:
    """A standalone hub as a process of its own; it may be stopped and started again on the same port and file."""

    folder: Path
    sites: Sequence[Site]
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "hub.toml"
        config.write_text(hub_toml(self.sites, port=self.port), encoding="utf-8")
        command = [sys.executable, "-m", "worklist_hub", "serve", "--config", str(config)]
        with (self.folder / "hub.log").open("ab") as log:
            environment = {**os.environ, "PYTHONPATH": str(ROOT)}
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "hub.log").read_text()[-2000:]
            assert time.monotonic() < deadline, (self.folder / "hub.log").read_text()[-2000:]
            pause(self._process)

    def stop(self) -> None:
        """End it; its file stays."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(15)
            self._process = None

    def _answers(self) -> bool:
        try:
            about(self.url, "", timeouts_s=(1.0, 3.0))
        except RegionError:
            return False
        return True

    def __enter__(self) -> HubProcess:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def pause(process: subprocess.Popen[bytes]) -> None:
    """Poll without busy waiting: until the process ends, a twentieth of a second at most."""
    try:
        process.wait(0.05)
    except subprocess.TimeoutExpired:
        return


def prepare_application() -> QApplication:
    """The application as the product dresses it; it does not end with its last window."""
    application = QApplication.instance() or QApplication(["worklist"])
    assert isinstance(application, QApplication)
    application.setQuitOnLastWindowClosed(False)
    application.setStyle("Fusion")
    application.setStyleSheet(style_sheet(load_theme("dark"), 10))
    return application


@contextmanager
def desk_of(
    reader: Reader, folder: Path, hub_url: str, render: str = "software", *, account: tuple[str, str] | None = None
) -> Iterator[Robot]:
    """A real desktop of this reader, in `folder`; at the end its reading windows are closed and everything stops.

    `account` is name and password for a hub that asks who it is.
    """
    prepare_application()
    arguments = ["--data-dir", str(folder), "--profile", reader.profile, "--hub", hub_url, "--render", render]
    options = app.parse(arguments)
    profile = open_profile(options.profile, options.data_dir)
    choices = {
        "reader.name": reader.name,
        "reader.code": reader.code,
        "reader.organisation": "Nachtwacht",
        "workers.images": 1,
    }
    profile.settings_path.write_text(json.dumps(choices), encoding="utf-8")
    settings = Settings.load(profile.settings_path)
    runner, hub = app.start_hub(options, profile, settings)
    desktop = Desktop(profile, settings, runner, hub, Translator("en"), options.render)
    try:
        assert desktop.open_journal()
        robot = Robot(desktop)
        if account is not None:
            sign_in(robot, *account)
        window = robot.until(lambda: desktop.window, "the worklist window")
        window.setGeometry(0, 0, 1600, 950)
        robot.until(lambda: desktop.desk is not None and desktop.desk.sites.all(), "the directory of sites")
        yield robot
    finally:
        close(desktop)


def sign_in(robot: Robot, name: str, password: str) -> None:
    """Fill in the dialog that asks for an account, and press its button."""

    def asked() -> QDialog | None:
        found = (one for one in QApplication.topLevelWidgets() if one.objectName() == "sign_in_dialog")
        return next((one for one in found if isinstance(one, QDialog) and one.isVisible()), None)

    dialog = robot.until(asked, "the dialog for signing in")
    for field_name, text in (("sign_in_name", name), ("sign_in_password", password)):
        edit = dialog.findChild(QLineEdit, field_name)
        assert isinstance(edit, QLineEdit)
        edit.setText(text)
    button = dialog.findChild(QPushButton, "sign_in_by_name")
    assert isinstance(button, QPushButton)
    robot.do(button.click)


def close(desktop: Desktop) -> None:
    """End a desktop as closing the program does, without ending the application of the test."""
    robot = Robot(desktop)
    if desktop.window is not None:
        for window in desktop.actions.windows():
            robot.do(window.close)
        wait_until(lambda: not desktop.actions.windows(), "the reading windows to close")
    desktop.close()
    if desktop.window is not None:
        robot.do(desktop.window.deleteLater)  # its clock ticks on otherwise, over parts that are gone
    robot.do(desktop.deleteLater)


def listed(robot: Robot, study: str, status: Status, seconds: float = 30.0) -> StudyEntry:
    """The study's row, once it has this status."""

    def look() -> StudyEntry | None:
        found = robot.entry(study)
        return found if found is not None and found.status is status else None

    return robot.until(look, f"the study to be {status.value} on the list", seconds)


def shown_row(robot: Robot, study: str) -> list[str]:
    """The texts of the study's row, as the table shows them."""
    window = robot.desktop.window
    assert window is not None
    model = window.rows.model
    for row, entry in enumerate(model.entries()):
        if entry.study_instance_uid == study:
            return [str(model.index(row, column).data() or "") for column in range(model.columnCount())]
    raise AssertionError("the study is not in the table")


def text_of(widget: QWidget, name: str) -> str:
    """The text of the label with this name."""
    found: Any = widget.findChild(QWidget, name)
    assert found is not None, name
    return str(found.text())
