"""What is loaded after the first paint, and by which thread."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from viewer.tasks import TaskRunner
from worklist_client.ui.warm_up import LIBRARIES, WarmUp

ROOT = Path(__file__).resolve().parents[2]
LOADS_NO_WIDGETS = """
import sys
for name in sys.argv[1:]:
    __import__(name)
print(sorted(name for name in sys.modules if name.startswith(("PySide6", "shiboken"))))
"""


def test_everything_that_a_reading_window_needs_is_loaded(qtbot: QtBot) -> None:
    runner, owner = TaskRunner(), QObject()
    warm = WarmUp(runner, owner)
    qtbot.waitUntil(lambda: warm.done, timeout=20_000)
    assert "worklist_client.ui.reading_window" in sys.modules
    runner.shutdown()


def test_what_the_background_loads_makes_no_qt_classes() -> None:
    command = [sys.executable, "-c", LOADS_NO_WIDGETS, *LIBRARIES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
