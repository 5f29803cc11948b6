"""What becomes of a report: the way home, and every way it can be held up."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from pacs.errors import AssociationRejected, NotAuthorised, PacsError
from pacs.port import StoreObject, StoreOutcome, StoreState
from tests.unit.delivery.doubles import HeldStudy, MemoryPacs, Region, never, report_of
from worklist_client.delivery.service import BACK_OFF_S
from worklist_client.delivery.status import DeliveryState, DeliveryStatus
from worklist_client.journal import DraftState
from worklist_client.report.model import SignedReport
from worklist_client.worklist.outcomes import CompleteKind, CompleteResult, FenceKind, FenceResult

Ready = tuple[Region, MemoryPacs, SignedReport]


@pytest.fixture
def ready(region: Region) -> Ready:
    """One signed report at one hospital."""
    archive = region.add("north")
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report)
    return region, archive, report


def run(region: Region) -> list[DeliveryStatus]:
    emitted: list[DeliveryStatus] = []
    region.service().deliver_due(never, emitted.append)
    return emitted


def test_a_report_goes_home_step_by_step(ready: Ready) -> None:
    region, archive, report = ready
    states = [(status.state.value, status.proof) for status in run(region)]
    assert states == [
        ("FENCED", ""),
        ("STORED", "accepted"),
        ("VERIFIED", "read back"),
        ("DONE", "read back"),
    ]
    assert archive.sent == [item.sop_instance_uid for item in report.objects]
    assert {uid: item.data for uid, item in archive.objects.items()} == {
        item.sop_instance_uid: item.data for item in report.objects
    }
    assert region.desk.completed == {report.workitem_uid: archive.sent}
    assert region.service().undelivered() == ()


def test_nothing_leaves_before_the_fence(ready: Ready) -> None:
    region, archive, report = ready
    region.desk.fences[report.workitem_uid] = FenceResult(report.workitem_uid, FenceKind.AWAY, reason="no answer")
    (status,) = run(region)
    assert (status.state, status.reached) == (DeliveryState.RETRY, DeliveryState.SIGNED)
    assert "hub is away" in status.reason
    assert archive.calls == 0
    assert archive.sent == []


def test_a_refused_fence_sends_nothing_and_keeps_the_text_as_an_orphan(ready: Ready) -> None:
    region, archive, report = ready
    refused = FenceResult(report.workitem_uid, FenceKind.REFUSED, holder="Bakker^Jan", reason="taken over")
    region.desk.fences[report.workitem_uid] = refused
    (status,) = run(region)
    assert status.state is DeliveryState.WITHDRAWN
    assert "Bakker^Jan" in status.reason
    assert (archive.calls, archive.sent) == (0, [])
    (draft,) = region.journal.drafts.in_state(DraftState.ORPHAN)
    assert "taken over" in draft.reason
    assert region.service().undelivered() == ()


def test_a_site_that_is_down_is_tried_again_with_growing_pauses(ready: Ready) -> None:
    region, archive, report = ready
    archive.away = True
    service = region.service()
    for pause in (*BACK_OFF_S, BACK_OFF_S[-1]):
        service.deliver_due(never)
        status = service.status_of(report.report_id)
        assert status.state is DeliveryState.RETRY
        assert status.next_attempt_at == region.clock() + timedelta(seconds=pause)
        assert not service.deliver_one(never)
        region.clock.forward(pause)
    archive.away = False
    service.deliver_due(never)
    assert service.status_of(report.report_id).state is DeliveryState.DONE
    assert len(archive.sent) == 2


def test_an_unsaid_answer_is_looked_up_before_anything_is_sent_again(ready: Ready) -> None:
    region, archive, report = ready

    def kept_but_silent(item: StoreObject) -> StoreOutcome:
        archive.objects[item.sop_instance_uid] = item
        return StoreOutcome(item.sop_instance_uid, StoreState.UNKNOWN, None, "timeout after data")

    archive.on_store = kept_but_silent
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE
    assert len(archive.sent) == len(report.objects)


def test_an_unsaid_answer_with_nothing_there_is_sent_again_later(ready: Ready) -> None:
    region, archive, report = ready
    archive.on_store = lambda item: StoreOutcome(item.sop_instance_uid, StoreState.UNKNOWN, None, "aborted")
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.RETRY
    archive.on_store = None
    region.clock.forward(10)
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (StoreState.RETRY, DeliveryState.RETRY),
        (StoreState.BLOCKED, DeliveryState.BLOCKED),
        (StoreState.HELD, DeliveryState.ATTENTION),
        (StoreState.NOT_SUPPORTED, DeliveryState.ATTENTION),
    ],
)
def test_every_answer_of_the_archive_has_its_way_on(ready: Ready, state: StoreState, expected: DeliveryState) -> None:
    region, archive, report = ready
    archive.on_store = lambda item: StoreOutcome(item.sop_instance_uid, state, 0xA900, "no")
    run(region)
    status = region.service().status_of(report.report_id)
    assert (status.state, status.reached) == (expected, DeliveryState.FENCED)
    assert archive.sent == [report.objects[0].sop_instance_uid], "the report must not leave before what it refers to"
    archive.on_store = None
    region.service().try_again(report.report_id)
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NotAuthorised("403"), DeliveryState.BLOCKED),
        (AssociationRejected("called AE title", status=0x010107), DeliveryState.BLOCKED),
        (AssociationRejected("busy", status=0x020302), DeliveryState.RETRY),
        (PacsError("odd"), DeliveryState.RETRY),
    ],
)
def test_an_archive_that_cannot_be_asked(
    ready: Ready, monkeypatch: pytest.MonkeyPatch, error: PacsError, expected: DeliveryState
) -> None:
    region, archive, report = ready

    def refuse() -> None:
        raise error

    monkeypatch.setattr(archive, "_ask", refuse)
    run(region)
    assert region.service().status_of(report.report_id).state is expected
    assert archive.sent == []


def test_success_without_storing_is_noticed_and_does_not_go_on_for_ever(ready: Ready) -> None:
    """Servers answer 0000 for objects that a filter discards (report.md 9.1)."""
    region, archive, report = ready
    archive.on_store = lambda item: StoreOutcome(item.sop_instance_uid, StoreState.STORED, 0)
    service = region.service()
    for _ in range(10):
        service.deliver_due(never)
        region.clock.forward(400)
    status = service.status_of(report.report_id)
    assert status.state is DeliveryState.ATTENTION
    assert "does not hold it" in status.reason
    assert region.desk.completed == {}


def test_other_content_under_our_uid_is_never_taken_for_delivered(ready: Ready) -> None:
    region, archive, report = ready
    archive.coerce = lambda dataset: setattr(dataset, "PatientName", "Other^Name")
    run(region)
    status = region.service().status_of(report.report_id)
    assert status.state is DeliveryState.ATTENTION
    assert "PatientName" in status.reason
    assert "Other^Name" not in status.reason
    assert region.desk.completed == {}


def test_tolerated_coercions_are_data_of_the_site(ready: Ready) -> None:
    region, archive, report = ready
    archive.coerce = lambda dataset: setattr(dataset, "PatientName", "JANSSEN^ZOE")
    region.directory[0] = replace(region.directory[0], extra={"tolerated_tags": ["PatientName"]})
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE


@pytest.mark.parametrize("keyword", ["ContentSequence", "StudyInstanceUID", "PatientID", "NoSuchKeyword"])
def test_what_makes_the_report_may_never_be_tolerated(ready: Ready, keyword: str) -> None:
    region, archive, report = ready
    region.directory[0] = replace(region.directory[0], extra={"tolerated_tags": [keyword]})
    run(region)
    status = region.service().status_of(report.report_id)
    assert status.state is DeliveryState.ATTENTION
    assert keyword in status.reason
    assert archive.sent == []


def test_a_site_that_allows_no_retrieval_gives_a_weaker_proof_and_says_so(ready: Ready) -> None:
    region, _archive, report = ready
    region.directory[0] = replace(region.directory[0], extra={"verify": "find"})
    run(region)
    status = region.service().status_of(report.report_id)
    assert (status.state, status.proof) == (DeliveryState.DONE, "found in archive")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (CompleteKind.AWAY, DeliveryState.RETRY),
        (CompleteKind.BLOCKED, DeliveryState.BLOCKED),
        (CompleteKind.REFUSED, DeliveryState.ATTENTION),
    ],
)
def test_a_delivered_report_whose_study_cannot_be_completed_is_not_sent_again(
    ready: Ready, kind: CompleteKind, expected: DeliveryState
) -> None:
    region, archive, report = ready
    region.desk.completes[report.workitem_uid] = CompleteResult(report.workitem_uid, kind, "because")
    run(region)
    status = region.service().status_of(report.report_id)
    assert (status.state, status.reached) == (expected, DeliveryState.VERIFIED)
    del region.desk.completes[report.workitem_uid]
    region.service().try_again()
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE
    assert len(archive.sent) == len(report.objects)


def test_an_unknown_site_waits_and_a_shared_archive_is_no_destination(ready: Ready) -> None:
    region, archive, report = ready
    (site,) = region.directory
    region.directory.clear()
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.RETRY
    shared = replace(site.connections[0], shared=True)
    region.directory.append(replace(site, connections=(shared,)))
    region.clock.forward(10)
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.ATTENTION
    assert (archive.sent, region.opened) == ([], [])


def test_a_fault_inside_the_program_stops_one_report_only(ready: Ready, monkeypatch: pytest.MonkeyPatch) -> None:
    region, archive, report = ready
    other, held = report_of("south", "S2")
    region.add("south").studies.append(held)
    region.sign(other)

    def broken(item: StoreObject) -> StoreOutcome:
        raise ZeroDivisionError

    archive.on_store = broken
    run(region)
    service = region.service()
    assert service.status_of(report.report_id).state is DeliveryState.ATTENTION
    assert service.status_of(other.report_id).state is DeliveryState.DONE


def test_a_late_report_is_overdue(ready: Ready) -> None:
    region, archive, _report = ready
    archive.away = True
    run(region)
    assert not region.service().undelivered()[0].overdue
    region.clock.forward(16 * 60)
    assert region.service().undelivered()[0].overdue


def test_stopping_in_the_middle_changes_nothing(ready: Ready) -> None:
    region, archive, report = ready
    asked: list[int] = []

    def soon() -> bool:
        asked.append(1)
        return len(asked) > 4

    region.service().deliver_one(soon)
    status = region.service().status_of(report.report_id)
    assert status.state in (DeliveryState.SIGNED, DeliveryState.FENCED, DeliveryState.STORED)
    assert status.attempts == 0
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE
    assert len(archive.sent) == 2


def test_an_object_of_the_archive_that_is_not_ours_is_compared_too(ready: Ready) -> None:
    """A duplicate UID (0111): found in the archive, but its content decides."""
    region, archive, report = ready
    first = report.objects[0]
    archive.objects[first.sop_instance_uid] = StoreObject(
        first.sop_class_uid, first.sop_instance_uid, "", first.study_instance_uid, report.objects[1].data
    )
    run(region)
    assert region.service().status_of(report.report_id).state is DeliveryState.ATTENTION
    assert first.sop_instance_uid not in archive.sent


def test_the_gate_asks_again_at_every_attempt(ready: Ready) -> None:
    region, archive, report = ready
    archive.on_store = lambda item: StoreOutcome(item.sop_instance_uid, StoreState.RETRY, 0xA700, "full")
    run(region)
    merged = replace(archive.studies[0].answer, patient_id="P9")
    archive.studies[0] = HeldStudy(merged, archive.studies[0].images)
    archive.on_store = None
    region.clock.forward(10)
    run(region)
    status = region.service().status_of(report.report_id)
    assert status.state is DeliveryState.ATTENTION
    assert "patient number" in status.reason
    assert archive.objects == {}
