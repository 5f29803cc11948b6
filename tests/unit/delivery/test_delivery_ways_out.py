"""What a person can do about a held report, and what is refused so that nothing is lost or delivered twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pacs.errors import Unreachable
from pacs.port import StoreObject, StoreOutcome, StoreState
from tests.unit.delivery.doubles import MemoryPacs, Region, never, report_of
from worklist_client.delivery.errors import NoWayOut
from worklist_client.delivery.reasons import Cause, Reason, reason_of
from worklist_client.delivery.status import DeliveryState
from worklist_client.delivery.steps import SENDING
from worklist_client.delivery.ways_out import Way, ways_of
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import ClaimState, DraftState, ObjectState, PackageState
from worklist_client.report.model import SignedReport

P9 = PatientKey("NORTH", "P9")


def held(region: Region, *, patient: str = "P9") -> tuple[MemoryPacs, SignedReport]:
    """Signed for P1; its hospital now says another patient."""
    archive = region.add("north")
    report, study = report_of("north", "S1")
    archive.studies.append(replace(study, answer=replace(study.answer, patient_id=patient)))
    region.sign(report)
    region.journal.claims.ask(report.workitem_uid, "2.25.1", region.clock())
    region.journal.claims.set_state(report.workitem_uid, ClaimState.FENCED, region.clock())
    region.service().deliver_due(never)
    assert region.journal.outbox.get(report.report_id).state is PackageState.ATTENTION
    return archive, report


def test_a_report_that_is_taken_back_is_never_sent_and_its_text_is_bound_to_the_compared_patient(
    region: Region,
) -> None:
    archive, report = held(region)
    service = region.service()
    assert service.ways_out.read_again(report.report_id, P9, never)
    [draft] = region.journal.drafts.in_state(DraftState.ORPHAN)
    assert (draft.patient_issuer, draft.patient_id) == ("NORTH", "P9")
    assert region.journal.claims.open_claim(report.workitem_uid).state is ClaimState.RELEASING
    assert region.desk.given_up == [report.workitem_uid]
    service.try_again()
    service.deliver_due(never)
    assert archive.sent == []
    assert region.journal.outbox.get(report.report_id).state is PackageState.WITHDRAWN
    assert len(region.journal.outbox.objects(report.report_id)) == 2
    assert service.undelivered() == ()


def test_a_report_that_is_being_sent_again_cannot_be_taken_back_meanwhile(region: Region) -> None:
    _, report = held(region)
    service = region.service()
    service.try_again(report.report_id)
    with pytest.raises(NoWayOut, match="not held any more"):
        service.ways_out.read_again(report.report_id, P9, never)
    assert region.journal.outbox.get(report.report_id).state is PackageState.FENCED
    assert region.journal.drafts.in_state(DraftState.ORPHAN) == []


def refused(region: Region, answer: StoreOutcome | None, *, only: str = "") -> tuple[MemoryPacs, SignedReport]:
    """The archive answers so to the report itself (or to all objects)."""
    archive = region.add("north")
    report, study = report_of("north", "S1")
    archive.studies.append(study)
    region.sign(report)
    archive.on_store = lambda item: answer if item.sop_instance_uid == report.report_id or not only else None
    region.service().deliver_due(never)
    return archive, report


def test_a_report_that_the_archive_clearly_refused_may_be_taken_back_without_asking(region: Region) -> None:
    said = StoreOutcome("", StoreState.HELD, 0xA900, "does not match")
    archive, report = refused(region, said)
    archive.away = True
    assert region.service().ways_out.read_again(report.report_id, PatientKey("", "P1"), never)


def test_a_report_whose_sending_had_begun_is_taken_back_only_if_the_hospital_does_not_hold_it(region: Region) -> None:
    said = StoreOutcome("", StoreState.HELD, 0xA900, "does not match")
    archive, report = refused(region, said)
    outbox = region.journal.outbox
    outbox.set_object(report.report_id, ObjectState.WAITING, SENDING, region.clock())
    service = region.service()
    archive.away = True
    with pytest.raises(NoWayOut, match="does not say now"):
        service.ways_out.read_again(report.report_id, PatientKey("", "P1"), never)
    archive.away = False
    item = report.objects[-1]
    kept = StoreObject(item.sop_class_uid, item.sop_instance_uid, "1.2", item.study_instance_uid, item.data)
    archive.objects[item.sop_instance_uid] = kept
    with pytest.raises(NoWayOut, match="at the hospital already"):
        service.ways_out.read_again(report.report_id, PatientKey("", "P1"), never)
    assert outbox.get(report.report_id).state is PackageState.ATTENTION
    archive.objects.clear()
    assert service.ways_out.read_again(report.report_id, PatientKey("", "P1"), never)


def test_an_answer_that_was_lost_counts_as_sent(region: Region) -> None:
    _, report = refused(region, StoreOutcome("", StoreState.UNKNOWN, None, "aborted"))
    waiting = [row for row in region.journal.outbox.objects(report.report_id) if row.proof == SENDING]
    assert waiting


def test_send_mine_too_needs_the_very_reports_that_were_shown(region: Region) -> None:
    _, report = held(region)
    outbox = region.journal.outbox
    why = Reason("another report ({said})", (("said", "x"), ("documents", "1.2 1.3")), Cause.OTHER_REPORT)
    outbox.attention(report.report_id, why.to_text(), region.clock())
    service = region.service()
    with pytest.raises(NoWayOut, match="changed meanwhile"):
        service.ways_out.send_beside(report.report_id, ("1.2",))
    service.ways_out.send_beside(report.report_id, ("1.2", "1.3"))
    row = outbox.get(report.report_id)
    assert (row.state, row.beside) == (PackageState.FENCED, ("1.2", "1.3"))
    with pytest.raises(NoWayOut):
        service.ways_out.send_beside(report.report_id, ("1.2", "1.3"))


def test_several_patients_for_one_study_are_never_guessed_between(region: Region) -> None:
    archive, report = held(region)
    one = archive.studies[0]
    archive.studies.append(replace(one, answer=replace(one.answer, patient_id="P7")))
    with pytest.raises(NoWayOut, match="several patients"):
        region.service().ways_out.origin_of(report.report_id, never)


def test_a_hospital_that_is_away_cannot_be_asked(region: Region) -> None:
    archive, report = held(region)
    archive.away = True
    with pytest.raises(Unreachable):
        region.service().ways_out.origin_of(report.report_id, never)


def test_the_ways_follow_from_the_state_and_the_cause(region: Region) -> None:
    _, report = held(region)
    package = region.journal.outbox.get(report.report_id)
    other = Reason("x", (("documents", "1.2"),), Cause.OTHER_REPORT).to_text()
    assert ways_of(package) == (Way.READ_AGAIN, Way.SEND_AGAIN)
    assert ways_of(replace(package, reason=other)) == (Way.WITHDRAW, Way.SEND_BESIDE, Way.SEND_AGAIN)
    assert ways_of(replace(package, reached=PackageState.STORED)) == (Way.SEND_AGAIN,)
    assert ways_of(replace(package, state=PackageState.RETRY)) == (Way.SEND_AGAIN,)
    assert ways_of(replace(package, state=PackageState.FENCED)) == ()


@pytest.mark.parametrize(
    "reason",
    [
        Reason(""),
        Reason("plain {braces}"),
        Reason("a {b}", (("b", "1 {c} ő"),)),
        Reason("x", (("documents", "1.2"),), Cause.OTHER_REPORT),
    ],
)
def test_a_reason_survives_the_journal(reason: Reason) -> None:
    assert reason_of(reason.to_text()) == reason


@pytest.mark.parametrize("text", ['{"reason":', '{"reason":"x","fields":{},"cause":"of a newer version"}', "{odd}"])
def test_what_is_no_reason_is_shown_as_it_is(text: str) -> None:
    assert reason_of(text).english == text


def test_a_reason_is_said_in_the_language_of_the_window() -> None:
    dutch = {"the archive refused the {kind}: {said}": "het archief weigerde {kind}: {said}"}
    reason = Reason("the archive refused the {kind}: {said}", (("kind", "SR"), ("said", "A900")))
    assert reason.said(lambda text, **fields: dutch[text].format(**fields)) == "het archief weigerde SR: A900"


def test_a_status_says_its_reason_in_plain_english(region: Region) -> None:
    _, report = refused(region, StoreOutcome("", StoreState.HELD, 0xA900, "no match"))
    status = region.service().status_of(report.report_id)
    assert (status.state, status.reason) == (DeliveryState.ATTENTION, "the archive refused the GSPS: no match")
