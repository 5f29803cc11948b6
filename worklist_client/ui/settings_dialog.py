"""The settings dialog, generated from the declarations."""

from __future__ import annotations

import re

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from worklist_client.settings.declarations import DECLARATIONS, READER_NAME, AnySetting
from worklist_client.settings.language import Translator
from worklist_client.settings.store import Settings, SettingsError
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import button_box

CHOICE_TITLES = {
    "auto": "Automatic",
    "en": "English",
    "interface": "As the program",
    "nl": "Dutch",
    "software": "Processor",
    "vtk": "Graphics card (VTK)",
}
"""English words for values; translated where they are shown."""


class SettingsDialog(QDialog):
    """One row a setting; nothing is stored before OK."""

    def __init__(self, settings: Settings, tr: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._tr = settings, tr
        self._editors: dict[str, QWidget] = {}
        self.setObjectName("settings_dialog")
        self.setWindowTitle(tr("Settings"))
        self.setMinimumWidth(860)
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(16)
        for setting in DECLARATIONS:
            title = tr(setting.description) + (f" ({setting.unit})" if setting.unit else "")
            editor = self._editor(setting)
            editor.setObjectName(f"setting_{setting.key}")
            editor.setAccessibleName(title)
            self._editors[setting.key] = editor
            form.addRow(plain_label(f"title_{setting.key}", title), editor)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        note = plain_label("settings_note", tr("Most changes are seen after the next start."), "muted")
        self._error = plain_label("settings_error", role="danger")
        self._error.hide()
        layout.addWidget(note)
        layout.addWidget(self._error)
        layout.addWidget(button_box(self, tr("Save"), tr("Cancel")))

    def accept(self) -> None:
        """Qt: store what changed."""
        try:
            for setting in DECLARATIONS:
                value = _value(self._editors[setting.key])
                if value != self._settings.value_of(setting):
                    self._settings.put(setting, value)
        except SettingsError as error:
            self._error.setText(f"{error.key}: {error.reason}")
            self._error.show()
            return
        super().accept()

    def _editor(self, declared: AnySetting) -> QWidget:
        value = self._settings.value_of(declared)
        if declared.choices:
            combo = QComboBox()
            for choice in declared.choices:
                combo.addItem(self._tr(CHOICE_TITLES.get(str(choice), str(choice))), choice)
            combo.setCurrentIndex(max(0, combo.findData(value)))
            return combo
        if isinstance(value, bool):
            box = QCheckBox()
            box.setChecked(value)
            return box
        if isinstance(value, (int, float)):
            spin = QSpinBox() if isinstance(value, int) else QDoubleSpinBox()
            low, high = declared.minimum or 0, declared.maximum or 1_000_000
            if isinstance(spin, QSpinBox):
                spin.setRange(int(low), int(high))
                spin.setValue(int(value))
            else:
                spin.setRange(low, high)
                spin.setDecimals(1)
                spin.setValue(value)
            return spin
        return NameEditor(str(value), self._tr) if declared is READER_NAME else QLineEdit(str(value))


class NameEditor(QWidget):
    """A DICOM person name as the fields that people know; what it holds beside them is kept."""

    def __init__(self, name: str, tr: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts = [*name.split("^"), "", "", "", "", ""][:5]
        self._editors = {0: QLineEdit(self._parts[0]), 1: QLineEdit(self._parts[1]), 3: QLineEdit(self._parts[3])}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for (place, editor), title in zip(
            self._editors.items(), (tr("Family name"), tr("Given name"), tr("Title (if any)")), strict=True
        ):
            editor.setObjectName(f"name_part_{place}")
            editor.setPlaceholderText(title)
            editor.setAccessibleName(title)
            editor.setToolTip(title)
            layout.addWidget(editor)

    def text(self) -> str:
        """Family^Given^Middle^Prefix^Suffix; a sign that would part it is a blank."""
        parts = list(self._parts)
        for place, editor in self._editors.items():
            parts[place] = re.sub(r"[\^=\\]+", " ", editor.text()).strip()
        return "^".join(parts).rstrip("^")


def _value(editor: QWidget) -> object:
    if isinstance(editor, QComboBox):
        return editor.currentData()
    if isinstance(editor, QCheckBox):
        return editor.isChecked()
    if isinstance(editor, (QSpinBox, QDoubleSpinBox)):
        return editor.value()
    assert isinstance(editor, (QLineEdit, NameEditor))
    return editor.text().strip()
