"""The theme: colours and metrics as tokens in `resources/themes`, and the Qt style sheet made of them. No Qt here.

Widgets ask for a look by their `role` property (muted, heading, danger, ok, chip, primary, bar), never by a colour.
What holds many others has its look here too: a style sheet of its own would have each of them styled with both, which
doubles what it takes to make it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources as package_files
from pathlib import Path
from typing import Any

_COLOR = re.compile(r"^#[0-9a-f]{6}$")
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "surface": ("window", "panel", "raised", "field", "hover", "selection", "highlight"),
    "line": ("faint", "normal", "focus"),
    "text": ("primary", "secondary", "disabled", "on_accent"),
    "state": ("accent", "mine", "ok", "attention", "danger", "stat", "high", "quiet"),
}
_METRICS = ("row_px", "gap_px", "radius_px")


class ThemeError(Exception):
    """A theme file that cannot be used; the text names file, table, token and what is allowed."""


@dataclass(frozen=True, slots=True)
class Theme:
    """`colors` by dotted token ("text.primary" -> "#rrggbb"), `metrics` in pixels at 96 dpi."""

    name: str
    colors: Mapping[str, str]
    metrics: Mapping[str, int]

    def color(self, token: str) -> str:
        """One colour. Raises KeyError where the token does not exist."""
        return self.colors[token]


def load_theme(name: str) -> Theme:
    """Read `resources/themes/<name>.toml`. Raises `ThemeError`."""
    file_name = f"resources/themes/{name}.toml"
    try:
        text = package_files.files("resources").joinpath("themes", f"{name}.toml").read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ThemeError(f"{file_name} is missing") from error
    return parse_theme(text, name, file_name)


def parse_theme(text: str, name: str, file_name: str) -> Theme:
    """Read a theme; every token is there and well formed, and none is unknown. Raises `ThemeError`."""
    try:
        data: dict[str, Any] = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ThemeError(f"{file_name}: {error}") from error
    colors: dict[str, str] = {}
    for table, tokens in _NEEDED.items():
        given = data.pop(table, {})
        _same_names(file_name, table, given, tokens)
        for token in tokens:
            if not isinstance(given[token], str) or not _COLOR.match(given[token]):
                raise ThemeError(f'{file_name}: [{table}] {token} must be like "#1b1f24", not {given[token]!r}')
            colors[f"{table}.{token}"] = given[token]
    metrics = data.pop("metric", {})
    _same_names(file_name, "metric", metrics, _METRICS)
    for token, value in metrics.items():
        if type(value) is not int or not 0 < value < 200:
            raise ThemeError(f"{file_name}: [metric] {token} must be a whole number from 1 to 199, not {value!r}")
    if data:
        raise ThemeError(f"{file_name}: unknown table [{sorted(data)[0]}]")
    return Theme(name, colors, metrics)


def _same_names(file_name: str, table: str, given: Mapping[str, Any], needed: tuple[str, ...]) -> None:
    missing, unknown = set(needed) - set(given), set(given) - set(needed)
    if missing or unknown:
        fault = f"{sorted(missing)[0]} is missing" if missing else f"{sorted(unknown)[0]} is unknown"
        raise ThemeError(f"{file_name}: [{table}] {fault}; its tokens are {', '.join(needed)}")


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two "#rrggbb" colours, 1 to 21 (WCAG 2.1)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def style_sheet(theme: Theme, text_size_pt: int) -> str:
    """The style sheet of the whole application."""
    values: dict[str, object] = {token.replace(".", "_"): color for token, color in theme.colors.items()}
    values.update(theme.metrics)
    # Qt draws no tick once an indicator has colours of its own.
    values.update(check_mark=Path(str(package_files.files("resources"))).joinpath("themes", "check.svg").as_posix())
    values.update(text_pt=f"{text_size_pt}", name_pt=f"{text_size_pt + 3}")
    return re.sub(r"@\{(\w+)\}", lambda match: str(values[match.group(1)]), _SHEET)


_SHEET = """
* { font-size: @{text_pt}pt; }
QWidget { background: @{surface_window}; color: @{text_primary}; selection-background-color: @{surface_selection};
    selection-color: @{text_primary}; }
QLabel, QCheckBox, QRadioButton { background: transparent; }
QToolTip { background: @{surface_raised}; color: @{text_primary}; border: 1px solid @{line_normal}; padding: 4px; }
QMenuBar { background: @{surface_panel}; border-bottom: 1px solid @{line_faint}; }
QMenuBar::item { padding: 5px 10px; background: transparent; }
QMenuBar::item:selected, QMenu::item:selected { background: @{surface_selection}; }
QMenu { background: @{surface_panel}; border: 1px solid @{line_normal}; padding: 4px; }
QMenu::item { padding: 5px 28px 5px 12px; }
QMenu::item:disabled, QMenuBar::item:disabled { color: @{text_disabled}; background: transparent; }
QMenu::separator { height: 1px; background: @{line_faint}; margin: 4px 8px; }
QTableView { background: @{surface_panel}; border: 1px solid @{line_faint};
    gridline-color: @{line_faint}; outline: none; }
QListWidget { border: 1px solid @{line_faint}; outline: none; }
QTableView:focus, QListWidget:focus { border: 1px solid @{line_focus}; }
QTableView::item { padding: 0 6px; border: none; }
QTableView::item:selected { background: @{surface_selection}; color: @{text_primary}; }
QHeaderView { background: @{surface_window}; }
QHeaderView::section { background: @{surface_window}; color: @{text_secondary}; border: none;
    border-bottom: 1px solid @{line_normal}; padding: 5px 6px; }
QHeaderView::section:hover { color: @{text_primary}; }
QTableCornerButton::section { background: @{surface_window}; border: none; }
QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDoubleSpinBox, QComboBox { background: @{surface_field};
    border: 1px solid @{line_normal}; border-radius: @{radius_px}px; padding: 4px 7px; color: @{text_primary}; }
QSpinBox QLineEdit, QDoubleSpinBox QLineEdit { border: none; padding: 0 7px; }
QSpinBox::up-button, QSpinBox::down-button, QDoubleSpinBox::up-button, QDoubleSpinBox::down-button {
    width: 0; border: none; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {
    border: 1px solid @{line_focus}; }
QLineEdit:disabled, QPlainTextEdit:disabled, QComboBox:disabled { color: @{text_disabled};
    background: @{surface_window}; }
QComboBox[active="true"], QLineEdit[active="true"] { border: 1px solid @{state_accent}; }
QComboBox QAbstractItemView { background: @{surface_panel}; border: 1px solid @{line_normal}; outline: none;
    selection-background-color: @{surface_selection}; }
QPushButton, QToolButton { background: @{surface_raised}; border: 1px solid @{line_normal};
    border-radius: @{radius_px}px; padding: 5px 12px; color: @{text_primary}; }
QPushButton:hover, QToolButton:hover { background: @{surface_hover}; border-color: @{line_focus}; }
QPushButton:focus, QToolButton:focus { border: 1px solid @{line_focus}; }
QPushButton:pressed, QToolButton:pressed { background: @{surface_selection}; }
QPushButton:disabled, QToolButton:disabled { color: @{text_disabled}; background: @{surface_panel};
    border-color: @{line_faint}; }
QPushButton:checked, QToolButton:checked { background: @{surface_selection}; border-color: @{state_accent}; }
QPushButton[role="primary"] { background: @{state_accent}; color: @{text_on_accent}; border-color: @{state_accent};
    font-weight: 600; }
QPushButton[role="primary"]:focus { border: 2px solid @{text_primary}; padding: 4px 11px; }
QPushButton[role="primary"]:disabled { background: @{surface_panel}; color: @{text_disabled};
    border-color: @{line_faint}; }
QPushButton[role="chip"] { padding: 4px 12px; border-radius: 12px; }
QPushButton[role="link"] { background: transparent; border: none; color: @{state_accent}; padding: 2px 4px;
    text-decoration: underline; }
QLabel[role="muted"] { color: @{text_secondary}; }
QLabel[role="heading"] { font-weight: 600; }
QLabel[role="name"] { font-size: @{name_pt}pt; font-weight: 600; }
QLabel[role="danger"] { color: @{state_danger}; font-weight: 600; }
QLabel[role="attention"] { color: @{state_attention}; }
QLabel[role="ok"] { color: @{state_ok}; }
QDialog, QMessageBox { border: 1px solid @{line_normal}; }
QFrame[role="bar"] { background: @{surface_raised}; border: none; border-top: 1px solid @{line_faint}; }
QFrame[role="bar"][tone="attention"] { border-left: 4px solid @{state_attention}; }
QFrame[role="bar"][tone="danger"] { border-left: 4px solid @{state_danger}; }
QFrame[role="bar"][tone="ok"] { border-left: 4px solid @{state_ok}; }
QFrame[role="bar"][tone="info"] { border-left: 4px solid @{state_accent}; }
QFrame[role="panel"] { background: @{surface_panel}; border: 1px solid @{line_faint}; border-radius: @{radius_px}px; }
QFrame#report_panel { background: @{surface_panel}; border: 1px solid @{line_faint}; }
QFrame#report_panel[alarm="true"] { border: 3px solid @{state_danger}; }
QFrame#patient_bar { background: @{surface_panel}; border: none; border-bottom: 1px solid @{line_normal}; }
QFrame#patient_bar[alarm="true"] { border-bottom: 3px solid @{state_danger}; }
QToolBar#reading_toolbar { border: none; spacing: 2px; padding: 2px 4px; }
QToolBar#reading_toolbar QToolButton { padding: 4px 6px; }
QSplitter::handle { background: @{surface_window}; }
QSplitter::handle:hover { background: @{line_normal}; }
QScrollBar:vertical { background: @{surface_window}; width: 12px; margin: 0; }
QScrollBar:horizontal { background: @{surface_window}; height: 12px; margin: 0; }
QScrollBar::handle { background: @{line_normal}; border-radius: 4px; margin: 2px; min-height: 24px; min-width: 24px; }
QScrollBar::handle:hover { background: @{text_disabled}; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QStatusBar { background: @{surface_panel}; border-top: 1px solid @{line_faint}; }
QStatusBar::item { border: none; }
QCheckBox::indicator, QRadioButton::indicator { width: 15px; height: 15px; border: 1px solid @{text_secondary};
    background: @{surface_field}; }
QCheckBox::indicator { border-radius: 3px; }
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:checked, QRadioButton::indicator:checked { background: @{state_accent};
    border-color: @{state_accent}; }
QCheckBox::indicator:checked { image: url("@{check_mark}"); }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: @{line_normal};
    background: @{surface_window}; }
QGroupBox { border: 1px solid @{line_faint}; border-radius: @{radius_px}px; margin-top: 10px; padding-top: 8px; }
QGroupBox::title { subcontrol-origin: margin; left: 8px; color: @{text_secondary}; }
QTabBar::tab { background: @{surface_window}; color: @{text_secondary}; padding: 6px 14px; border: none; }
QTabBar::tab:selected { color: @{text_primary}; border-bottom: 2px solid @{state_accent}; }
QTabWidget::pane { border: 1px solid @{line_faint}; }
QProgressBar { background: @{surface_field}; border: 1px solid @{line_faint}; border-radius: @{radius_px}px;
    text-align: center; }
QProgressBar::chunk { background: @{surface_selection}; }
"""
