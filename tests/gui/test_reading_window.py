"""The reading window through its commands: real widgets, doubles of hub and hospitals, a real journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, Qt, QTimer
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from pacs.errors import NotAuthorised, Unreachable
from tests.peers.reading_bench import FOREIGN, PRIOR, STUDY, Bench, FakeClaims, render
from tests.peers.reading_doubles import BSN, answer, entry, length, services
from ups.claiming import ClaimKind
from viewer.records import PatientLabel
from viewer.tasks import TaskRunner
from viewer.ui.actions import ACTIONS
from worklist_client.commands import case_images, case_priors
from worklist_client.commands.case_state import Topic
from worklist_client.identity.links import Gate
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import PackageState
from worklist_client.report.draft_json import draft_from_json
from worklist_client.settings.keymap import load_keymap
from worklist_client.ui.reading_card import IdentityCard
from worklist_client.ui.reading_commands import TOOLBAR, is_idle_preset, key_title, reading_keymap
from worklist_client.ui.reading_icons import drawn
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status
from worklist_client.worklist.outcomes import ClaimResult


class Case:
    """A bench with a window on it."""

    def __init__(self, bench: Bench, qtbot: QtBot) -> None:
        self.bench, self.qtbot = bench, qtbot
        self.runner = TaskRunner()
        bench.runner = self.runner
        self.window: ReadingWindow

    def open(self, *, claim: bool = True, **changes: object) -> ReadingWindow:
        """Open, and wait until claim, images and priors have settled."""
        self.window = ReadingWindow(self.bench.desk, entry(**changes))
        session = self.window.session
        session.priors._services = services(self.bench.peers, self.bench.national_ids)
        self.window.resize(1280, 800)
        self.window.show()
        self.window.start(claim=claim)
        self.settle()
        return self.window

    def settle(self) -> None:
        """Wait until nothing is under way."""
        session = self.window.session
        self.qtbot.waitUntil(
            lambda: (
                not session.priors.searching
                and not any(session.images.loading(study) for study in session.images.studies())
                and session.claim.standing.value not in ("asking", "signing")
            ),
            timeout=5000,
        )

    def text(self, name: str) -> str:
        """What a label says."""
        label = self.window.findChild(QLabel, name)
        assert label is not None
        return label.text()

    def end(self) -> None:
        """Close the window, end the threads."""
        self.window.close()
        assert self.runner.shutdown() == []


@pytest.fixture
def bench(bench: Bench) -> Bench:
    bench.worker.headers = [replace(item, failure="no pixels in this double") for item in bench.worker.headers]
    return bench


@pytest.fixture
def case(bench: Bench, qtbot: QtBot) -> Iterator[Case]:
    made = Case(bench, qtbot)
    yield made
    made.end()


def type_into(case: Case, section: str, text: str) -> None:
    case.qtbot.keyClicks(case.window.report.edit(section), text)


def test_a_claimed_study_takes_text_and_says_whose_it_is(case: Case) -> None:
    window = case.open()
    type_into(case, "findings", "Normal.")
    assert window.session.report.draft.sections["findings"] == "Normal."
    assert "Claimed by you" in case.text("claim_standing")
    assert case.text("patient_name") == "JÁNSSEN, Zoë"
    assert "1960-01-02 (66 y)" in case.text("patient_facts")
    assert case.text("site_chip") == "Hospital North"
    assert "Accession A1" in case.text("patient_exam")
    assert window.report.edit("clinical_question").toPlainText() == "Bleed?"


@pytest.mark.parametrize(("solo", "end"), [(True, ""), (False, " – Anna Vries")], ids=["own", "shared"])
def test_the_title_ends_with_the_reader_where_several_share_a_worklist(case: Case, solo: bool, end: str) -> None:
    case.bench.solo = solo
    assert case.open().windowTitle() == f"CT brain – Hospital North{end}"


def test_why_images_are_missing_stays_said_when_the_claim_is_won_afterwards(case: Case) -> None:
    """The sentence was put away by the answer to the claim: an empty window without a word."""
    answered = threading.Event()

    class SlowClaims(FakeClaims):
        """A double whose hub answers late."""

        def claim(self, workitem_uid: str, **options: object) -> ClaimResult:
            assert answered.wait(10)
            return super().claim(workitem_uid, **options)

    case.bench.claims = SlowClaims()
    case.bench.peers["north"].error = Unreachable("the hospital does not answer", connection_id="north")
    window = case.window = ReadingWindow(case.bench.desk, entry())
    window.session.priors._services = services(case.bench.peers, {})
    window.show()
    window.start(claim=True)
    case.qtbot.waitUntil(lambda: "does not answer" in window.view.notice.text())
    answered.set()
    case.settle()
    assert window.session.editable
    assert "does not answer" in window.view.notice.text()


def test_a_lost_claim_is_read_only_with_the_winners_name(case: Case) -> None:
    case.bench.claims = FakeClaims(ClaimKind.LOST, "Bakker^Piet")
    window = case.open()
    type_into(case, "findings", "x")
    assert window.report.edit("findings").toPlainText() == ""
    assert window.report.edit("findings").isReadOnly()
    assert "BAKKER, Piet" in case.text("claim_standing")
    assert not window.commands.run("case.sign")
    assert not window.commands.run("case.insert_measurement")


def test_a_takeover_while_typing_locks_the_text_and_keeps_it_on_screen(case: Case) -> None:
    window = case.open()
    type_into(case, "findings", "half a sen")
    taken = replace(window.session.entry, status=Status.CLAIMED, holder="Bakker^Piet", holder_code="R2")
    window.entry_changed(taken)
    type_into(case, "findings", "tence")
    assert window.report.edit("findings").toPlainText() == "half a sen"
    assert "BAKKER, Piet" in case.text("claim_standing")


def test_a_study_that_another_reads_says_that_its_question_is_hidden(case: Case) -> None:
    """The hub shows the line alone: the empty field looked as if nobody had asked anything."""
    hidden = replace(entry().patient, key=PatientKey("", ""), birth_date="")
    window = case.open(
        claim=False, status=Status.CLAIMED, holder="Bakker^Piet", holder_code="R2", patient=hidden, clinical_question=""
    )
    field = window.report.edit("clinical_question")
    assert (field.toPlainText(), field.placeholderText()) == ("", "hidden while BAKKER, Piet reads it")
    assert case.text("patient_facts") == "birth date and number hidden while BAKKER, Piet reads it"


def test_a_claimed_study_that_was_reserved_for_another_says_so_with_the_way_back(case: Case) -> None:
    """It was claimed with one Enter, without a word that a colleague had been given it, perhaps with a text."""
    window = case.open(status=Status.RESERVED, reserved_for="Bakker^Piet", reserved_for_code="R2")
    said = (
        "This study was reserved for BAKKER, Piet, who may have a text of it. "
        "Released, it is reserved for BAKKER, Piet again."
    )
    assert window.view.notice.text() == said
    assert window.session.editable  # a reservation is soft
    window.view.notice.clear()
    window.view.on_topic(Topic.IMAGES)
    assert window.view.notice.text() == ""  # put away is put away
    window.view.on_topic(Topic.STANDING)
    assert window.view.notice.text() == said
    action = window.findChild(QPushButton, "reading_notice_action")
    assert action is not None
    assert action.text() == "Release"
    action.click()
    case.qtbot.waitUntil(lambda: case.bench.claims.released == ["2.25.1"], timeout=2000)


@pytest.mark.parametrize(
    ("claim", "meant"), [(True, {}), (True, {"reserved_for": "Vries^Anna", "reserved_for_code": "R1"}), (False, None)]
)
def test_a_study_that_is_reserved_for_nobody_else_says_nothing_of_it(
    case: Case, claim: bool, meant: dict[str, object] | None
) -> None:
    window = case.open(
        claim=claim, **(meant if meant is not None else {"reserved_for_code": "R2", "reserved_for": "B"})
    )
    assert "reserved for" not in window.view.notice.text()


def test_looking_without_a_claim_can_become_a_claim(case: Case) -> None:
    window = case.open(claim=False)
    assert window.report.edit("findings").isReadOnly()
    assert window.commands.run("case.claim")
    case.settle()
    assert not window.report.edit("findings").isReadOnly()


def test_what_is_typed_is_on_disk_within_two_seconds(case: Case) -> None:
    case.open()
    type_into(case, "findings", "Kept.")

    def stored() -> bool:
        rows = case.bench.journal.drafts.editable("2.25.1")
        return bool(rows) and draft_from_json(rows[0].content).sections["findings"] == "Kept."

    case.qtbot.waitUntil(stored, timeout=2000)


def test_leaving_the_text_saves_it_without_waiting_for_the_timer(case: Case) -> None:
    window = case.open()
    window._autosave.stop()
    window.activateWindow()
    window.commands.run("case.focus_report")
    case.qtbot.waitUntil(window.report.edit("findings").hasFocus, timeout=2000)
    type_into(case, "findings", "Kept.")
    window.commands.run("case.focus_images")
    case.qtbot.waitUntil(lambda: bool(case.bench.journal.drafts.editable("2.25.1")), timeout=2000)


def test_the_card_opens_only_after_two_ticks(case: Case) -> None:
    case.bench.peers["west"].answers = [answer(FOREIGN)]
    window = case.open()
    card = window.make_card(window.session.priors.row(("west", FOREIGN)).candidate)
    case.qtbot.addWidget(card)
    assert not card.can_open()
    assert not any(box.isChecked() for box in card.findChildren(QCheckBox))
    card.tick("birth_date")
    assert not card.can_open()
    card.tick("name")
    assert card.can_open()
    card.tick("birth_date", False)
    assert not card.can_open()


def test_the_card_offers_no_tick_for_what_is_missing_and_none_for_the_sex(case: Case) -> None:
    case.bench.peers["west"].answers = [answer(FOREIGN, patient_birth_date="")]
    window = case.open()
    card = window.make_card(window.session.priors.row(("west", FOREIGN)).candidate)
    case.qtbot.addWidget(card)
    names = {box.objectName() for box in card.findChildren(QCheckBox)}
    assert names == {"tick_name"}
    assert not card.can_open()
    card.tick("name")
    assert not card.can_open()


def test_the_card_names_the_hospital_of_each_number_and_does_not_compare_them(case: Case) -> None:
    case.bench.peers["west"].answers = [answer(FOREIGN)]
    window = case.open()
    card = window.make_card(window.session.priors.row(("west", FOREIGN)).candidate)
    case.qtbot.addWidget(card)
    texts = {label.objectName(): label.text() for label in card.findChildren(QLabel)}
    assert texts["value_patient_id_1"] == "N1  ·  Hospital North"
    assert texts["value_patient_id_2"] == "W9  ·  Hospital West"
    assert "Not comparable" in texts["agreement_patient_id"]


def test_deciding_later_records_nothing_and_not_the_same_is_remembered(case: Case) -> None:
    case.bench.peers["west"].answers = [answer(FOREIGN)]
    window = case.open()
    candidate = ("west", FOREIGN)

    def press(name: str) -> None:
        def act() -> None:
            card = window.findChild(IdentityCard)
            assert card is not None
            buttons = {button.text(): button for button in card.findChildren(QPushButton)}
            buttons[name].click()
            card.deleteLater()

        QTimer.singleShot(0, window, act)
        window.choose_prior(candidate)

    press("Decide later")
    assert case.bench.journal.links.of_workitem("2.25.1") == []
    assert (window.session.priors.row(candidate).gate, window.session.priors.row(candidate).declined) == (
        Gate.CARD,
        False,
    )
    press("Not the same patient")
    assert [row.verdict for row in case.bench.journal.links.of_workitem("2.25.1")] == ["different"]
    assert window.session.priors.row(candidate).declined
    assert "not the same patient" in window.view.strip.cards()[0].text()
    assert FOREIGN not in window.session.images.studies()


def test_a_prior_in_conflict_is_never_opened_and_says_why_when_clicked(case: Case) -> None:
    case.bench.peers["west"].answers = [answer(FOREIGN, patient_sex="M", other_patient_ids=((BSN, "NLMINBIZA"),))]
    window = case.open()
    card = window.view.strip.cards()[0]
    assert card.text().endswith("  ·  Hospital West")
    assert "sex differ" in card.text()
    case.qtbot.mouseClick(card, Qt.MouseButton.LeftButton)
    assert FOREIGN not in window.session.images.studies()
    assert "contradict" in window.view.notice.text()
    assert "Sex: female ≠ male" in window.view.notice.text()


def test_a_message_of_one_line_neither_moves_nor_scales_the_images(case: Case) -> None:
    """The zoom fell from 107 to 100 % when a message came."""
    window = case.open()
    case.settle()
    window.view.notice.hide()
    QApplication.processEvents()
    before = window.viewer.geometry()
    window.view.notice.say("Something happened", "attention", "Try again", lambda: None)
    QApplication.processEvents()
    assert window.view.notice.isVisible()
    assert window.viewer.geometry() == before
    window.view.notice.clear()
    QApplication.processEvents()
    assert window.viewer.geometry() == before


def test_a_question_for_the_study_stands_in_the_place_of_a_message_and_moves_no_image(case: Case) -> None:
    window = case.open()
    case.settle()
    window.view.notice.clear()
    QApplication.processEvents()
    before = window.viewer.geometry()
    window.view.request.ask(window.session.entry, "BAKKER asks for this study", lambda: None, lambda: None)
    QApplication.processEvents()
    assert window.view.request.isVisible()
    assert window.viewer.geometry() == before
    window.view.request.clear()
    QApplication.processEvents()
    assert window.viewer.geometry() == before


def test_the_list_of_keys_names_the_window_presets(case: Case) -> None:
    window = case.open()
    presets = window.viewer.desk.presets
    titles = [key_title(row, presets, window._tr) for row in window.commands if not is_idle_preset(row, presets)]
    assert any(title.startswith("Window preset 1: CT Soft tissue") for title in titles)
    assert not any(title == "Window preset 9" for title in titles)


def test_a_same_prior_hangs_beside_the_study(case: Case) -> None:
    case.bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    case.bench.holds(PRIOR, 1)
    window = case.open()
    assert "same patient" in window.view.strip.cards()[0].text()
    assert len(window.viewer.desk.grid.viewports) == 2
    case.qtbot.waitUntil(lambda: "2025-01-01" in window.report.edit("comparison").toPlainText(), timeout=2000)


def test_a_later_study_says_so_on_its_card_and_at_signing(case: Case) -> None:
    case.bench.peers["north"].answers = [answer(PRIOR, patient_id="N1", study_date="20990101")]
    case.bench.holds(PRIOR, 1)
    window = case.open()
    assert "LATER STUDY" in window.view.strip.cards()[0].text()
    window.choose_prior(("north", PRIOR))
    case.settle()
    type_into(case, "findings", "Normal.")
    dialog = window.make_sign_dialog()
    case.qtbot.addWidget(dialog)
    contains = dialog.findChild(QLabel, "sign_contents")
    assert contains is not None
    assert "Priors: 0   Later studies: 1" in contains.text()


def test_a_hospital_that_refuses_is_not_said_to_be_away(case: Case) -> None:
    """ "Does not answer: the PACS refuses us" is a contradiction, and sends people to the wrong cause."""
    case.bench.peers["west"].error = NotAuthorised("the PACS refuses us")
    note = case.open().view.strip.note()
    assert "Hospital West answers, but refuses: the PACS refuses us" in note
    assert "does not answer" not in note


def test_a_hospital_that_is_down_is_named_and_the_others_go_on(case: Case) -> None:
    case.bench.peers["west"].error = Unreachable("nobody listens at this address")
    case.bench.peers["south"].answers = [answer(FOREIGN)]
    window = case.open()
    assert "Hospital West does not answer: nobody listens at this address" in window.view.strip.note()
    assert len(window.view.strip.cards()) == 1


def test_images_of_another_patient_turn_the_report_red_and_lock_it(case: Case) -> None:
    case.bench.holds(STUDY, 2, PatientLabel("Bakker^Piet", "N2"))
    window = case.open()
    type_into(case, "findings", "x")
    assert window.report.edit("findings").toPlainText() == ""
    assert window.report.status().startswith("STOP")
    assert not window.commands.run("case.sign")


def test_images_of_another_patient_say_side_by_side_whom_they_and_whom_the_list_name(case: Case) -> None:
    case.bench.holds(STUDY, 2, PatientLabel("<b>Bakker</b>^Piet", "N2", "OTHER", "19500203", "M"))
    window = case.open()
    listed, named = window.view.notice.text().splitlines()[1:]
    assert listed.startswith("The list says:  JÁNSSEN, Zoë")
    assert "1960-01-02" in listed
    assert "N1 (NORTH-ISSUER)" in listed
    assert named.startswith("The images say:  <B>BAKKER</B>, Piet")
    assert "1950-02-03" in named
    assert "N2 (OTHER)" in named
    assert window.findChild(QLabel, "reading_notice_text").textFormat() is Qt.TextFormat.PlainText  # type: ignore[union-attr]


def test_a_hospital_that_refuses_is_named_in_whole_sentences_with_what_to_do(case: Case) -> None:
    case.bench.peers["north"].error = NotAuthorised("the PACS refuses us", connection_id="north", status=401)
    window = case.window = ReadingWindow(case.bench.desk, entry())
    window.session.priors._services = services(case.bench.peers, {})
    window.show()
    window.start(claim=True)
    case.qtbot.waitUntil(lambda: "refuses us" in window.view.notice.text())
    case.settle()
    said = window.view.notice.text()
    assert said.startswith("No images from Hospital North: the PACS refuses us. An administrator ")
    assert "worklist-client check" in said
    assert said.endswith(".")


def test_nineteen_of_twenty_images_is_said_and_asked_again_by_itself(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_images, "RETRY_AFTER_S", (0.05,) * 100)
    case.bench.holds(STUDY, 20)
    case.bench.worker.headers = [replace(item, failure="no pixels") for item in case.bench.worker.headers]
    case.bench.worker.lost = frozenset({f"{STUDY}.1.7"})
    window = case.open()
    case.qtbot.waitUntil(lambda: "19 of 20 images are here" in window.view.notice.text())
    case.bench.worker.lost = frozenset()
    case.qtbot.waitUntil(lambda: window.session.images.count(STUDY).complete)
    case.qtbot.waitUntil(lambda: window.view.notice.text() == "")


def test_a_measurement_goes_into_the_text_at_the_cursor_and_links_back(case: Case) -> None:
    window = case.open()
    window.viewer.set_annotations(STUDY, [length()])
    window.session.report.annotations_changed()
    type_into(case, "impression", "Lesion:")
    window.report.eventFilter(window.report.edit("impression"), QFocusEvent(QEvent.Type.FocusIn))
    assert window.commands.run("case.insert_measurement")
    assert window.report.edit("impression").toPlainText() == "Lesion: Length 14.1 mm. "
    type_into(case, "impression", "Stable.")
    assert window.session.report.draft.sections["impression"] == "Lesion: Length 14.1 mm. Stable."
    assert [row.inserted for row in window.session.report.measurements()] == [True]


def test_the_sign_dialog_shows_patient_study_and_destination_and_enter_signs(case: Case) -> None:
    window = case.open()
    type_into(case, "findings", "Normal.")
    dialog = window.make_sign_dialog()
    case.qtbot.addWidget(dialog)
    texts = {label.objectName(): label.text() for label in dialog.findChildren(QLabel)}
    assert texts["sign_destination"] == "Hospital North"
    assert texts["sign_patient"] == "JÁNSSEN, Zoë"
    assert "1960-01-02" in texts["sign_facts"]
    assert "N1 (NORTH-ISSUER)" in texts["sign_facts"]
    assert "impression is empty" in texts["sign_warning_0"]
    with case.qtbot.waitSignal(dialog.accepted, timeout=2000):
        dialog.show()
        case.qtbot.keyClick(dialog, Qt.Key.Key_Return)


def test_after_signing_the_window_says_how_far_the_report_is(case: Case) -> None:
    window = case.open()
    window.session.signing._render = render
    type_into(case, "findings", "Normal.")
    window.session.signing.sign()
    case.settle()
    assert "being delivered to Hospital North" in window.report.status()
    assert window.report.edit("findings").isReadOnly()
    outbox = case.bench.journal.outbox
    outbox.attention("9.1", "the study is not there any more", case.bench.desk.now())
    case.qtbot.waitUntil(lambda: "NOT delivered: the study is not there" in window.report.status(), timeout=3000)
    assert outbox.get("9.1").state is PackageState.ATTENTION


def test_text_that_looks_like_html_stays_text(case: Case) -> None:
    window = case.open(study_description="<b>CT</b>", patient=replace(entry().patient, name="<i>Jánssen</i>^Zoë"))
    assert "<B>" not in case.text("patient_exam")
    assert "<b>CT</b>" in case.text("patient_exam")
    labels = window.findChildren(QLabel)
    named = [label for label in labels if label.objectName().startswith(("patient", "report", "sign", "claim"))]
    assert named
    assert all(label.textFormat() is Qt.TextFormat.PlainText for label in named)


def test_every_action_of_the_viewer_is_a_command_and_its_keys_do_not_collide(case: Case) -> None:
    window = case.open()
    assert all(row.id in window.commands for row in ACTIONS)
    keymap = reading_keymap(load_keymap())
    assert keymap.conflicts() == ()
    assert keymap.keys("reading", "tool.length") == ("L",)
    assert all(name in drawn() for name in TOOLBAR if name != "-")
    assert window.commands.run("tool.length")
    assert window.actions_.action("tool.length").isChecked()
    assert not window.actions_.action("tool.scroll").isChecked()


def test_the_window_speaks_dutch(case: Case) -> None:
    case.bench.language = "nl"
    case.open()
    assert "Door u geclaimd" in case.text("claim_standing")
    assert case.text("title_findings") == "Bevindingen"


def test_services_of_the_desk_ask_its_own_ports(case: Case) -> None:
    made = case_priors.prior_services(case.bench.desk)
    peer = made.open_port(case.bench.sites[0].connections[0])
    assert peer is case.bench.peers["north"]
    case.open()
