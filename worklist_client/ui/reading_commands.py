"""The rows of the reading window's command table, its menus, its toolbar and its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from PySide6.QtCore import QSize
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QToolBar

from viewer.ui.actions import ACTIONS
from viewer.ui.window_presets import WindowPreset, WindowPresets
from worklist_client.commands.registry import Command, CommandTable, always
from worklist_client.settings.keymap import Binding, Keymap, normal_key
from worklist_client.settings.language import Translator
from worklist_client.settings.theme import Theme
from worklist_client.ui.action_set import SEPARATOR, ActionSet, MenuRow
from worklist_client.ui.reading_icons import icon

_KEY_NAMES = {"PgDown": "PageDown", "PgUp": "PageUp", "Del": "Delete", "+": "Plus", "-": "Minus"}

OWN_KEYS = {
    "case.sign": "Ctrl+Return",
    "case.insert_measurement": "Ctrl+M",
    "case.focus_report": "Ctrl+R",
    "case.focus_images": "Escape",
    "case.release": "Ctrl+L",
    "case.next": "Ctrl+N",
    "case.close": "Ctrl+W",
    "prior.next": "Ctrl+P",
    "help.keys": "F1",
}
"""Keys where the key map says nothing."""

TOOLBAR: tuple[str, ...] = (
    "tool.scroll", "tool.window", "tool.zoom", "tool.pan", SEPARATOR,
    "tool.length", "tool.arrow", "tool.ellipse", "tool.rectangle", SEPARATOR,
    "annotation.undo", "annotation.redo", "annotation.delete", SEPARATOR,
    "layout.1x1", "layout.1x2", "layout.2x2", "link.toggle", SEPARATOR,
    "view.fit", "view.one_to_one", "view.invert", "view.rotate", "view.flip", "view.reset",
)  # fmt: skip

TOOL = "tool."
PRESET = "window.preset."
FIRST_TOOL = "tool.scroll"
"""What the left button does when a window opens."""

CASE_MENU = MenuRow(
    "Study",
    (
        "case.sign", "case.insert_measurement", SEPARATOR, "case.focus_report", "case.focus_images", SEPARATOR,
        "case.claim", "case.release", "case.retry_images", SEPARATOR, "case.next", "case.close",
    ),
)  # fmt: skip
GROUP_MENUS = {
    "tool": "Tools",
    "annotation": "Annotations",
    "view": "Image",
    "window": "Window",
    "navigate": "Navigate",
    "layout": "Layout",
}


class ReadingWindowPort(Protocol):
    """What the commands ask of the window."""

    def sign(self) -> None: ...
    def insert_measurement(self) -> None: ...
    def focus_report(self) -> None: ...
    def focus_images(self) -> None: ...
    def claim(self) -> None: ...
    def release(self) -> None: ...
    def retry_images(self) -> None: ...
    def next_case(self) -> None: ...
    def close_window(self) -> None: ...
    def next_prior(self) -> None: ...
    def show_keys(self) -> None: ...
    def is_editable(self) -> bool: ...
    def is_claimable(self) -> bool: ...
    def is_mine(self) -> bool: ...
    def perform(self, action_id: str) -> None: ...


def reading_commands(window: ReadingWindowPort) -> CommandTable:
    """Every action of the window: the case's own, then all of the viewer."""
    table = CommandTable(
        (
            Command("case.sign", "Sign …", window.sign, window.is_editable),
            Command("case.insert_measurement", "Insert measurement", window.insert_measurement, window.is_editable),
            Command("case.focus_report", "To the report", window.focus_report, always),
            Command("case.focus_images", "To the images", window.focus_images, always),
            Command("case.claim", "Claim this study", window.claim, window.is_claimable),
            Command("case.release", "Release this study", window.release, window.is_mine),
            Command("case.retry_images", "Fetch missing images again", window.retry_images, always),
            Command("case.next", "Next study", window.next_case, always),
            Command("case.close", "Close", window.close_window, always),
            Command("prior.next", "Next prior", window.next_prior, always),
            Command("help.keys", "Keys", window.show_keys, always),
        )
    )
    for row in ACTIONS:
        table.add(Command(row.id, row.title, _performer(window, row.id), always))
    return table


def reading_keymap(keymap: Keymap) -> Keymap:
    """The key map with the defaults of the viewer and of this window for commands that it does not name."""
    named = {binding.command_id for binding in keymap.bindings if binding.context in keymap.lineage("reading")}
    taken = {binding.key for binding in keymap.bindings if binding.context in keymap.lineage("reading")}
    wanted = [(action.id, action.key) for action in ACTIONS if action.key] + list(OWN_KEYS.items())
    added = []
    for command_id, key in wanted:
        own = normal_key(_spelled(key))
        if command_id not in named and own not in taken:
            added.append(Binding("reading", command_id, own))
            taken.add(own)
    return Keymap(keymap.parents, (*keymap.bindings, *added))


def menus() -> tuple[MenuRow, ...]:
    """The menu bar: the study, its priors, then the groups of the viewer."""
    rows = [CASE_MENU]
    for group, title in GROUP_MENUS.items():
        rows.append(MenuRow(title, tuple(action.id for action in ACTIONS if action.group == group)))
    return (*rows, MenuRow("Help", ("prior.next", "help.keys")))


def key_title(row: Command, presets: WindowPresets, tr: Translator) -> str:
    """What a key does, for the list of keys; a window preset with the name that it has for each modality."""
    title = tr(row.title)
    names = ", ".join(f"{preset.modality} {tr(preset.name)}" for preset in _presets_of(row, presets))
    return f"{title}: {names}" if names else title


def is_idle_preset(row: Command, presets: WindowPresets) -> bool:
    """Whether it is the key of a window preset that no modality has."""
    return row.id.startswith(PRESET) and not _presets_of(row, presets)


def _presets_of(row: Command, presets: WindowPresets) -> tuple[WindowPreset, ...]:
    number = row.id.removeprefix(PRESET)
    return tuple(preset for preset in presets.rows if row.id.startswith(PRESET) and str(preset.key) == number)


def fill_toolbar(bar: QToolBar, actions: ActionSet, theme: Theme, tr: Translator) -> None:
    """Icons with a tooltip that says the title and the key."""
    bar.setIconSize(QSize(20, 20))
    bar.setMovable(False)
    tools = QActionGroup(bar)
    color = theme.color("text.primary")
    for command_id in TOOLBAR:
        if command_id == SEPARATOR:
            bar.addSeparator()
            continue
        action: QAction = actions.action(command_id)
        action.setIcon(icon(command_id, color))
        if command_id.startswith(TOOL):
            action.setCheckable(True)
            action.setChecked(command_id == FIRST_TOOL)
            tools.addAction(action)
        key = actions.key_text(command_id)
        action.setToolTip(f"{action.text()}  ({key})" if key else action.text())
        bar.addAction(action)


def _performer(window: ReadingWindowPort, action_id: str) -> Callable[[], None]:
    return lambda: window.perform(action_id)


def _spelled(key: str) -> str:
    """The viewer's spelling in that of the key map."""
    *modifiers, last = key.split("+") if key not in ("+",) else ["+"]
    return "+".join([*modifiers, _KEY_NAMES.get(last, last)])
