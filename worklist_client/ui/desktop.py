"""The running application: profile, services, the worklist window, and a clean end."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from importlib import import_module
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QLocale, QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from ups.claiming import ClaimKind
from ups.datetimes import dt_from_datetime
from viewer.cancel import CancelToken
from viewer.render.gl_format import install_default_format
from viewer.tasks import Task, TaskRunner
from worklist_client.commands.desk import Desk
from worklist_client.commands.housekeeping import tidy
from worklist_client.composition import compose
from worklist_client.delivery.service import WORKERS as DELIVERY_WORKERS
from worklist_client.delivery.status import DeliveryStatus
from worklist_client.journal import Journal, JournalError
from worklist_client.settings.declarations import HUB_LOGIN, LANGUAGE, TEXT_SIZE_PT
from worklist_client.settings.keymap import KeymapError, load_keymap
from worklist_client.settings.language import LANGUAGES, Translator
from worklist_client.settings.profile import Profile
from worklist_client.settings.store import Settings, SettingsError
from worklist_client.settings.theme import load_theme, style_sheet
from worklist_client.ui.crash import CrashReporter, places
from worklist_client.ui.deliveries import Deliveries
from worklist_client.ui.dialogs import question, tell
from worklist_client.ui.hub_guard import HubGuard
from worklist_client.ui.list_feed import ListFeed
from worklist_client.ui.reader_dialog import name_first
from worklist_client.ui.sign_in import SignInAgain, SignInDialog
from worklist_client.ui.start import HubStart, SignInNeeded
from worklist_client.ui.study_actions import StudyActions
from worklist_client.ui.timeline_search import TimelineSearch
from worklist_client.ui.warm_up import WarmUp
from worklist_client.ui.worklist_window import WorklistParts, WorklistWindow
from worklist_client.worklist.channel import keep_alive, listen
from worklist_client.worklist.embedded import HubAddress
from worklist_client.worklist.entries import StudyEntry
from worklist_client.worklist.outcomes import ClaimResult
from worklist_client.worklist.region import follow_intake, sites

_log = logging.getLogger("wl.desktop")

PATIENCE_MS = 1500
"""A start that takes longer than this says what it waits for."""
AFTER_PAINT_MS = 250
AWAKE_MS = 500
DIRECTORY_S = 60.0
KEEP_FINISHED = timedelta(hours=24)
HOUSEKEEPING_MS = 600_000


def run(
    options: argparse.Namespace,
    profile: Profile,
    settings: Settings,
    runner: TaskRunner,
    hub: HubStart,
    *,
    script: Callable[[Desktop], None] | None = None,
) -> int:
    """Open the windows and run until they are closed, or until `script` has played; returns the exit status."""
    _log_to(profile.folder / "client.log")
    install_default_format()
    application = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(application, QApplication)
    application.setApplicationName("Worklist")
    # The list says when it is over: between the sign-in and the list there is a moment without any window.
    application.setQuitOnLastWindowClosed(False)
    tr = Translator(_language(options.language or settings.get(LANGUAGE)))
    theme = load_theme("dark")
    application.setStyle("Fusion")
    application.setStyleSheet(style_sheet(theme, settings.get(TEXT_SIZE_PT)))
    crash = CrashReporter(runner, tr)
    crash.install()
    desktop = Desktop(profile, settings, runner, hub, tr, options.render)
    try:
        if not desktop.open_journal():
            return 3
        signal.signal(signal.SIGINT, lambda *_args: application.quit())
        signal.signal(signal.SIGTERM, lambda *_args: application.quit())
        awake = QTimer(desktop)  # Python comes to its signals only where something of Python runs now and then
        awake.timeout.connect(lambda: None)
        awake.start(AWAKE_MS)
        if script is not None:
            QTimer.singleShot(0, desktop, lambda: (script(desktop), QApplication.exit(0)))
        return int(application.exec())
    finally:
        desktop.close()
        crash.remove()


class Desktop(QObject):
    """Everything that lives as long as the application. `close` ends all of it."""

    def __init__(
        self, profile: Profile, settings: Settings, runner: TaskRunner, hub: HubStart, tr: Translator, render: str
    ) -> None:
        super().__init__()
        self._profile, self._settings, self._runner, self._hub = profile, settings, runner, hub
        self._tr, self._render = tr, render
        self._theme = load_theme("dark")
        self._journal: Journal | None = None
        self._is_closed = False
        self._events: Task | None = None
        self._waiting: QLabel | None = None
        self.desk: Desk | None = None
        self.window: WorklistWindow | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(PATIENCE_MS)
        self._patience.timeout.connect(self._say_waiting)
        self._housekeeping = QTimer(self)
        self._housekeeping.setInterval(HOUSEKEEPING_MS)
        self._housekeeping.timeout.connect(self._drop_finished)
        self._housekeeping.timeout.connect(self._tidy)
        hub.listen(self._hub_ready, self._hub_failed)

    def open_journal(self) -> bool:
        """Lock the profile and open its journal; where that fails it is said, and False is returned."""
        try:
            self._journal = Journal.open(self._profile.folder / "journal.sqlite")
        except JournalError as error:
            tell(None, self._tr("Worklist"), self._tr(error.reason), self._tr("Close"))
            return False
        self._patience.start()
        return True

    def close(self) -> None:
        """End services, worker processes and threads; the order lets nobody write into something closed."""
        self._is_closed = True
        self._housekeeping.stop()
        self._patience.stop()
        if self.window is not None:
            self.window.hide()
        left = self._runner.shutdown()
        if left:
            _log.warning("threads that did not stop: %s", ", ".join(left))
        if self.desk is not None:
            for worker in (*self.desk.workers.images, self.desk.workers.reports):
                worker.stop()
            self.desk.client.close()
        if self._journal is not None:
            self._journal.close()

    # --- the hub ---

    def _hub_ready(self, address: HubAddress) -> None:
        assert self._journal is not None
        self._patience.stop()
        self._drop_waiting()
        self.desk = compose(
            self._runner,
            self._profile,
            self._settings,
            self._journal,
            self._tr,
            address,
            solo=self._hub.embedded,
            render_path=self._render,
            known=self._hub.reader,
        )
        self._open_window(self.desk)
        if address.session is not None and self.window is not None:
            bars, name = self.window.bars, partial(self._settings.get, HUB_LOGIN)
            SignInAgain(address.url, address.session, self._runner, self._tr, self.window, bars, name)
        QTimer.singleShot(AFTER_PAINT_MS, self, self._after_paint)

    def _hub_failed(self, error: Exception) -> None:
        self._patience.stop()
        self._drop_waiting()
        tr = self._tr
        if isinstance(error, SignInNeeded):
            self._sign_in(error)
            return
        reason = getattr(error, "reason", type(error).__name__)
        advice = getattr(error, "advice", "")
        if self._hub.embedded:
            text = tr("The worklist of this computer does not start: {reason}", reason=tr(reason))
        else:
            text = tr("The shared worklist cannot be used: {reason}", reason=tr(reason))
        text += f"\n\n{advice}" if advice else ""
        parent = QWidget()
        if question(parent, tr("Worklist"), text, tr("Try again"), tr("Quit")):
            self._patience.start()
            self._hub.begin()
        else:
            QApplication.exit(4)

    def _sign_in(self, needed: SignInNeeded) -> None:
        dialog = SignInDialog(
            needed.hub_url,
            needed.session,
            needed.methods,
            self._runner,
            self._tr,
            reason=needed.reason,
            name=self._settings.get(HUB_LOGIN),
        )
        dialog.accepted.connect(lambda: self._signed_in(dialog.signed_in_as))
        dialog.rejected.connect(lambda: QApplication.exit(4))
        self._dialog = dialog  # it has no parent that would keep it
        dialog.open()

    def _signed_in(self, name: str) -> None:
        if name:
            with suppress(SettingsError):  # then the name is typed once more next time
                self._settings.set(HUB_LOGIN, name)
        self._patience.start()
        self._hub.begin()

    def _say_waiting(self) -> None:
        label = QLabel(self._tr("Starting the worklist of this computer…"))
        label.setObjectName("waiting")
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        label.setMinimumSize(420, 120)
        label.show()
        self._waiting = label

    def _drop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.close()
            self._waiting = None

    # --- the window ---

    def _open_window(self, desk: Desk) -> None:
        self.feed = ListFeed(desk, time.monotonic, self)
        self.deliveries = Deliveries(desk, self)
        self.timeline = TimelineSearch(desk, self)
        self.actions = StudyActions(desk, open_reading_window, self)
        for done in (self.actions.windows_changed, self.actions.said):
            done.connect(lambda *_: self.deliveries.reload())  # a text may have lost its claim by it
        overlay = self._profile.folder / "keymap.toml"
        problems = list(self._settings.problems)
        try:
            keymap = load_keymap(overlay)
        except (KeymapError, OSError, UnicodeDecodeError) as error:
            problems.append(str(error))
            keymap = load_keymap()
        self.window = WorklistWindow(
            WorklistParts(
                desk, self._theme, keymap, self.feed, self.timeline, self.deliveries, self.actions, self._listen
            )
        )
        self.window.closing.connect(QApplication.quit)
        FirstRows(self.window.table.viewport(), self.window.rows.model.rowCount, self)
        self.window.show()
        if problems:
            self.window.bars.say("\n".join(problems), "attention")
        if self._hub.embedded:
            HubGuard(self._runner, desk.client, self.feed, self._profile.data_dir, self)
        self._listen()
        self._runner.serve("directory", self._read_directory, self._directory_told, owner=self)
        self._runner.serve("intake", follow_intake(desk.client), self.feed.hospitals_told, owner=self.feed)

    def _listen(self) -> None:
        """Follow the hub's list; once more = ask for everything again."""
        assert self.desk is not None
        if self._events is not None:
            self._events.cancel()
        work = listen(self.desk.client, self.desk.calling_ae)
        self._events = self._runner.serve("events", work, self.feed.apply, owner=self.feed, broken=self.feed.broken)

    def _after_paint(self) -> None:
        """What the list does not need: worker processes, heartbeat, deliveries, the modules of the reading window."""
        desk = self.desk
        assert desk is not None
        if self._is_closed:
            return  # closed within this moment: a process started now would be ended by nobody
        for worker in (*desk.workers.images, desk.workers.reports):
            worker.start()
        self._runner.serve("heartbeat", keep_alive(desk.claims), self._claims_told, owner=self)
        for place in range(DELIVERY_WORKERS):
            self._runner.serve(f"delivery-{place}", desk.delivery.work, self._delivered, owner=self)
        WarmUp(self._runner, self)
        name_first(desk, self.window, lambda: None)
        self._tidy()
        self._housekeeping.start()

    def _read_directory(self, token: CancelToken, emit: Callable[[object], None]) -> None:
        """Body of a service: what the hub says of itself and of the hospitals, again each minute."""
        assert self.desk is not None
        client = self.desk.client
        while True:
            emit(sites(client))
            if token.wait(DIRECTORY_S):
                return

    def _directory_told(self, told: object) -> None:
        assert self.desk is not None
        assert isinstance(told, tuple)
        if told != self.desk.sites.all():
            self.desk.sites.replace(told)
            self.desk.live.replace_sites(told)
            self.feed.changed.emit()

    def _claims_told(self, results: tuple[ClaimResult, ...]) -> None:
        assert self.desk is not None
        if not self.desk.live.look_again([result.workitem_uid for result in results]).is_empty:
            self.feed.changed.emit()
        # A window whose own question was lost in an outage learns here that the claim is there after all.
        won = {result.workitem_uid for result in results if result.kind is ClaimKind.WON}
        self.actions.told(tuple(entry for entry in self.desk.live.entries if entry.workitem_uid in won))
        if any(result.kind is ClaimKind.LOST for result in results):
            self.deliveries.reload()

    def _delivered(self, status: DeliveryStatus) -> None:
        self.deliveries.status_changed(status)

    def _tidy(self) -> None:
        """Room for images, and no report kept for longer than it is needed."""
        assert self.desk is not None
        self._runner.submit(tidy, self.desk, lane="prefetch", owner=self, key="tidy", priority=9)

    def _drop_finished(self) -> None:
        assert self.desk is not None
        if not self.desk.live.drop_finished(dt_from_datetime(self.desk.now() - KEEP_FINISHED)).is_empty:
            self.feed.changed.emit()


class FirstRows(QObject):
    """Logs once that rows of the list are on screen: from here on the list can be used."""

    def __init__(self, viewport: QWidget, rows: Callable[[], int], parent: QObject) -> None:
        super().__init__(parent)
        self._viewport, self._rows = viewport, rows
        viewport.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Qt: only looks on."""
        if event.type() == QEvent.Type.Paint and self._rows():
            self._viewport.removeEventFilter(self)
            QTimer.singleShot(0, self, lambda: _log.info("worklist shown: rows=%d", self._rows()))
        return False


def open_reading_window(desk: Desk, entry: StudyEntry, claim: bool) -> QWidget:
    """Open a study. Imported here, for viewer and codecs would delay the list by half a second."""
    window = import_module("worklist_client.ui.reading_window").open_reading_window(desk, entry, claim)
    assert isinstance(window, QWidget)
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return window


def _language(chosen: str) -> str:
    if chosen in LANGUAGES:
        return chosen
    return "nl" if QLocale.system().language() == QLocale.Language.Dutch else "en"


class PlacesOnly(logging.Formatter):
    """Where an error came from and of what kind it is, never its text, which may hold any value: a name, a number."""

    def formatException(self, ei: Any) -> str:
        """logging: one line an error, the cause below what it caused."""
        lines, error = [], ei[1]
        while isinstance(error, BaseException):
            lines.append(f"{type(error).__name__} at {' < '.join(reversed(places(error.__traceback__)))}")
            error = error.__cause__ or error.__context__
        return "\n".join(lines)


def _log_to(path: Path) -> None:
    """One file of the profile, for its owner only, without patient data."""
    os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
    handler = RotatingFileHandler(path, maxBytes=2_000_000, backupCount=3, encoding="utf-8")
    handler.setFormatter(PlacesOnly("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger("wl")
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    if not faulthandler.is_enabled():
        faulthandler.enable()
