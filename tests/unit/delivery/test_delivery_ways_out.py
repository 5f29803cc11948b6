"""What a person can do about a held report, and what is refused so that nothing is lost or delivered twice."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pacs.errors import Unreachable
from pacs.port import Cancelled, InstanceAnswer, StoreObject, StoreOutcome, StoreState
from tests.unit.delivery.doubles import MemoryPacs, Region, never, report_of
from worklist_client.commands import held_report
from worklist_client.delivery.errors import NoWayOut
from worklist_client.delivery.reasons import Cause, Reason, reason_of
from worklist_client.delivery.status import DeliveryState
from worklist_client.delivery.steps import SENDING
from worklist_client.delivery.ways_out import Way, ways_of
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import ClaimState, DraftState, ObjectState, PackageState
from worklist_client.report.model import SignedReport

SR_CLASS = "1.2.840.10008.5.1.4.1.1.88.22"
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


OTHER = "1.2.3"


def beaten(region: Region) -> tuple[MemoryPacs, SignedReport]:
    """Held because the hospital holds another report."""
    archive, report = held(region)
    why = Reason("another report ({said})", (("said", "x"), ("documents", OTHER)), Cause.OTHER_REPORT)
    region.journal.outbox.attention(report.report_id, why.to_text(), region.clock())
    archive.objects[OTHER] = StoreObject(SR_CLASS, OTHER, "1.2", report.study_instance_uid, b"")
    return archive, report


def test_a_report_is_withdrawn_only_while_the_other_report_is_at_the_hospital(region: Region) -> None:
    archive, report = beaten(region)
    service = region.service()
    other = archive.objects.pop(OTHER)
    with pytest.raises(NoWayOut, match="not at the hospital any more"):
        service.ways_out.withdraw(report.report_id, (OTHER,), never)
    archive.away = True
    with pytest.raises(NoWayOut, match="does not say now"):
        service.ways_out.withdraw(report.report_id, (OTHER,), never)
    assert region.journal.outbox.get(report.report_id).state is PackageState.ATTENTION
    archive.away, archive.objects[OTHER] = False, other
    assert service.ways_out.withdraw(report.report_id, (OTHER,), never)
    assert region.journal.claims.open_claim(report.workitem_uid).state is ClaimState.CLOSING


@pytest.mark.parametrize("documents", [(), ("1.2.4",), (OTHER, "1.2.4")])
def test_a_report_is_withdrawn_only_for_the_very_reports_that_were_shown(
    region: Region, documents: tuple[str, ...]
) -> None:
    _, report = beaten(region)
    with pytest.raises(NoWayOut, match="changed meanwhile"):
        region.service().ways_out.withdraw(report.report_id, documents, never)


def test_a_report_that_is_held_for_another_cause_does_not_leave_the_list(region: Region) -> None:
    _, report = held(region)
    with pytest.raises(NoWayOut, match="changed meanwhile"):
        region.service().ways_out.withdraw(report.report_id, (), never)
    assert region.journal.outbox.get(report.report_id).state is PackageState.ATTENTION


@pytest.mark.parametrize("state", [PackageState.STORED, PackageState.FENCED])
def test_a_report_that_moved_while_the_hospital_was_asked_is_not_taken_back(
    region: Region, state: PackageState
) -> None:
    """ "Send again" was pressed while the hospital said that it does not hold the report; it is held once more."""
    archive, report = refused(region, StoreOutcome("", StoreState.HELD, 0xA900, "does not match"))
    outbox = region.journal.outbox
    outbox.set_object(report.report_id, ObjectState.WAITING, SENDING, region.clock())
    service = region.service()

    def meanwhile(_item: object) -> None:
        outbox.resume(report.report_id, region.clock())
        if state is PackageState.STORED:
            for item in report.objects:
                outbox.set_object(item.sop_instance_uid, ObjectState.STORED, "accepted", region.clock())
            outbox.advance(report.report_id, PackageState.STORED, region.clock())
        outbox.attention(report.report_id, "the copy differs", region.clock())

    search = archive.search_for_instances

    def answer(study_instance_uid: str, series_instance_uid: str, cancelled: Cancelled) -> list[InstanceAnswer]:
        found = search(study_instance_uid, series_instance_uid, cancelled)
        meanwhile(found)
        return found

    archive.search_for_instances = answer  # type: ignore[method-assign]
    with pytest.raises(NoWayOut, match="something happened to this report meanwhile"):
        service.ways_out.read_again(report.report_id, P9, never)
    assert outbox.get(report.report_id).state is PackageState.ATTENTION
    assert region.journal.drafts.in_state(DraftState.ORPHAN) == []
    assert region.desk.given_up == []


class _Killed(BaseException):
    """The process ends here."""


def test_a_kill_while_the_worklist_is_told_leaves_the_audit_line_and_no_old_image(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, report = held(region)
    forgotten: list[tuple[str, str]] = []
    desk = SimpleNamespace(
        journal=region.journal,
        delivery=region.service(),
        now=region.clock,
        reader=SimpleNamespace(code="1"),
        cache=SimpleNamespace(forget=lambda *key: forgotten.append(key)),
    )

    def killed(_uid: str) -> bool:
        raise _Killed

    monkeypatch.setattr(region.desk, "give_up", killed)
    with pytest.raises(_Killed):
        held_report.read_again(cast(Any, desk), report.report_id, P9, never)
    assert region.journal.outbox.get(report.report_id).state is PackageState.WITHDRAWN
    [line] = region.journal.audit.lines()
    assert (line.event, line.workitem_uid) == ("report.withdrawn", report.workitem_uid)
    assert forgotten == [("north", report.study_instance_uid)]
    assert region.journal.audit.first_broken_line() == 0


def test_drawings_that_left_without_their_report_are_known(region: Region) -> None:
    _, report = held(region)
    service = region.service()
    assert not service.ways_out.leaves_some(report.report_id)
    drawings = report.objects[0].sop_instance_uid
    region.journal.outbox.set_object(drawings, ObjectState.STORED, "accepted", region.clock())
    assert service.ways_out.leaves_some(report.report_id)


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
