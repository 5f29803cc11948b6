"""Both windows started in Dutch: nothing that has a Dutch text is shown in English."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QMenu, QWidget
from pytestqt.qtbot import QtBot

from tests.gui.test_gui_worklist import MakeStage, make_stage, workitem  # noqa: F401 - a fixture
from tests.peers.reading_bench import FOREIGN, STUDY, Bench
from tests.peers.reading_doubles import BSN, answer, entry, services
from tests.peers.viewer_images import Stack, unreadable
from ups.events import ChannelState, Snapshot
from viewer.dicom.sorting import image_sets
from viewer.records import PatientLabel
from viewer.tasks import TaskRunner
from viewer.ui.actions import ACTIONS
from viewer.ui.status import oddities
from worklist_client.commands import case_images
from worklist_client.settings.language import Translator, load_translations
from worklist_client.ui.reading_commands import GROUP_MENUS
from worklist_client.ui.reading_window import ReadingWindow

DUTCH = load_translations("nl")
ENGLISH = {text for text, dutch in DUTCH.items() if text.casefold() != dutch.casefold()} - set(DUTCH.values())
"""Texts that may not be seen in Dutch; a word that is also the Dutch of another one may ("Image", "Window" may not)."""


def texts_of(window: QWidget) -> Iterator[str]:
    """Every text that a person can read, hear or point at in a window, its menus included."""
    for action in window.findChildren(QAction):
        yield from (action.text(), action.toolTip())
    for menu in window.findChildren(QMenu):
        yield menu.title()
    for widget in (window, *window.findChildren(QWidget)):
        yield from (widget.toolTip(), widget.accessibleName(), widget.windowTitle())
        if isinstance(widget, (QLabel, QAbstractButton)):
            yield widget.text()
        elif isinstance(widget, QLineEdit):
            yield widget.placeholderText()


def english_of(window: QWidget) -> set[str]:
    """What of it is English."""
    seen = {line.strip() for text in texts_of(window) for line in text.replace("&", "").split("\n")}
    parts = {part.strip() for line in seen for part in line.split("  ·  ")}
    return (seen | parts) & ENGLISH


@pytest.fixture
def reading(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingWindow]:
    """A case with a prior of another hospital, an image that cannot be shown, and a measurement."""
    bench = Bench(tmp_path)
    bench.language, bench.runner = "nl", TaskRunner()
    patient = PatientLabel("Jánssen^Zoë", "N1")
    for study, count in ((STUDY, 4), (FOREIGN, 3)):
        bench.holds(study, count)
    made = [
        *Stack(study=STUDY, series=f"{STUDY}.1", slices=4).headers(tmp_path),
        *Stack(study=FOREIGN, series=f"{FOREIGN}.1", slices=3).headers(tmp_path),
    ]
    made[0] = unreadable(made[0], "The pixel data are cut short: 12 of 512 bytes are there.")
    numbers = {STUDY: patient, FOREIGN: PatientLabel("Jánssen^Zoë", "W9")}
    bench.worker.headers = [replace(one, patient=numbers[one.study_instance_uid]) for one in made]
    bench.peers["west"].answers = [answer(FOREIGN)]
    bench.national_ids = {FOREIGN: BSN}
    monkeypatch.setattr(case_images, "open_pacs", lambda connection, **_: bench.peers[connection.connection_id])
    window = ReadingWindow(bench.desk, entry())
    window.session.priors._services = services(bench.peers, bench.national_ids)
    window.show()
    window.start(claim=True)
    qtbot.waitUntil(lambda: window.session.editable and len(window.session.images.studies()) == 2, timeout=10_000)
    qtbot.waitUntil(lambda: not any(window.session.images.loading(s) for s in window.session.images.studies()))
    yield window
    window.close()
    assert bench.runner.shutdown() == []
    bench.journal.close()


def test_the_reading_window_shows_no_english_in_dutch(reading: ReadingWindow, qtbot: QtBot) -> None:
    """Menus of the viewer, reasons of priors and titles of windows were English."""
    qtbot.waitUntil(lambda: bool(reading.viewer.desk.viewport.failure))
    assert reading.menuBar().actions()
    assert english_of(reading) == set()
    titles = {menu.title() for menu in reading.menuBar().findChildren(QMenu)}
    assert {DUTCH[title] for title in GROUP_MENUS.values()} <= titles
    shown = {reading.actions_.action(row.id).text() for row in ACTIONS}
    assert shown == {DUTCH[row.title] for row in ACTIONS}


def test_texts_drawn_over_the_images_are_dutch(reading: ReadingWindow, qtbot: QtBot) -> None:
    viewport = reading.viewer.desk.grid.viewports[0]
    qtbot.waitUntil(lambda: viewport.surroundings.status.badge == "1 beeld kan niet worden getoond")
    reading.viewer.perform("scroll.next")
    reading.viewer.perform("window.preset.6")
    overlay = viewport.overlay
    fields = overlay.corner_fields(viewport.surroundings, 2.0)
    assert fields["window"].startswith("Long ")
    follower = reading.viewer.desk.grid.viewports[1]
    assert follower.surroundings.link.startswith("Gekoppeld")


def test_what_is_odd_about_a_series_is_dutch_with_its_numbers(tmp_path: Path) -> None:
    headers = Stack().headers(tmp_path)
    del headers[4]
    (images,) = image_sets(headers)
    assert oddities(images, Translator("nl")) == (
        "Er ontbreken coupes: openingen breder dan 1.5 keer de afstand van 2.00 mm."
    )


def test_the_worklist_shows_no_english_in_dutch(make_stage: MakeStage) -> None:  # noqa: F811
    stage = make_stage("nl")
    stage.tell(Snapshot(tuple(workitem(number) for number in range(1, 9)), True), ChannelState(True))
    stage.choose("Study 3")
    assert english_of(stage.window) == set()
    assert stage.texts("body_part") == ["Thorax"] * 8


def test_a_body_part_that_nobody_knows_is_shown_as_it_was_sent(make_stage: MakeStage) -> None:  # noqa: F811
    stage = make_stage("nl")
    stage.tell(Snapshot((workitem(1, body_part="LSPINE"), workitem(2, body_part="GROTE TEEN")), True))
    assert stage.texts("body_part") == ["Lumbale wervelkolom", "Grote teen"]


def test_an_english_word_among_the_texts_is_found(reading: ReadingWindow) -> None:
    """The check itself can fail."""
    label = QLabel("Body part\nExamined", reading)
    label.show()
    assert english_of(reading) == {"Body part"}


def test_a_long_name_leaves_the_birth_date_in_sight_below_the_list(make_stage: MakeStage, qtbot: QtBot) -> None:  # noqa: F811
    """It was cut, and the date of birth with it."""
    name = "Steenhuizen-van den Broek-Oosterveld^Wilhelmina Johanna Elisabeth^Cornelia"
    stage = make_stage("nl")
    stage.tell(Snapshot((workitem(1, patient_name=name),), True), ChannelState(True))
    stage.window.resize(1280, 800)
    stage.choose("Study 1")
    label = stage.window.findChild(QLabel, "details_patient")
    assert isinstance(label, QLabel)
    assert "geb." in label.text() or "1960" in label.text()

    def whole() -> bool:
        needed = label.fontMetrics().boundingRect(label.contentsRect(), 0x1000, label.text())  # Qt.TextWordWrap
        return needed.width() <= label.width() and needed.height() <= label.height() + 1

    qtbot.waitUntil(whole)
