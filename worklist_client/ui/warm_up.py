"""After the first paint: loads what the first double-click needs, so that it need not.

Modules that define widgets are loaded on the main thread, one a turn of the event loop: making Qt classes on another
thread while the event loop runs ends the process now and then. The libraries below them are loaded in the background.
"""

from __future__ import annotations

import gc
from importlib import import_module

from PySide6.QtCore import QObject, QTimer

from viewer.cancel import CancelToken
from viewer.tasks import TaskRunner

LIBRARIES = (
    "numpy",
    "pydicom",
    "viewer.dicom.pixels",
    "viewer.dicom.sorting",
    "viewer.measure",
    "viewer.hanging.default",
    "viewer.state.view",
)
"""Free of Qt."""
WINDOWS = (
    "viewer.ui.palette",
    "viewer.ui.paint_texts",
    "viewer.render.software",
    "viewer.ui.viewport_model",
    "viewer.ui.viewport",
    "viewer.ui.thumbnails",
    "viewer.ui.desk",
    "viewer.ui.viewer_widget",
    "worklist_client.commands.case",
    "worklist_client.ui.reading_card",
    "worklist_client.ui.reading_sign",
    "worklist_client.ui.reading_report",
    "worklist_client.ui.reading_window",
)
"""In an order in which each loads little more than itself."""
PAUSE_MS = 15


class WarmUp(QObject):
    """Loads once. Begins when made."""

    def __init__(self, runner: TaskRunner, parent: QObject) -> None:
        super().__init__(parent)
        self._left = list(WINDOWS)
        self._timer = QTimer(self)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._next)
        runner.submit(
            _load_libraries,
            None,
            lane="prefetch",
            owner=self,
            done=lambda _none: self._timer.start(),
            failed=lambda _error: None,  # the window itself will say what is missing
        )

    @property
    def done(self) -> bool:
        """Whether everything is loaded."""
        return not self._left

    def _next(self) -> None:
        if self._left:
            import_module(self._left.pop(0))
        if not self._left:
            self._timer.stop()
            # What is loaded by now stays: the collector need not walk through it in the middle of a scroll.
            gc.freeze()


def _load_libraries(_request: None, token: CancelToken) -> None:
    for name in LIBRARIES:
        token.check()
        import_module(name)
    token.check()
    import_module("keyring").get_keyring()  # finding the keychain of this computer takes longer than asking it
