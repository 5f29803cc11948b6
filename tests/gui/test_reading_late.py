"""What a reader sees where images came after the opening, or where two people share one study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QCheckBox, QPushButton
from pytestqt.qtbot import QtBot

from pacs.port import InstanceAnswer, SeriesAnswer
from tests.peers.reading_bench import STUDY, Bench, render
from tests.peers.reading_doubles import entry, header, patient, services
from viewer.records import PatientLabel
from viewer.tasks import TaskRunner
from worklist_client.commands.case_state import Standing
from worklist_client.ui.reading_window import ReadingWindow


@pytest.fixture
def runner(bench: Bench) -> Iterator[TaskRunner]:
    made = bench.runner = TaskRunner()
    yield made
    assert made.shutdown() == []


def opened(bench: Bench, qtbot: QtBot, **changes: object) -> ReadingWindow:
    bench.worker.headers = [replace(one, failure="no pixels in this double") for one in bench.worker.headers]
    window = ReadingWindow(bench.desk, entry(**changes))
    session = window.session
    session.priors._services = services(bench.peers, {})
    session.signing._render = render
    window.resize(1280, 800)
    window.show()
    window.start(claim=True)
    qtbot.waitUntil(
        lambda: (
            session.claim.standing is Standing.MINE
            and session.images.opened(STUDY)
            and not session.images.loading(STUDY)
            and not session.priors.searching
        )
    )
    return window


def test_a_reader_is_told_of_images_that_came_after_and_loads_them(
    bench: Bench, runner: TaskRunner, qtbot: QtBot
) -> None:
    window = opened(bench, qtbot)
    window.session.report.set_section("findings", "Normal.")
    series = f"{STUDY}.2"
    for peer in bench.peers.values():
        peer.by_study[STUDY] = [*peer.by_study[STUDY], SeriesAnswer(series, "CT", 2, number_of_instances=3)]
        peer.instances[series] = [InstanceAnswer(f"{series}.{n}", instance_number=n) for n in (1, 2, 3)]
    failure = "no pixels in this double"
    bench.worker.headers = [
        *bench.worker.headers,
        *(header(STUDY, series, n, failure=failure) for n in (1, 2, 3)),
    ]
    window.session.signing.sign()
    qtbot.waitUntil(lambda: "2 of 5 images seen; 3 came after" in window.view.notice.text())
    assert window.session.claim.standing is Standing.MINE
    assert window.session.editable
    dialog = window.make_sign_dialog()
    tick = dialog.findChild(QCheckBox, "sign_confirm_0")
    assert tick is not None
    assert "sign without having seen them" in tick.text()
    load = next(one for one in window.view.notice.findChildren(QPushButton) if one.text() == "Load them")
    load.click()
    qtbot.waitUntil(lambda: len(window.session.images.headers(STUDY)) == 5)
    qtbot.waitUntil(lambda: window.view.notice.text() == "")
    assert window.session.signing.summary().to_confirm == ()
    window.close()


def test_two_people_without_a_number_are_named_one_under_the_other(
    bench: Bench, runner: TaskRunner, qtbot: QtBot
) -> None:
    one, other = bench.worker.headers
    bench.worker.headers = [
        replace(one, patient=PatientLabel("Jánssen^Zoë", "", "", "19600102", "F")),
        replace(other, patient=PatientLabel("Bakker^Piet", "", "", "19500101", "M")),
    ]
    unknown = replace(patient(number=""), name="", birth_date="", sex="", national_id="")
    window = opened(bench, qtbot, patient=unknown)
    qtbot.waitUntil(lambda: "two people" in window.view.notice.text())
    drawn, hidden = window.view.notice.text().splitlines()[1:]
    assert "JÁNSSEN, Zoë" in drawn
    assert "BAKKER, Piet" in hidden
    assert not window.session.editable
    window.close()
