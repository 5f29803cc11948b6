"""The window of reports on their way: the whole reason, every way out, in both languages, on a small screen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QLabel,
    QPushButton,
    QTableWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from pacs.port import StoreObject
from tests.unit.delivery.doubles import MemoryPacs, Region, never, report_of
from viewer.tasks import TaskRunner
from worklist_client.delivery.reasons import Cause, Reason
from worklist_client.delivery.service import DeliveryService
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.journal import DraftState, Journal, ObjectState, PackageState
from worklist_client.report.model import Reader, SignedReport
from worklist_client.settings.language import Translator
from worklist_client.ui import held_report as shown
from worklist_client.ui.deliveries import Deliveries, DeliveriesDialog, quit_text
from worklist_client.ui.held_report import IdentityChangeDialog


@dataclass
class Bench:
    """A real service over doubles of hospital and hub, and the window over it."""

    region: Region
    archive: MemoryPacs
    report: SignedReport
    service: DeliveryService
    desk: Any
    dialog: DeliveriesDialog
    deliveries: Deliveries
    let_go: list[str]

    def button(self, name: str) -> QPushButton:
        found = self.dialog.findChild(QPushButton, name)
        assert found is not None
        return found

    def label(self, name: str) -> str:
        found = self.dialog.findChild(QLabel, name)
        assert found is not None
        return found.text()

    @property
    def state(self) -> PackageState:
        return self.region.journal.outbox.get(self.report.report_id).state


MakeBench = Callable[..., Bench]


@pytest.fixture
def make_bench(qtbot: QtBot, tmp_path: Path) -> Iterator[MakeBench]:
    runner = TaskRunner()
    journal = Journal.open(tmp_path / "journal.sqlite")
    parents: list[QWidget] = []

    def make(language: str = "en", *, prepare: Callable[[Region, SignedReport], None] | None = None) -> Bench:
        region = Region(journal)
        archive = region.add("north", name="Ziekenhuis Noord")
        report, study = report_of("north", "S1", issuer="NORTH")
        person = PatientIdentity(PatientKey("NORTH", "P1"), "north", "Jánssen^Zoë", "19600102", "F")
        report = replace(report, patient=person)
        answer = replace(
            study.answer,
            patient_id="P9",
            patient_name="Jánssen^Zoë^Maria",
            patient_birth_date="19600102",
            patient_sex="F",
        )
        archive.studies.append(replace(study, answer=answer))
        region.sign(report)
        service = region.service()
        service.deliver_due(never)
        if prepare is not None:
            prepare(region, report)
        sites = SimpleNamespace(name_of=lambda site_id: {"north": "Ziekenhuis Noord"}[site_id])
        desk = SimpleNamespace(
            runner=runner,
            journal=journal,
            tr=Translator(language),
            sites=sites,
            delivery=service,
            reader=Reader("Vries^Anna", "1", ""),
            now=region.clock,
            live=SimpleNamespace(entries=()),
            cache=SimpleNamespace(forget=lambda *_key: True),
        )
        parent = QWidget()
        parents.append(parent)
        deliveries = Deliveries(cast(Any, desk), parent)
        qtbot.waitUntil(lambda: bool(deliveries.packages()))
        gone: list[str] = []
        dialog = DeliveriesDialog(
            cast(Any, desk), deliveries, region.clock, parent, lambda package: gone.append(package.report_id) is None
        )
        dialog.show()
        return Bench(region, archive, report, service, desk, dialog, deliveries, gone)

    yield make
    for parent in parents:
        parent.deleteLater()
    runner.shutdown()
    journal.close()


def other_report(region: Region, report: SignedReport) -> None:
    why = Reason(
        "another report of this study reached the hospital after you opened it ({said}): read that one first",
        (("said", "BAKKER, Jan 2026-03-01 01:55"), ("documents", "1.2.3")),
        Cause.OTHER_REPORT,
    )
    region.journal.outbox.attention(report.report_id, why.to_text(), region.clock())


def test_the_whole_reason_of_a_held_report_can_be_read_at_1280_by_800(make_bench: MakeBench) -> None:
    bench = make_bench("nl", prepare=other_report)
    bench.dialog.resize(1000, 480)
    QApplication.processEvents()
    label = bench.dialog.findChild(QLabel, "held_reason")
    assert label is not None
    assert label.text().endswith("(BAKKER, Jan 2026-03-01 01:55): lees dat eerst.")
    assert label.wordWrap()
    assert label.height() >= label.heightForWidth(label.width())
    assert bench.dialog.minimumSizeHint().width() <= 1280
    for note in bench.dialog.findChildren(QLabel):
        if note.objectName().startswith("way_note"):
            assert note.height() >= note.heightForWidth(note.width()), note.text()


def test_withdraw_and_read_again_shows_both_patients_and_needs_a_tick(
    make_bench: MakeBench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    asked: list[list[str]] = []

    def answer(dialog: IdentityChangeDialog) -> int:
        box, tick = dialog.findChild(QDialogButtonBox), dialog.findChild(QCheckBox)
        assert box is not None
        assert tick is not None
        accept = box.button(QDialogButtonBox.StandardButton.Ok)
        assert not accept.isEnabled()
        tick.setChecked(True)
        assert accept.isEnabled()
        asked.append([label.text() for label in dialog.findChildren(QLabel)])
        return int(QDialog.DialogCode.Accepted)

    monkeypatch.setattr(IdentityChangeDialog, "exec", answer)
    bench.button("way_read_again").click()
    qtbot.waitUntil(lambda: bench.state is PackageState.WITHDRAWN)
    assert {"P1", "≠  P9"} <= set(asked[0])
    assert any("Maria" in text for text in asked[0])
    assert bench.let_go == [bench.report.report_id]
    [draft] = bench.region.journal.drafts.in_state(DraftState.ORPHAN)
    assert draft.patient_id == "P9"
    qtbot.waitUntil(lambda: bench.deliveries.packages() == ())
    said = bench.dialog.findChild(QLabel, "held_said")
    assert said is not None
    assert said.isVisible()
    assert said.text().startswith("Withdrawn. The study is back on the list")
    events = [line.event for line in bench.region.journal.audit.lines()]
    assert events == ["report.withdrawn"]
    assert bench.archive.sent == []


def test_cancelling_the_comparison_changes_nothing(
    make_bench: MakeBench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench()
    seen: list[int] = []

    def cancel(_dialog: IdentityChangeDialog) -> int:
        seen.append(1)
        return int(QDialog.DialogCode.Rejected)

    monkeypatch.setattr(IdentityChangeDialog, "exec", cancel)
    bench.button("way_read_again").click()
    qtbot.waitUntil(lambda: bool(seen))
    assert bench.state is PackageState.ATTENTION
    assert bench.button("way_read_again").isEnabled()


def test_a_hospital_that_is_away_is_said_and_nothing_changes(make_bench: MakeBench, qtbot: QtBot) -> None:
    bench = make_bench("nl")
    bench.archive.away = True
    bench.button("way_read_again").click()
    qtbot.waitUntil(lambda: bench.label("held_said").startswith("Er is niets veranderd"))
    assert bench.state is PackageState.ATTENTION


def test_send_again_sends_where_the_cause_is_gone(make_bench: MakeBench, qtbot: QtBot) -> None:
    bench = make_bench()
    study = bench.archive.studies[0]
    bench.archive.studies[0] = replace(study, answer=replace(study.answer, patient_id="P1"))
    bench.button("way_send_again").click()
    qtbot.waitUntil(lambda: bench.state is PackageState.FENCED)
    bench.service.deliver_due(never)
    assert bench.state is PackageState.DONE


def test_send_mine_too_names_the_other_author_and_is_sent_after_a_yes(
    make_bench: MakeBench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(prepare=other_report)
    asked: list[str] = []

    def answer(_parent: QWidget, _title: str, text: str, *_buttons: str) -> bool:
        asked.append(text)
        return len(asked) > 1

    monkeypatch.setattr(shown, "question", answer)
    bench.button("way_send_beside").click()
    assert bench.state is PackageState.ATTENTION
    bench.button("way_send_beside").click()
    qtbot.waitUntil(lambda: bench.state is PackageState.FENCED)
    assert "BAKKER, Jan 2026-03-01 01:55" in asked[0]
    assert bench.region.journal.outbox.get(bench.report.report_id).beside == ("1.2.3",)


def test_withdrawing_for_another_report_keeps_the_text(
    make_bench: MakeBench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench(prepare=other_report)
    study = bench.report.study_instance_uid
    bench.archive.objects["1.2.3"] = StoreObject("1.2.840.10008.5.1.4.1.1.88.22", "1.2.3", "1.2", study, b"")
    monkeypatch.setattr(shown, "question", lambda *_given: True)
    bench.button("way_withdraw").click()
    qtbot.waitUntil(lambda: bench.state is PackageState.WITHDRAWN)
    [draft] = bench.region.journal.drafts.in_state(DraftState.ORPHAN)
    assert draft.patient_id == "P1"


def test_withdrawing_for_another_report_that_is_gone_changes_nothing(
    make_bench: MakeBench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = make_bench("nl", prepare=other_report)
    monkeypatch.setattr(shown, "question", lambda *_given: True)
    bench.button("way_withdraw").click()
    qtbot.waitUntil(lambda: "niet meer in het ziekenhuis" in bench.label("held_said"))
    assert bench.state is PackageState.ATTENTION


def test_drawings_that_may_stay_at_the_hospital_are_said_before_the_report_is_taken_back(
    make_bench: MakeBench, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def took_the_drawings(region: Region, report: SignedReport) -> None:
        drawings = report.objects[0].sop_instance_uid
        region.journal.outbox.set_object(drawings, ObjectState.STORED, "accepted", region.clock())

    bench = make_bench(prepare=took_the_drawings)
    said: list[str] = []

    def cancel(dialog: IdentityChangeDialog) -> int:
        said.extend(label.text() for label in dialog.findChildren(QLabel))
        return int(QDialog.DialogCode.Rejected)

    monkeypatch.setattr(IdentityChangeDialog, "exec", cancel)
    bench.button("way_read_again").click()
    qtbot.waitUntil(lambda: bool(said))
    assert any(text.startswith("Drawings of this report have reached the hospital") for text in said)


def test_a_report_on_its_way_offers_nothing_to_decide(make_bench: MakeBench) -> None:
    def away(region: Region, report: SignedReport) -> None:
        region.journal.outbox.retry(report.report_id, "nobody listens there", region.clock(), region.clock())

    bench = make_bench("nl", prepare=away)
    assert bench.dialog.findChild(QPushButton, "way_read_again") is None
    assert bench.label("held_reason") == "Wacht, wordt vanzelf opnieuw geprobeerd: daar luistert niemand."


def test_quitting_says_what_becomes_of_each_report_and_promises_nothing_a_person_must_do(
    make_bench: MakeBench,
) -> None:
    bench = make_bench()
    held = bench.region.journal.outbox.get(bench.report.report_id)
    tr = Translator("en")
    text = quit_text([held], "1 report is not delivered yet", tr)
    assert "NOT sent until you decide what to do: 1" in text
    assert "next start" not in text
    many = [
        held,
        replace(held, state=PackageState.RETRY),
        replace(held, state=PackageState.SIGNED),
        replace(held, state=PackageState.BLOCKED),
    ]
    text = quit_text(many, "4 reports are not delivered yet", tr)
    assert "Sent by themselves at the next start, not before: 2" in text
    assert "Refused until now, tried once more at the next start: 1" in text
    assert "NOT sent until you decide what to do: 1" in text
    assert "tot u beslist wat er moet gebeuren: 1" in quit_text([held], "x", Translator("nl"))


def test_the_text_is_copied_as_a_person_reads_it(make_bench: MakeBench) -> None:
    bench = make_bench()
    bench.button("deliveries_copy").click()
    assert QApplication.clipboard().text() == "FINDINGS\nTekst"


def test_the_next_try_counts_down_by_a_clock_that_nobody_sets(make_bench: MakeBench, qtbot: QtBot) -> None:
    def away(region: Region, report: SignedReport) -> None:
        region.archives[1000].away = True

    bench = make_bench(prepare=away)
    bench.service.try_again()
    bench.service.deliver_due(never)
    bench.region.clock.jump(-timedelta(hours=2).total_seconds())
    bench.deliveries.reload()
    qtbot.waitUntil(lambda: bench.deliveries.packages()[0].state is PackageState.RETRY)
    tables = bench.dialog.findChildren(QTableWidget, "deliveries")
    table = tables[-1]
    assert table.item(0, 5).text() in ("in 15 s", "in 5 s")
