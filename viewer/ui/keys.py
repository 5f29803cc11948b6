"""Keys of the viewer, by the table of actions; looked up while the focus is in the viewer, never global."""

from __future__ import annotations

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from viewer.ui.actions import ACTIONS


def combination(key: str) -> int:
    """The one key of a text like "Ctrl+Shift+Z", as Qt numbers it."""
    found: QKeyCombination = QKeySequence(key)[0]  # type: ignore[index]  # missing from the stubs
    return found.toCombined()


BY_KEY: dict[int, str] = {combination(row.key): row.id for row in ACTIONS if row.key}


def action_of(event: QKeyEvent) -> str | None:
    """The id of the action on this key, None where there is none.

    The keypad counts as the keys it repeats; "+" counts also where it needs Shift.
    """
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    key = Qt.Key(event.key())
    found = BY_KEY.get(QKeyCombination(modifiers, key).toCombined())
    if found is None and modifiers == Qt.KeyboardModifier.ShiftModifier and not Qt.Key.Key_A <= key <= Qt.Key.Key_Z:
        found = BY_KEY.get(QKeyCombination(Qt.KeyboardModifier.NoModifier, key).toCombined())
    return found
