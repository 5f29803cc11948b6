"""A text that was taken back for the corrected patient, on a list that does not name that patient yet."""

from __future__ import annotations

from dataclasses import replace

from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import NOW, LaterRunner, entry, patient
from viewer.records import PatientLabel
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_draft import LEFT_BEHIND, NOT_CORRECTED
from worklist_client.commands.case_state import Standing
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import ClaimState, DraftState, Withdrawal
from worklist_client.settings.language import load_translations
from worklist_client.worklist.entries import Status, StudyEntry

CORRECTED = patient(number="N9")
BACK = "2.25.2"
"""The workitem that the study came back with."""


def taken_back(bench: Bench) -> None:
    """Signed for N1, held, and taken back for N9."""
    case = bench.opened()
    case.report.set_section("findings", "Normal brain.")
    case.signing.sign()
    case.close()
    outbox, key = bench.journal.outbox, CORRECTED.key
    report = outbox.of_workitem("2.25.1")[0].report_id
    outbox.attention(report, "the hospital now holds this study under another patient number", NOW)
    seen = outbox.seen(report)
    outbox.withdraw_held(Withdrawal(report, "read again", key.issuer, key.patient_id, seen, ClaimState.RELEASING), NOW)


def states(bench: Bench, state: DraftState) -> list[str]:
    return [row.workitem_uid for row in bench.journal.drafts.in_state(state)]


def listening(case: CaseSession) -> list[StudyEntry]:
    asked: list[StudyEntry] = []
    case.outdated = asked.append
    return asked


def test_before_the_list_names_the_corrected_patient_the_text_stays_where_it_is_and_that_is_said(bench: Bench) -> None:
    """It was bound to the new claim first and refused then: its reader had neither the text nor a report to write."""
    taken_back(bench)
    case = bench.opened(workitem_uid=BACK)
    assert case.claim.standing is Standing.MINE
    assert not case.editable
    assert case.notice == NOT_CORRECTED
    assert states(bench, DraftState.ORPHAN) == ["2.25.1"]
    assert bench.journal.drafts.editable(BACK) == []


def test_when_the_list_has_caught_up_the_study_opens_anew_with_the_text(bench: Bench) -> None:
    taken_back(bench)
    case = bench.opened(workitem_uid=BACK)
    asked = listening(case)
    mine = replace(case.entry, status=Status.MINE)
    case.entry_changed(mine)
    assert asked == []
    newer = replace(mine, patient=CORRECTED)
    case.entry_changed(newer)
    assert asked == [newer]
    case.close()
    bench.holds(STUDY, 2, PatientLabel("Jánssen^Zoë", "N9"))
    again = bench.opened(workitem_uid=BACK, patient=CORRECTED)
    assert again.editable
    assert again.report.draft.sections["findings"] == "Normal brain."
    assert again.report.draft.patient.key == CORRECTED.key


def test_a_correction_that_comes_before_the_answer_to_the_claim_opens_anew_too(bench: Bench) -> None:
    taken_back(bench)
    bench.runner = LaterRunner("hub")
    case = bench.opened(workitem_uid=BACK)
    asked = listening(case)
    case.entry_changed(entry(workitem_uid=BACK, patient=CORRECTED))
    assert asked == []
    bench.runner.run()
    assert [one.patient for one in asked] == [CORRECTED]
    assert states(bench, DraftState.ORPHAN) == ["2.25.1"]


def test_a_text_for_a_third_patient_is_left_where_it_is_and_a_new_report_can_be_written(bench: Bench) -> None:
    taken_back(bench)
    case = bench.opened(workitem_uid=BACK, patient=patient(number="N5"))
    assert case.notice == LEFT_BEHIND
    assert case.report.draft.sections["findings"] == ""
    assert case.keeper.editable
    assert states(bench, DraftState.ORPHAN) == ["2.25.1"]


def test_a_text_that_was_written_is_not_moved_to_another_patient(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "Normal brain.")
    asked = listening(case)
    case.entry_changed(replace(case.entry, status=Status.MINE, patient=CORRECTED))
    assert asked == []
    assert case.report.draft.patient.key == patient().key


def test_whoever_only_looks_sees_the_patient_of_now(bench: Bench) -> None:
    case = bench.session()
    case.start(claim=False)
    asked = listening(case)
    case.entry_changed(replace(case.entry, patient=CORRECTED))
    assert [one.patient for one in asked] == [CORRECTED]


def test_a_claim_of_another_that_hides_the_details_opens_no_window_anew(bench: Bench) -> None:
    """The hub shows the line alone from then on: the empty number was taken for another patient, and the window of
    whoever looked closed and opened again under his eyes."""
    case = bench.session()
    case.start(claim=False)
    asked = listening(case)
    before = case.entry
    line = replace(before.patient, key=PatientKey(before.patient.key.issuer, ""), birth_date="")
    held = replace(before, patient=line, clinical_question="", status=Status.CLAIMED, holder="Bakker^Piet")
    case.entry_changed(held)
    assert asked == []
    assert (case.entry.patient, case.claim.holder) == (before.patient, "Bakker^Piet")
    case.entry_changed(before)
    assert asked == []
    case.entry_changed(replace(held, patient=replace(line, name="Somebody^Else")))
    assert len(asked) == 1, "another person is another person"


def test_both_sentences_are_there_in_dutch() -> None:
    assert {NOT_CORRECTED, LEFT_BEHIND} <= set(load_translations("nl"))
