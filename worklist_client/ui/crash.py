"""What happens when our own code fails: it is logged without patient data, and shown, once at a time."""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from types import TracebackType

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler

from viewer.tasks import TaskRunner
from worklist_client.settings.language import Translator
from worklist_client.ui.dialogs import tell

_log = logging.getLogger("wl.crash")
_qt_log = logging.getLogger("wl.qt")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class CrashReporter:
    """Install once. The log gets the kind of error and where it happened; its words may hold a name and stay out."""

    def __init__(self, runner: TaskRunner, tr: Translator) -> None:
        self._runner, self._tr = runner, tr
        self._showing = False
        self._before = (sys.excepthook, threading.excepthook)

    def install(self) -> None:
        """Take over the hooks of interpreter, threads and Qt."""
        sys.excepthook = self._hook
        threading.excepthook = self._thread_hook
        qInstallMessageHandler(_qt_message)

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._before
        qInstallMessageHandler(None)

    def _hook(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._before[0](kind, error, trace)
            return
        where = places(trace)
        _log.error("unexpected error: kind=%s where=%s", kind.__name__, " < ".join(reversed(where)))
        details = "".join(traceback.format_exception(kind, error, trace))
        self._runner.post(lambda: self._show(details))

    def _thread_hook(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._hook(args.exc_type, args.exc_value, args.exc_traceback)

    def _show(self, details: str) -> None:
        if self._showing:
            return
        self._showing = True
        try:
            tr = self._tr
            text = tr(
                "Something went wrong in the program itself. What you typed is saved. You can go on; "
                "if it happens again, close the program and send the details to your administrator."
            )
            tell(None, tr("Unexpected error"), text, tr("Go on"), details)
        finally:
            self._showing = False


def places(trace: TracebackType | None) -> list[str]:
    """File, line and function of each frame, outermost first; no values."""
    return [f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}:{frame.name}" for frame in traceback.extract_tb(trace)]


def _qt_message(kind: QtMsgType, _context: QMessageLogContext, message: str) -> None:
    _qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", message)
