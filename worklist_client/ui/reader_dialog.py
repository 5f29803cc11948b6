"""Who reads here: asked once, before the first claim. Reports are signed with it, and others see it beside a claim."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from worklist_client.commands.desk import Desk, is_named
from worklist_client.report.model import Reader
from worklist_client.settings.declarations import READER_CODE, READER_NAME, READER_ORGANISATION
from worklist_client.settings.language import Translator
from worklist_client.settings.store import Settings, SettingsError
from worklist_client.ui.bars import plain_label
from worklist_client.ui.dialogs import button_box

RESERVED = frozenset("^=\\")
"""Letters that divide a DICOM person name (PS3.5 6.2)."""


class ReaderDialog(QDialog):
    """Family name, given name, title, number, organisation. Saved once all but the title are there."""

    def __init__(self, settings: Settings, tr: Translator, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings, self._tr = settings, tr
        self.setObjectName("reader_dialog")
        self.setWindowTitle(tr("Who reads here?"))
        self.setMinimumWidth(560)
        self._note = plain_label("reader_note", role="attention")
        self._buttons = button_box(self, tr("Save"), tr("Later: look only"))
        self._family, self._given, self._title = (self._field(name) for name in ("family", "given", "title"))
        self._code, self._organisation = self._field("code"), self._field("organisation")
        for editor in (self._family, self._given, self._title, self._code, self._organisation):
            editor.textChanged.connect(self._refresh)
        self._title.setPlaceholderText("dr.")
        form = QFormLayout()
        form.setVerticalSpacing(8)
        form.setHorizontalSpacing(16)
        for text, editor in (
            (tr("Family name"), self._family),
            (tr("Given name"), self._given),
            (tr("Title (if any)"), self._title),
            (tr("Your personal number, for example UZI or AGB"), self._code),
            (tr("The organisation you work for"), self._organisation),
        ):
            editor.setAccessibleName(text)
            form.addRow(plain_label(f"title_{editor.objectName()}", text), editor)
        self._fill()
        why = plain_label(
            "reader_why",
            tr(
                "Your reports are signed with this, and other readers see it beside what you claim. It is asked once, "
                "and can be changed in the settings. A shared worklist with tokens knows you already: its name is used."
            ),
        )
        why.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setSpacing(12)
        for widget in (why, self._note):
            layout.addWidget(widget)
        layout.insertLayout(1, form)
        layout.addWidget(self._buttons)
        self._refresh()
        self._family.setFocus()

    def reader(self) -> Reader:
        """What is filled in."""
        parts = [editor.text().strip() for editor in (self._family, self._given)]
        name = "^".join((*parts, "", self._title.text().strip())).rstrip("^")
        return Reader(name, self._code.text().strip(), self._organisation.text().strip())

    def accept(self) -> None:
        """Qt: store it, then close."""
        reader = self.reader()
        try:
            self._settings.set(READER_NAME, reader.name)
            self._settings.set(READER_CODE, reader.code)
            self._settings.set(READER_ORGANISATION, reader.organisation)
        except SettingsError as error:
            self._note.setText(f"{error.key}: {error.reason}")
            return
        super().accept()

    def _field(self, name: str) -> QLineEdit:
        editor = QLineEdit()
        editor.setObjectName(f"reader_{name}")
        return editor

    def _fill(self) -> None:
        """What is known already is not asked again."""
        parts = [*self._settings.get(READER_NAME).split("^"), "", "", "", ""]
        for editor, text in ((self._family, parts[0]), (self._given, parts[1]), (self._title, parts[3])):
            editor.setText(text)
        self._code.setText(self._settings.get(READER_CODE))
        self._organisation.setText(self._settings.get(READER_ORGANISATION))

    def _refresh(self) -> None:
        needed = (self._family, self._given, self._code, self._organisation)
        texts = [editor.text().strip() for editor in (*needed, self._title)]
        reserved = sorted(RESERVED & set("".join(texts)))
        note = self._tr("A name holds no {letters}", letters=" ".join(reserved)) if reserved else ""
        self._note.setText(note)
        self._buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(all(texts[:4]) and not reserved)


def name_first(desk: Desk, parent: QWidget | None, then: Callable[[], object]) -> None:
    """Run `then` once it is known who reads here; asks where it is not, and forgets `then` where that is put off."""
    if not is_named(desk.reader) and not _from_settings(desk):
        dialog = ReaderDialog(desk.settings, desk.tr, parent)
        dialog.accepted.connect(lambda: _named(desk, dialog.reader(), then))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return
    then()


def _named(desk: Desk, reader: Reader, then: Callable[[], object]) -> None:
    desk.name_reader(reader)
    then()


def _from_settings(desk: Desk) -> bool:
    """Filled in meanwhile in the settings dialog."""
    settings = desk.settings
    reader = Reader(settings.get(READER_NAME), settings.get(READER_CODE), settings.get(READER_ORGANISATION))
    if is_named(reader):
        desk.name_reader(reader)
    return is_named(reader)
