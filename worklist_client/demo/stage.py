"""Desks of the shared region in this one process, for whoever plays them: each signs in at its own real windows."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable

from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton

from worklist_client import app
from worklist_client.demo.robot import Robot, wait_until
from worklist_client.demo.shared import NO_KEYCHAIN, SharedRegion, prepare_desk
from worklist_client.settings.language import Translator
from worklist_client.settings.profile import open_profile
from worklist_client.settings.store import Settings
from worklist_client.settings.theme import load_theme, style_sheet
from worklist_client.ui.desktop import Desktop

WIDTH_PX, HEIGHT_PX = 1600, 950
TEXT_PT = 10


class Stage:
    """Opens desks and ends them."""

    def __init__(self, region: SharedRegion, options: argparse.Namespace) -> None:
        os.environ.update(NO_KEYCHAIN)
        self._region, self._options = region, options
        self.robots: list[Robot] = []
        application = QApplication.instance() or QApplication(["worklist"])
        assert isinstance(application, QApplication)
        application.setQuitOnLastWindowClosed(False)
        application.setStyle("Fusion")
        application.setStyleSheet(style_sheet(load_theme("dark"), TEXT_PT))

    def sit_down(self, profile: str, login: str, look: Callable[[QDialog], None] = lambda _dialog: None) -> Robot:
        """A desk of this reader, signed in; `look` sees the dialog, filled in, before its button is pressed."""
        prepare_desk(self._region, profile, login)
        shown = ["--language", self._options.language, "--render", self._options.render]
        options = app.parse(["--data-dir", str(self._region.desks), "--profile", profile, *shown])
        opened = open_profile(options.profile, options.data_dir)
        settings = Settings.load(opened.settings_path)
        runner, hub = app.start_hub(options, opened, settings)
        desktop = Desktop(opened, settings, runner, hub, Translator(options.language), options.render)
        robot = Robot(desktop)
        self.robots.append(robot)
        desktop.open_journal()
        dialog = robot.until(_sign_in_dialog, f"the sign-in dialog of {profile}", 60)
        dialog.move((WIDTH_PX - dialog.width()) // 2, (HEIGHT_PX - dialog.height()) // 2)
        password = dialog.findChild(QLineEdit, "sign_in_password")
        assert isinstance(password, QLineEdit)
        password.setText(self._region.passwords[login])
        look(dialog)
        button = dialog.findChild(QPushButton, "sign_in_by_name")
        assert isinstance(button, QPushButton)
        robot.do(button.click)
        window = robot.until(lambda: desktop.window, f"the worklist of {profile}")
        window.setGeometry(0, 0, WIDTH_PX, HEIGHT_PX)
        return robot

    def clear(self) -> None:
        """Close every desk as closing its program does."""
        for robot in reversed(self.robots):
            desktop = robot.desktop
            if desktop.window is not None:
                for reading in desktop.actions.windows():
                    robot.do(reading.close)
                wait_until(lambda one=desktop: not one.actions.windows(), "the reading windows to close")  # type: ignore[misc]
            desktop.close()
            if desktop.window is not None:
                robot.do(desktop.window.deleteLater)
            robot.do(desktop.deleteLater)
        self.robots.clear()


def _sign_in_dialog() -> QDialog | None:
    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, QDialog) and widget.objectName() == "sign_in_dialog" and widget.isVisible():
            return widget
    return None
