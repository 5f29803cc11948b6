"""A case on the desk: claim, draft, priors and signing; doubles of hub, hospitals and viewer over a real journal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.peers.reading_bench import FOREIGN, PRIOR, STUDY, Bench, FakeClaims
from tests.peers.reading_doubles import (
    BSN,
    NORTH,
    NOW,
    SOUTH,
    FakeViewer,
    LaterRunner,
    answer,
    entry,
    length,
    patient,
    site,
)
from ups.claiming import ClaimKind
from ups.codes import ORDER_OF_ANOTHER, TWO_PATIENTS
from viewer.records import PatientLabel
from worklist_client.commands.case import CaseSession
from worklist_client.commands.case_priors import patient_lines
from worklist_client.commands.case_state import CannotSign, CardIncomplete, NotEditable, Standing, Topic
from worklist_client.identity.links import Gate
from worklist_client.journal import DraftState
from worklist_client.reading.errors import CannotOpenPrior
from worklist_client.report.draft_json import draft_from_json
from worklist_client.report.model import Reader, SignedReport
from worklist_client.settings.language import Translator
from worklist_client.worklist.entries import Status
from worklist_client.worklist.outcomes import ReleaseKind


def stored(bench: Bench) -> str:
    """Findings as the journal holds them."""
    rows = bench.journal.drafts.editable("2.25.1")
    return draft_from_json(rows[0].content).sections["findings"] if rows else ""


# --- claim ---


def test_images_load_while_the_claim_is_asked_for(bench: Bench) -> None:
    bench.runner = LaterRunner("hub")
    case = bench.session()
    case.start(claim=True)
    assert bench.viewer.of_kind("arrived")
    assert case.claim.standing is Standing.ASKING
    assert not case.editable
    bench.runner.run()
    assert case.editable


def test_looking_asks_for_no_claim_and_takes_no_text(bench: Bench) -> None:
    case = bench.session()
    case.start(claim=False)
    assert bench.claims.asked == []
    with pytest.raises(NotEditable):
        case.report.set_section("findings", "x")


def test_a_lost_claim_is_read_only_and_names_the_winner(bench: Bench) -> None:
    bench.claims = FakeClaims(ClaimKind.LOST, "Bakker^Piet")
    case = bench.opened()
    assert (case.claim.standing, case.claim.holder) == (Standing.LOST, "Bakker^Piet")
    with pytest.raises(NotEditable):
        case.report.set_section("findings", "x")
    assert bench.viewer.of_kind("arrived")


def test_an_unclear_answer_takes_no_text_and_asking_again_helps(bench: Bench) -> None:
    bench.claims.kind = ClaimKind.UNKNOWN
    case = bench.opened()
    assert (case.claim.standing, case.editable) == (Standing.UNCLEAR, False)
    bench.claims.kind = ClaimKind.WON
    case.claim.ask()
    assert case.editable


def test_an_unclear_claim_opens_the_text_by_itself_once_the_list_shows_it_as_mine(bench: Bench) -> None:
    """After an outage the window stood there as not certain until somebody pressed a button."""
    bench.claims.kind = ClaimKind.UNKNOWN
    case = bench.opened()
    bench.claims.kind = ClaimKind.WON
    case.entry_changed(replace(case.entry, status=Status.MINE, is_own=True))
    assert (case.claim.standing, case.editable) == (Standing.MINE, True)


def test_an_unclear_claim_that_somebody_else_won_is_lost_and_names_him(bench: Bench) -> None:
    bench.claims.kind = ClaimKind.UNKNOWN
    case = bench.opened()
    case.entry_changed(replace(case.entry, status=Status.CLAIMED, holder="Bakker^Piet", holder_code="R2"))
    assert (case.claim.standing, case.claim.holder, case.editable) == (Standing.LOST, "Bakker^Piet", False)


def test_an_unclear_release_is_never_turned_into_a_claim_by_the_list(bench: Bench) -> None:
    case = bench.opened()
    bench.claims.release_kind = ReleaseKind.UNKNOWN
    case.claim.release()
    assert case.claim.standing is Standing.UNCLEAR
    case.entry_changed(replace(case.entry, status=Status.MINE, is_own=True))
    assert (case.claim.standing, len(bench.claims.asked)) == (Standing.UNCLEAR, 1)


def test_a_takeover_ends_the_typing_and_keeps_the_text(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "half a sen")
    case.entry_changed(replace(case.entry, status=Status.CLAIMED, holder="Bakker^Piet", holder_code="R2"))
    assert (case.claim.standing, case.claim.holder, case.editable) == (Standing.LOST, "Bakker^Piet", False)
    orphans = bench.journal.drafts.in_state(DraftState.ORPHAN)
    assert draft_from_json(orphans[0].content).sections["findings"] == "half a sen"


def test_a_replaced_workitem_is_a_lost_claim_and_the_text_is_kept(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "half a sen")
    case.entry_changed(replace(case.entry, workitem_uid="2.25.9", status=Status.RESERVED, reserved_for="Bakker^Piet"))
    assert (case.claim.standing, case.claim.holder, case.editable) == (Standing.LOST, "Bakker^Piet", False)
    assert len(bench.journal.drafts.in_state(DraftState.ORPHAN)) == 1


@pytest.mark.parametrize("where", ["reserved_for_code", "holder_code"])
def test_going_on_at_another_desk_is_not_called_another_reader(bench: Bench, where: str) -> None:
    """The first desk said "Vries, Anna has this study" to Anna de Vries."""
    case = bench.opened()
    case.report.set_section("findings", "half a sen")
    case.entry_changed(replace(case.entry, workitem_uid="2.25.9", status=Status.RESERVED, **{where: "R1"}))
    assert (case.claim.standing, case.claim.holder, case.editable) == (Standing.MOVED, "", False)
    assert "at another desk" in case.claim.reason
    assert len(bench.journal.drafts.in_state(DraftState.ORPHAN)) == 1


def test_what_the_program_filled_in_by_itself_is_no_draft_without_a_claim(bench: Bench) -> None:
    """A comparison line that nobody typed was kept, and the list said that a draft had lost its claim."""
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    bench.holds(PRIOR, 1)
    case = bench.opened()
    assert case.report.draft.sections["comparison"]
    case.keeper.save_soon()
    case.claim.release()
    assert bench.journal.drafts.in_state(DraftState.ORPHAN) == []
    assert bench.journal.drafts.in_state(DraftState.EDITING) == []


def test_a_text_that_was_taken_out_again_is_no_draft_without_a_claim(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "one")
    case.keeper.save_soon()
    case.report.set_section("findings", "")
    case.claim.release()
    assert bench.journal.drafts.in_state(DraftState.ORPHAN) == []


def test_a_comparison_line_that_the_reader_took_out_stays_out(bench: Bench) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    bench.holds(PRIOR, 1)
    case = bench.opened()
    case.report.set_section("comparison", "")
    case.claim.release()
    assert len(bench.journal.drafts.in_state(DraftState.ORPHAN)) == 1


def test_news_of_another_study_changes_nothing(bench: Bench) -> None:
    case = bench.opened()
    case.entry_changed(replace(case.entry, study_instance_uid="9.9", status=Status.CANCELED))
    assert case.editable


def test_a_draft_that_was_ended_under_the_typing_says_so_and_takes_no_more(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "one")
    case.keeper.save_soon()
    bench.journal.drafts.orphan_of_workitem("2.25.1", "taken over")
    case.report.set_section("findings", "two")
    case.keeper.save_soon()
    assert not case.editable
    assert "on the screen only" in case.notice


def test_a_hub_that_reports_an_older_row_does_not_end_a_claim(bench: Bench) -> None:
    case = bench.opened()
    case.entry_changed(replace(case.entry, status=Status.AVAILABLE))
    assert case.editable


def test_news_of_my_own_claim_changes_nothing(bench: Bench) -> None:
    case = bench.opened()
    case.entry_changed(replace(case.entry, status=Status.MINE, holder="Vries^Anna", holder_code="R1"))
    assert case.editable


def test_a_released_text_comes_back_when_i_claim_the_replacement(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "kept")
    case.claim.release()
    case.close()
    assert (case.claim.standing, bench.claims.released) == (Standing.RELEASED, ["2.25.1"])
    again = bench.opened(workitem_uid="2.25.2")
    assert again.report.draft.sections["findings"] == "kept"
    assert again.report.draft.workitem_uid == "2.25.2"


# --- draft ---


def test_the_order_fills_in_the_clinical_question(bench: Bench) -> None:
    assert bench.opened().report.draft.sections["clinical_question"] == "Bleed?"


def _asked_for(bench: Bench, text: str = "Fall, anticoagulants") -> None:
    """The images say why the study was asked for."""
    bench.worker.headers = [replace(one, reason_for_requested_procedure=text) for one in bench.worker.headers]


def test_where_the_order_has_no_question_the_images_give_it(bench: Bench) -> None:
    _asked_for(bench)
    assert bench.opened(clinical_question="").report.draft.sections["clinical_question"] == "Fall, anticoagulants"
    assert bench.topics.count(Topic.DRAFT) >= 1


def test_the_question_of_the_images_never_replaces_one_of_the_order_or_the_reader(bench: Bench) -> None:
    _asked_for(bench)
    assert bench.opened().report.draft.sections["clinical_question"] == "Bleed?"
    bench.runner = LaterRunner("retrieve")
    case = bench.opened(clinical_question="", workitem_uid="2.25.3")
    case.report.set_section("clinical_question", "Stroke?")
    bench.runner.run()
    assert case.report.draft.sections["clinical_question"] == "Stroke?"


def test_a_question_that_came_before_the_claim_is_filled_in_with_it(bench: Bench) -> None:
    _asked_for(bench)
    bench.runner = LaterRunner("hub")
    case = bench.opened(clinical_question="")
    assert case.report.draft.sections["clinical_question"] == ""
    bench.runner.run()
    assert case.report.draft.sections["clinical_question"] == "Fall, anticoagulants"


def test_what_is_typed_is_stored_by_the_timer_and_at_close(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "one")
    assert stored(bench) == ""
    case.keeper.save_soon()
    assert stored(bench) == "one"
    case.report.set_section("findings", "two")
    case.close()
    assert stored(bench) == "two"


def test_after_a_kill_text_and_annotations_are_there_again(bench: Bench) -> None:
    case = bench.opened()
    bench.viewer.drawn[STUDY] = (length(),)
    case.report.annotations_changed()
    case.report.set_section("findings", "before the kill")
    case.keeper.save_soon()
    bench.viewer = FakeViewer()  # nothing was closed: the process is gone
    again = bench.opened()
    assert again.report.draft.sections["findings"] == "before the kill"
    assert bench.viewer.drawn[STUDY] == (length(),)
    assert again.keeper.restored


def test_a_stored_draft_of_another_patient_is_never_opened(bench: Bench) -> None:
    case = bench.opened()
    case.report.set_section("findings", "about somebody else")
    case.close()
    other = bench.opened(patient=patient(number="N2"))
    assert not other.editable
    assert other.report.draft.sections["findings"] == ""
    assert "another patient" in other.notice
    assert stored(bench) == "about somebody else"


def test_images_of_another_patient_refuse_the_report(bench: Bench) -> None:
    bench.holds(STUDY, 2, PatientLabel("Bakker^Piet", "N2"))
    case = bench.opened()
    assert (case.is_strange, case.editable) == (True, False)
    # Images of one person under the banner of another: never, whoever's study it is.
    assert not [item for item in bench.viewer.of_kind("arrived") if item[1] == STUDY]
    with pytest.raises(NotEditable):
        case.report.set_section("findings", "x")
    with pytest.raises(CannotSign, match="another patient"):
        case.signing.summary()


def test_a_study_with_images_of_two_patients_is_looked_at_and_not_reported(bench: Bench) -> None:
    bench.holds(STUDY, 2)
    case = bench.opened(remarks=(TWO_PATIENTS.value,))
    assert (case.claim.standing, case.editable) == (Standing.MINE, False)
    with pytest.raises(CannotSign, match="two patients"):
        case.signing.summary()


def test_a_second_patient_whose_images_come_while_writing_ends_the_writing(bench: Bench) -> None:
    case = ready(bench)
    case.entry_changed(replace(case.entry, remarks=(TWO_PATIENTS.value,)))
    assert not case.editable
    with pytest.raises(CannotSign, match="two patients"):
        case.signing.summary()
    case.entry_changed(replace(case.entry, remarks=()))
    case.signing.summary()


def test_an_order_of_another_patient_is_confirmed_before_signing_as_long_as_the_list_says_it(bench: Bench) -> None:
    case = ready(bench)
    assert case.signing.summary().to_confirm == ()
    case.entry_changed(replace(case.entry, remarks=(ORDER_OF_ANOTHER.value,)))
    assert case.editable, "a study that nobody may report helps no patient"
    [sentence] = case.signing.summary().to_confirm
    assert "names another patient" in sentence
    with pytest.raises(CannotSign, match="Confirm"):
        case.signing.sign()
    case.entry_changed(replace(case.entry, remarks=()))
    assert case.signing.summary().to_confirm == ()


# --- measurements ---


def test_a_measurement_is_inserted_at_the_cursor_with_a_link_back(bench: Bench) -> None:
    case = bench.opened()
    bench.viewer.drawn[STUDY] = (length(),)
    case.report.annotations_changed()
    case.report.set_section("findings", "Lesion: in the liver.")
    after = case.report.insert_measurement("a1", "findings", len("Lesion:"))
    text = case.report.draft.sections["findings"]
    assert text == "Lesion: Length 14.1 mm in the liver."
    assert text[:after].endswith("14.1 mm ")
    assert [item.annotation.annotation_id for item in case.report.draft.measurements] == ["a1"]
    assert case.report.go_to("a1")
    assert case.report.measurements()[0].inserted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("|", "Length 14.1 mm. |"),
        ("Lesion |", "Lesion Length 14.1 mm. |"),
        ("Lesion|.", "Lesion Length 14.1 mm. |"),
        ("Lesion|. Stable.", "Lesion Length 14.1 mm. |Stable."),
        ("Lesion| in the liver.", "Lesion Length 14.1 mm |in the liver."),
        ("Lesion |in the liver.", "Lesion Length 14.1 mm |in the liver."),
        ("Lesion (|)", "Lesion (Length 14.1 mm) |"),
        ("Lesion (|).\nLiver normal.", "Lesion (Length 14.1 mm). |\nLiver normal."),
        ("|Liver normal.", "Length 14.1 mm. |Liver normal."),
        ("Lesion.| Liver normal.", "Lesion. Length 14.1 mm. |Liver normal."),
        ("Lesion|\nLiver normal.", "Lesion Length 14.1 mm. |\nLiver normal."),
        ("Lesion|   ", "Lesion Length 14.1 mm. |"),
    ],
)
def test_words_of_a_measurement_touch_neither_the_words_around_them_nor_those_typed_next(
    bench: Bench, before: str, after: str
) -> None:
    """It said "Length 174.3 mm.Largest lesion"."""
    case = bench.opened()
    bench.viewer.drawn[STUDY] = (length(),)
    case.report.annotations_changed()
    case.report.set_section("findings", before.replace("|", ""))
    cursor = case.report.insert_measurement("a1", "findings", before.index("|"))
    text = case.report.draft.sections["findings"]
    assert f"{text[:cursor]}|{text[cursor:]}" == after


def test_a_measurement_is_not_inserted_twice_but_found_where_it_stands(bench: Bench) -> None:
    case = bench.opened()
    bench.viewer.drawn[STUDY] = (length(),)
    case.report.annotations_changed()
    case.report.insert_measurement("a1", "findings", 0)
    place = ("findings", len("Length 14.1 mm"))
    assert case.report.place_of("a1") == place
    assert case.report.insert_measurement("a1", "impression", 0) == place[1]
    sections = case.report.draft.sections
    assert (sections["findings"], sections.get("impression", "")) == ("Length 14.1 mm. ", "")
    case.report.set_section("findings", "")  # taken out by hand: it may go in again
    assert case.report.place_of("a1") is None
    case.report.insert_measurement("a1", "impression", 0)
    assert case.report.draft.sections["impression"] == "Length 14.1 mm. "


def test_a_moved_measurement_changes_its_words_in_the_report(bench: Bench) -> None:
    case = bench.opened()
    bench.viewer.drawn[STUDY] = (length(),)
    case.report.annotations_changed()
    case.report.insert_measurement("a1", "findings", 0)
    bench.viewer.drawn[STUDY] = (length(millimetres=20.0),)
    case.report.annotations_changed()
    assert case.report.draft.sections["findings"] == "Length 20.0 mm. "
    assert case.report.draft.measurements[0].annotation.values[0].value == 20.0


def test_a_deleted_measurement_leaves_its_words_and_is_no_measurement_any_more(bench: Bench) -> None:
    case = bench.opened()
    bench.viewer.drawn[STUDY] = (length(),)
    case.report.annotations_changed()
    case.report.insert_measurement("a1", "findings", 0)
    bench.viewer.drawn[STUDY] = ()
    case.report.annotations_changed()
    assert case.report.draft.measurements == ()
    assert "14.1" in case.report.draft.sections["findings"]


# --- priors ---


def test_a_same_prior_hangs_by_itself_is_audited_and_named_in_the_comparison(bench: Bench) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    bench.holds(PRIOR, 1)
    case = bench.opened()
    assert bench.viewer.of_kind("hang")[-1] == ("hang", STUDY, PRIOR)
    events = [(line.event, line.study_instance_uid) for line in bench.journal.audit.lines()]
    assert events == [("study.opened", STUDY), ("prior.opened", PRIOR)]
    assert "2025-01-01" in case.report.draft.sections["comparison"]
    assert case.priors.of_report()[0].verdict == "same"


@pytest.mark.parametrize(("day", "role"), [("20250101", "PRIOR"), ("20990101", "LATER")])
def test_a_study_beside_says_in_a_word_whether_it_is_earlier(bench: Bench, day: str, role: str) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1", study_date=day)]
    bench.holds(PRIOR, 1)
    case = bench.opened()
    if role == "LATER":
        case.priors.open(("north", PRIOR))
    labels = {item[1]: item[2].role for item in bench.viewer.of_kind("study")}
    assert labels == {STUDY: "", PRIOR: role}


@pytest.mark.parametrize(("language", "said"), [("en", "Later study: CT"), ("nl", "Later onderzoek: CT")])
def test_a_later_study_is_called_so_in_the_comparison_and_at_signing(bench: Bench, language: str, said: str) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1", study_date="20990101")]
    bench.holds(PRIOR, 1)
    bench.language = language
    case = ready(bench)
    assert case.priors.rows()[0].later
    case.priors.open(("north", PRIOR))
    assert case.report.draft.sections["comparison"].startswith(said)
    summary = case.signing.summary()
    assert (summary.priors, summary.later_studies) == (0, 1)


def test_the_sign_dialog_names_day_and_time_of_the_study(bench: Bench) -> None:
    """Two studies of one patient, with one name and no accession number, could not be told apart."""
    bench.holds(STUDY, 1)
    case = bench.opened()
    case.report.set_section("findings", "Normal.")
    assert case.signing.summary().study == f"{NOW:%Y-%m-%d %H:%M}  ·  CT brain"


def test_the_national_id_of_an_image_makes_a_prior_elsewhere_the_same(bench: Bench) -> None:
    bench.peers["west"].answers = [answer(FOREIGN)]
    bench.national_ids = {FOREIGN: BSN}
    label = PatientLabel("Jánssen^Zoë", "N1", other_ids=((BSN, "NLMINBIZA"), ("77", "CITY")))
    bench.holds(STUDY, 2, label)
    case = bench.opened(patient=patient(national_id=""))
    assert case.entry.patient.national_id == BSN
    assert case.priors.row(("west", FOREIGN)).candidate.verdict == "same"
    case.entry_changed(entry(patient=patient(national_id="")))
    assert case.entry.patient.national_id == BSN


def test_a_probable_prior_waits_for_the_card(bench: Bench) -> None:
    bench.peers["west"].answers = [answer(FOREIGN)]
    bench.holds(FOREIGN, 1, PatientLabel("Jánssen^Zoë", "W9"))
    case = bench.opened()
    candidate = ("west", FOREIGN)
    assert case.priors.row(candidate).gate is Gate.CARD
    with pytest.raises(CannotOpenPrior):
        case.priors.open(candidate)
    with pytest.raises(CardIncomplete):
        case.priors.confirm(candidate, ("birth_date",))
    with pytest.raises(CardIncomplete):
        case.priors.confirm(candidate, ("birth_date", "sex"))
    assert not [item for item in bench.viewer.of_kind("arrived") if item[1] == FOREIGN]
    case.priors.confirm(candidate, ("birth_date", "name"))
    assert [item for item in bench.viewer.of_kind("arrived") if item[1] == FOREIGN]
    links = bench.journal.links.of_workitem("2.25.1")
    assert [link.identifiers for link in links] == [("birth_date", "name")]
    assert case.priors.of_report()[0].confirmed_identifiers == ("birth_date", "name")
    label = next(item[2] for item in bench.viewer.of_kind("study") if item[1] == FOREIGN)
    assert (label.foreign, label.site_name, label.verdict_text) == (True, "Hospital West", "Confirmed by you")


def test_a_confirmed_card_holds_for_this_workitem_only(bench: Bench) -> None:
    bench.peers["west"].answers = [answer(FOREIGN)]
    bench.opened().priors.confirm(("west", FOREIGN), ("birth_date", "name"))
    assert bench.session().priors.searches == ()
    again = bench.opened()
    assert again.priors.row(("west", FOREIGN)).gate is Gate.OPEN
    later = bench.opened(workitem_uid="2.25.2")
    assert later.priors.row(("west", FOREIGN)).gate is Gate.CARD


def test_a_conflict_cannot_be_opened_or_confirmed(bench: Bench) -> None:
    bench.peers["west"].answers = [answer(FOREIGN, patient_sex="M", other_patient_ids=((BSN, "NLMINBIZA"),))]
    case = bench.opened()
    candidate = ("west", FOREIGN)
    assert case.priors.row(candidate).gate is Gate.CLOSED
    with pytest.raises(CannotOpenPrior):
        case.priors.open(candidate)
    with pytest.raises(CardIncomplete):
        case.priors.confirm(candidate, ("birth_date", "name"))
    assert bench.journal.links.of_workitem("2.25.1") == []


def test_consent_withdrawn_after_listing_opens_nothing(bench: Bench) -> None:
    bench.peers["west"].answers = [answer(FOREIGN)]
    case = bench.opened()
    case.desk.sites.replace([NORTH, site("west", foreign="deny"), SOUTH])
    case.priors.confirm(("west", FOREIGN), ("birth_date", "name"))
    assert not [item for item in bench.viewer.of_kind("arrived") if item[1] == FOREIGN]
    assert "does not permit" in case.images.error(FOREIGN)
    assert [line.event for line in bench.journal.audit.lines()] == ["study.opened"]


def test_images_of_a_prior_that_name_another_patient_are_not_drawn(bench: Bench) -> None:
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1")]
    bench.holds(PRIOR, 2, PatientLabel("Bakker^Piet", "N2"))
    case = bench.opened()
    assert not [item for item in bench.viewer.of_kind("arrived") if item[1] == PRIOR]
    assert PRIOR in case.images.strangers
    assert case.editable


def test_a_prior_that_the_reader_chose_is_not_exchanged_by_a_later_answer(bench: Bench) -> None:
    bench.runner = LaterRunner("search")
    bench.peers["north"].answers = [answer(PRIOR, patient_id="N1", study_description="CT", body_parts=())]
    bench.peers["west"].answers = [answer(FOREIGN)]
    bench.national_ids = {FOREIGN: BSN}
    case = bench.opened()
    for _ in ("documents", "north"):
        bench.runner.waiting.pop(0)()
    case.priors.open(("north", PRIOR))
    bench.runner.run()
    assert bench.viewer.of_kind("hang")[-1] == ("hang", STUDY, PRIOR)


# --- signing ---


def ready(bench: Bench) -> CaseSession:
    case = bench.opened()
    case.report.set_section("findings", "Normal brain.")
    case.report.set_section("impression", "Normal.")
    return case


def test_the_summary_names_patient_study_and_destination_and_asks_nothing(bench: Bench) -> None:
    summary = ready(bench).signing.summary()
    assert summary.patient.name == "Jánssen^Zoë"
    assert summary.destination == "Hospital North"
    assert summary.study.endswith("CT brain")
    assert summary.accession_number == "A1"
    assert summary.warnings == ()


def test_an_empty_report_or_a_study_without_images_cannot_be_signed(bench: Bench) -> None:
    case = bench.opened()
    with pytest.raises(CannotSign, match="empty"):
        case.signing.summary()
    bench.worker.headers = []
    bench.peers["north"].by_study.clear()
    empty = bench.session(workitem_uid="2.25.2")
    empty.start(claim=True)
    empty.report.set_section("findings", "x")
    with pytest.raises(CannotSign, match="No image"):
        empty.signing.summary()


def test_missing_images_and_an_empty_impression_are_said_before_signing(bench: Bench) -> None:
    bench.worker.lost = frozenset({f"{STUDY}.1.2"})
    case = bench.opened()
    case.report.set_section("findings", "x")
    assert case.signing.summary().warnings == ("The impression is empty", "Not all images of this study are here")


def test_signing_stores_the_report_and_ends_the_typing(bench: Bench) -> None:
    case = ready(bench)
    case.signing.sign()
    assert case.claim.standing is Standing.SIGNED
    package = bench.journal.outbox.of_workitem("2.25.1")[0]
    assert (package.site_id, package.state) == ("north", "SIGNED")
    assert case.signing.package == package
    assert bench.delivery.signed
    with pytest.raises(NotEditable):
        case.report.set_section("findings", "more")
    with pytest.raises(CannotSign):
        case.signing.sign()


def test_signing_that_fails_leaves_the_draft_editable_and_says_why(bench: Bench) -> None:
    case = ready(bench)

    class RenderFailed(Exception):
        reason = "an image that the report refers to cannot be read"

    def broken(*_: Any) -> SignedReport:
        raise RenderFailed

    case.signing._render = broken
    case.signing.sign()
    assert (case.claim.standing, case.editable) == (Standing.MINE, True)
    assert case.claim.reason == RenderFailed.reason
    assert bench.journal.outbox.of_workitem("2.25.1") == []
    assert stored(bench) == "Normal brain."


def test_the_lines_of_a_viewport_name_a_foreign_issuer_only() -> None:
    one = patient()
    assert patient_lines(one, NORTH) == ("JÁNSSEN, Zoë", "1960-01-02 F", "N1")
    assert patient_lines(one, SOUTH)[2] == "N1 NORTH-ISSUER"
    assert patient_lines(one, NORTH, Translator("nl"))[1] == "1960-01-02 V"


def test_nobody_signs_without_a_name(bench: Bench) -> None:
    bench.reader = Reader("", "root", "computer")
    case = bench.opened()
    case.report.set_section("findings", "Normal.")
    with pytest.raises(CannotSign, match="Fill in who you are"):
        case.signing.sign()
    assert bench.delivery.signed == []
