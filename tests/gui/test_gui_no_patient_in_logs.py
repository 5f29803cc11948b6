"""Both windows in Dutch, over everything that may go wrong with a patient's images: no log names the patient."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from tests.gui.test_gui_worklist import OTHER, MakeStage, claimed, make_stage, workitem  # noqa: F401 - a fixture
from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import answer, entry, services
from tests.peers.viewer_images import Stack, unreadable
from ups.claiming import ClaimKind
from ups.events import CancelRequested, Changed, ChannelState, Snapshot
from ups.states import ProcedureStepState
from viewer.records import PatientLabel
from viewer.tasks import TaskRunner
from viewer.ui.feed_inbox import Expected, Missing
from viewer.ui.shelf import Shelf
from viewer.ui.status import of_series
from worklist_client.commands import case_images
from worklist_client.commands.case_state import Standing
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.settings.language import Translator
from worklist_client.ui.desktop import _log_to
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status

MARKS = ("Zzyzxmark", "Qqvortmark", "8675309")
"""The name on the list, the name in the images, and the number of both."""
LISTED = PatientIdentity(PatientKey("NORTH", MARKS[2]), "north", f"{MARKS[0]}^Piet", "19500101", "M")
IMAGED = PatientLabel(f"{MARKS[1]}^Els", f"{MARKS[2]}9", birth_date="19800202", sex="F")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every logger at its most talkative."""
    caplog.set_level(logging.DEBUG)
    for name in ("wl", "wl.language", "pydicom"):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def told_of_the_patient(logged: pytest.LogCaptureFixture) -> list[str]:
    """Log lines that name the patient, tracebacks included."""
    formatter = logging.Formatter("%(name)s %(message)s")
    lines = [formatter.format(record) for record in logged.records]
    return [line for line in lines if any(mark.casefold() in line.casefold() for mark in MARKS)]


class Opened:
    """A reading window of the marked patient over a hospital whose images may be of somebody else."""

    def __init__(self, folder: Path, label: PatientLabel, monkeypatch: pytest.MonkeyPatch, **changes: object) -> None:
        self.bench = Bench(folder)
        self.bench.language, self.bench.runner = "nl", TaskRunner()
        self.bench.holds(STUDY, 5)
        headers = Stack(study=STUDY, series=f"{STUDY}.1", slices=4).headers(folder)
        headers[0] = unreadable(headers[0], f"The pixel data of {MARKS[0]} are cut short.")
        self.bench.worker.headers = [replace(one, patient=label) for one in headers]
        self.bench.peers["west"].answers = [answer("1.2.9")]
        monkeypatch.setattr(case_images, "open_pacs", lambda link, **_: self.bench.peers[link.connection_id])
        self.window = ReadingWindow(self.bench.desk, replace(entry(), patient=LISTED, **changes))  # type: ignore[arg-type]
        self.window.session.priors._services = services(self.bench.peers, {})
        self.window.show()

    def close(self) -> None:
        self.window.close()
        assert self.bench.runner.shutdown() == []
        self.bench.journal.close()


@pytest.mark.parametrize("label", [IMAGED, PatientLabel(f"{MARKS[0]}^Piet", MARKS[2])], ids=["stranger", "own"])
def test_no_log_of_the_reading_window_names_the_patient(
    label: PatientLabel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
    logged: pytest.LogCaptureFixture,
) -> None:
    """What stands in place of a stranger's image was translated a second time, and the log took both names."""
    opened = Opened(tmp_path, label, monkeypatch)
    window = opened.window
    try:
        window.start(claim=True)
        qtbot.waitUntil(lambda: window.session.claim.standing is Standing.MINE)
        qtbot.waitUntil(lambda: bool(window.session.images.studies()), timeout=10_000)
        qtbot.waitUntil(lambda: not any(map(window.session.images.loading, window.session.images.studies())))
        qtbot.waitUntil(lambda: window.view.notice.isVisible())
        viewport = window.viewer.desk.grid.viewports[0]
        qtbot.waitUntil(lambda: bool(viewport.surroundings.status.badge or viewport.surroundings.status.detail))
        window.grab()
        why = f"{MARKS[0]} is gezien door een collega"
        taken = replace(window.session.entry, status=Status.CANCELED, holder="Bakker^Joost", cancel_reason=why)
        window.session.entry_changed(taken)
        qtbot.waitUntil(lambda: why in window.view.notice.text())
    finally:
        opened.close()
    assert told_of_the_patient(logged) == []


def test_reasons_of_missing_images_are_dutch_and_names_in_them_stay_as_they_are() -> None:
    tr = Translator("nl")
    shelf = Shelf()
    plain, named = "The hospital did not send this image", "Not drawn. The image names {theirs}; the list names {ours}."
    said = tr(named, theirs="Next: Release", ours="Loading")
    for series, reason in (("1.1", plain), ("1.2", said)):
        shelf.take([Expected("1", series, 1), Missing("1", series, "1.9", reason)])
    first, second = (of_series(series, "Noord", tr) for series in shelf.of_study("1"))
    assert first.detail == "Het ziekenhuis heeft dit beeld niet gestuurd"
    assert second.detail == "Niet getoond. Het beeld noemt Next: Release; de lijst noemt Loading."


def test_no_log_of_a_lost_claim_names_the_patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, logged: pytest.LogCaptureFixture
) -> None:
    opened = Opened(tmp_path, IMAGED, monkeypatch, status=Status.CLAIMED, holder=f"{MARKS[1]}^Joost")
    opened.bench.claims.kind, opened.bench.claims.holder = ClaimKind.LOST, f"{MARKS[1]}^Joost"
    try:
        opened.window.start(claim=True)
        qtbot.waitUntil(lambda: opened.window.session.claim.standing is Standing.LOST)
        qtbot.waitUntil(lambda: MARKS[1].upper() in opened.window.view.bar.standing().upper())
    finally:
        opened.close()
    assert told_of_the_patient(logged) == []


def test_no_log_of_the_list_names_the_patient(make_stage: MakeStage, logged: pytest.LogCaptureFixture) -> None:  # noqa: F811
    stage = make_stage("nl")
    marked = {"patient_name": f"{MARKS[0]}^Piet", "patient_id": MARKS[2]}
    stage.tell(Snapshot(tuple(workitem(number, **marked) for number in range(1, 5)), True), ChannelState(True))
    stage.choose("Study 3")
    stage.tell(Changed(claimed(workitem(3, **marked), OTHER)))
    why = f"{MARKS[0]} is elders gezien"
    withdrawn = workitem(2, **marked, state=ProcedureStepState.CANCELED, cancel_reason=why, modified="20991231")
    stage.tell(Changed(withdrawn), CancelRequested("2.25.3", "DESK", f"{MARKS[1]} is klaar", "Bakker^Joost"))
    for row in stage.feed.entries():
        stage.window._parts.actions.claim_and_open(row)
    stage.window.grab()
    assert any(why in text for text, _tone in stage.said)
    assert told_of_the_patient(logged) == []


def test_an_unexpected_error_is_logged_with_its_places_and_without_its_text(tmp_path: Path) -> None:
    """The text of an error that nobody foresaw may hold any value of the program."""
    root = logging.getLogger("wl")
    before, level = list(root.handlers), root.level
    try:
        _log_to(tmp_path / "client.log")
        try:
            try:
                raise KeyError(f"{MARKS[0]}^Piet")
            except KeyError as error:
                raise ValueError(MARKS[2]) from error
        except ValueError:
            logging.getLogger("wl.delivery").exception("delivery failed")
    finally:
        for handler in [one for one in root.handlers if one not in before]:
            root.removeHandler(handler)
            handler.close()
        root.setLevel(level)
    text = (tmp_path / "client.log").read_text(encoding="utf-8")
    assert "delivery failed" in text
    assert "ValueError" in text
    assert "KeyError" in text
    assert Path(__file__).name in text
    assert not any(mark in text for mark in MARKS)


def test_a_name_in_a_log_is_found(logged: pytest.LogCaptureFixture) -> None:
    """The check itself can fail."""
    logging.getLogger("wl.anything").debug("opened %s", f"{MARKS[0]}^Piet")
    assert len(told_of_the_patient(logged)) == 1
