"""Long married names and long names of hospitals: the reading window keeps its size and cuts nobody's identity."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from tests.peers.reading_bench import FOREIGN, Bench
from tests.peers.reading_doubles import BSN, NORTH, SOUTH, WEST, answer, entry, patient, services
from viewer.tasks import TaskRunner
from worklist_client.commands import case_images
from worklist_client.ui.reading_window import ReadingWindow

NAME = "Steenhuizen-van den Broek-Oosterveld^Wilhelmina Johanna Elisabeth^Cornelia"
SITE = "Universitair Medisch Centrum Noord-Nederland, locatie Groningen"
EXAM = "CT thorax-abdomen met intraveneus contrast, follow-up oncologie"


@pytest.fixture
def window(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ReadingWindow]:
    bench = Bench(tmp_path)
    bench.language, bench.runner = "nl", TaskRunner()
    bench.sites = [replace(NORTH, name=SITE), replace(WEST, name=SITE.replace("Noord", "West")), SOUTH]
    bench.peers["west"].answers = [answer(FOREIGN, patient_name=NAME)]
    bench.national_ids = {FOREIGN: BSN}
    bench.worker.headers = []
    monkeypatch.setattr(case_images, "open_pacs", lambda connection, **_: bench.peers[connection.connection_id])
    made = ReadingWindow(bench.desk, entry(patient=patient(name=NAME), study_description=EXAM))
    made.session.priors._services = services(bench.peers, bench.national_ids)
    made.show()
    made.start(claim=True)
    qtbot.waitUntil(lambda: made.session.editable and not made.session.priors.searching, timeout=10_000)
    yield made
    made.close()
    assert bench.runner.shutdown() == []
    bench.journal.close()


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_long_names_neither_widen_the_window_nor_are_they_cut(
    window: ReadingWindow, size: tuple[int, int], qtbot: QtBot
) -> None:
    """The window grew to 1874 pixels on a screen of 1280."""
    window.resize(*size)
    qtbot.waitUntil(lambda: (window.width(), window.height()) == size)
    assert window.minimumSizeHint().width() <= 1280
    for name in ("patient_name", "patient_facts", "site_chip", "patient_exam", "report_patient"):
        label = window.findChild(QLabel, name)
        assert isinstance(label, QLabel)
        room = label.contentsRect()
        needed = label.fontMetrics().boundingRect(room, 0x1000, label.text())  # Qt.TextWordWrap
        assert needed.width() <= room.width() + 1, name
        assert needed.height() <= room.height() + 1, name


def test_the_verdict_on_the_card_of_a_prior_stands_before_what_may_be_cut(window: ReadingWindow) -> None:
    (card,) = window.view.strip.cards()
    assert card.text().split("\n")[1].startswith("✓ zelfde patiënt")
