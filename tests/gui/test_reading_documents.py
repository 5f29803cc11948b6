"""That the hospital holds a final report already stands on the bar, and is confirmed before signing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QCheckBox
from pytestqt.qtbot import QtBot

from tests.peers.reading_bench import Bench
from tests.peers.reading_documents import comes
from tests.peers.reading_doubles import entry, services
from viewer.tasks import TaskRunner
from worklist_client.commands import case_images
from worklist_client.ui.reading_window import ReadingWindow


@pytest.fixture
def window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot) -> Iterator[ReadingWindow]:
    bench = Bench(tmp_path)
    bench.runner = TaskRunner()
    monkeypatch.setattr(case_images, "open_pacs", lambda connection, **_: bench.peers[connection.connection_id])
    comes(bench, "8.1")
    made = ReadingWindow(bench.desk, entry())
    made.session.priors._services = services(bench.peers, {})
    made.show()
    made.start(claim=True)
    qtbot.waitUntil(lambda: made.session.editable and bool(made.session.documents.finals))
    yield made
    made.close()
    assert bench.runner.shutdown() == []
    bench.journal.close()


def test_a_final_report_at_the_hospital_is_said_on_the_bar_with_author_and_time(
    window: ReadingWindow, qtbot: QtBot
) -> None:
    qtbot.waitUntil(lambda: "BAKKER, Jan 2026-03-01 02:15" in window.view.notice.text())
    assert window.view.notice.isVisible()
    assert window.report.status() == "A final report of this study is at the hospital."


def test_a_final_report_at_the_hospital_is_confirmed_before_signing(window: ReadingWindow) -> None:
    window.session.report.set_section("findings", "Normal.")
    dialog = window.make_sign_dialog()
    tick = dialog.findChild(QCheckBox, "sign_confirm_0")
    assert tick is not None
    assert "A final report of this study is at the hospital" in tick.text()
    assert dialog.confirmed() == ()
    assert not dialog._accept.isEnabled()
    tick.setChecked(True)
    assert dialog._accept.isEnabled()
    dialog.deleteLater()


def test_an_order_of_another_patient_is_said_above_the_report(window: ReadingWindow, qtbot: QtBot) -> None:
    window.entry_changed(replace(window.session.entry, remarks=("ORDER_OF_ANOTHER",)))
    said = "The order under this accession number names another patient. Tell the hospital."
    qtbot.waitUntil(lambda: window.report.status().startswith(said))
    assert window.session.editable
    window.entry_changed(replace(window.session.entry, remarks=("TWO_PATIENTS",)))
    assert window.report.status().startswith("STOP: the hospital keeps images of two patients")
