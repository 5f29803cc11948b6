"""Qt actions made of the command table and the key map: menu bar, context menu, keys. Nothing here knows an action."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QMenuBar, QWidget

from worklist_client.commands.registry import CommandTable
from worklist_client.settings.keymap import Keymap
from worklist_client.settings.language import Translator

SEPARATOR = "-"
_QT_NAMES = {"PageUp": "PgUp", "PageDown": "PgDown", "Escape": "Esc", "Plus": "+", "Minus": "-"}


@dataclass(frozen=True, slots=True)
class MenuRow:
    """One menu: English title and command ids; `-` is a line."""

    title: str
    command_ids: tuple[str, ...]


class ActionSet(QObject):
    """One QAction a command, enabled as the command says and with the keys of `context`."""

    def __init__(self, commands: CommandTable, keymap: Keymap, context: str, tr: Translator, parent: QWidget) -> None:
        super().__init__(parent)
        self._commands, self._tr, self._window = commands, tr, parent
        self._actions: dict[str, QAction] = {}
        for command in commands:
            action = QAction(tr(command.title), parent)
            action.setObjectName(f"action_{command.id}")
            action.setData(command.id)
            action.triggered.connect(self._triggered)
            keys = keymap.keys(context, command.id)
            action.setShortcuts([QKeySequence(qt_key(key)) for key in keys])
            self._actions[command.id] = action
            parent.addAction(action)

    def bind_to_widget(self, widget: QWidget, command_ids: Sequence[str]) -> None:
        """These keys react only while the widget has the focus (Enter must not claim while a text is typed)."""
        for command_id in command_ids:
            action = self._actions[command_id]
            self._window.removeAction(action)
            action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
            widget.addAction(action)

    def action(self, command_id: str) -> QAction:
        """The action of a command."""
        return self._actions[command_id]

    def key_text(self, command_id: str) -> str:
        """Its first key as people write it, empty where it has none."""
        return self._actions[command_id].shortcut().toString(QKeySequence.SequenceFormat.NativeText)

    def refresh(self) -> None:
        """Ask every command whether it is enabled."""
        for command in self._commands:
            self._actions[command.id].setEnabled(command.enabled())

    def fill_menu_bar(self, bar: QMenuBar, menus: Sequence[MenuRow]) -> None:
        """Build the menus."""
        for row in menus:
            menu = bar.addMenu(self._tr(row.title))
            menu.setObjectName(f"menu_{row.title.lower()}")
            menu.aboutToShow.connect(self.refresh)
            self._fill(menu, row.command_ids)

    def context_menu(self, command_ids: Sequence[str]) -> QMenu:
        """A menu for the right mouse button."""
        self.refresh()
        menu = QMenu(self._window)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._fill(menu, command_ids)
        return menu

    def _fill(self, menu: QMenu, command_ids: Sequence[str]) -> None:
        for command_id in command_ids:
            if command_id == SEPARATOR:
                menu.addSeparator()
            else:
                menu.addAction(self._actions[command_id])

    def _triggered(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self._commands.run(str(action.data()))


def qt_key(key: str) -> str:
    """The key map's spelling in that of QKeySequence."""
    *modifiers, last = key.split("+") if not key.endswith("++") else [*key[:-2].split("+"), "+"]
    return "+".join([*modifiers, _QT_NAMES.get(last, last)])
