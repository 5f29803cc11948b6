"""Queues: one dead hospital delays nobody else, a nudge wakes, stopping is prompt, STAT goes first."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pacs.port import StoreObject, StoreOutcome
from tests.unit.delivery.doubles import Region, never, report_of
from viewer.cancel import CancelToken
from worklist_client.delivery.packing import rows_of
from worklist_client.delivery.service import BACK_OFF_S, DeliveryService
from worklist_client.delivery.status import UNDELIVERED, DeliveryState, DeliveryStatus
from worklist_client.journal import AlreadySigned, PackageState, RowMissing
from worklist_client.worklist.outcomes import FenceKind, FenceResult

DEADLINE_S = 20.0


class Heard:
    """What a service emitted; wait for something in it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.all: list[DeliveryStatus] = []

    def __call__(self, status: DeliveryStatus) -> None:
        with self._changed:
            self.all.append(status)
            self._changed.notify_all()

    def wait_for(self, report_id: str, state: DeliveryState) -> None:
        def came() -> bool:
            return any(one.report_id == report_id and one.state is state for one in self.all)

        with self._changed:
            assert self._changed.wait_for(came, DEADLINE_S), f"{state} did not come: {self.all}"


@contextmanager
def working(service: DeliveryService, heard: Heard, workers: int) -> Iterator[CancelToken]:
    token = CancelToken()
    threads = [threading.Thread(target=service.work, args=(token, heard)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    try:
        yield token
    finally:
        token.cancel()
        for thread in threads:
            thread.join(DEADLINE_S)
        assert not any(thread.is_alive() for thread in threads)


def test_a_hospital_that_hangs_delays_nobody_else(region: Region) -> None:
    hanging, lively = region.add("north"), region.add("south")
    entered, release = threading.Event(), threading.Event()

    def hang(_item: StoreObject) -> StoreOutcome | None:
        entered.set()
        assert release.wait(DEADLINE_S)
        return None

    hanging.on_store = hang
    stuck, held = report_of("north", "S1")
    hanging.studies.append(held)
    region.sign(stuck)
    heard = Heard()
    service = region.service()
    with working(service, heard, workers=2):
        assert entered.wait(DEADLINE_S)
        quick, held = report_of("south", "S2")
        lively.studies.append(held)
        region.sign(quick)
        service.nudge()
        heard.wait_for(quick.report_id, DeliveryState.DONE)
        assert service.status_of(stuck.report_id).state is DeliveryState.FENCED
        release.set()
        heard.wait_for(stuck.report_id, DeliveryState.DONE)
    assert (len(hanging.sent), len(lively.sent)) == (2, 2)


def test_many_workers_carry_each_report_once(region: Region) -> None:
    archives = [region.add(site_id) for site_id in ("north", "south", "west")]
    reports = []
    for number in range(12):
        site_id = ("north", "south", "west")[number % 3]
        report, held = report_of(site_id, f"S{number}")
        archives[number % 3].studies.append(held)
        region.sign(report)
        reports.append(report)
    heard = Heard()
    with working(region.service(), heard, workers=4):
        for report in reports:
            heard.wait_for(report.report_id, DeliveryState.DONE)
    assert [len(archive.sent) for archive in archives] == [8, 8, 8]


def test_what_was_blocked_is_tried_once_more_at_the_next_start(region: Region) -> None:
    archive = region.add("north")
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report)
    region.desk.fences[report.workitem_uid] = FenceResult(report.workitem_uid, FenceKind.BLOCKED, reason="sign in")
    region.service().deliver_due(never)
    assert region.service().status_of(report.report_id).state is DeliveryState.BLOCKED
    region.desk.fences.clear()
    heard = Heard()
    with working(region.service(), heard, workers=2):
        heard.wait_for(report.report_id, DeliveryState.DONE)


def test_stopping_wakes_an_idle_worker(region: Region) -> None:
    heard = Heard()
    with working(region.service(), heard, workers=1) as token:
        assert not token.cancelled()
    assert heard.all == []


def test_a_site_found_away_is_left_alone_but_the_fence_is_passed(region: Region) -> None:
    archive = region.add("north")
    archive.away = True
    first, held = report_of("north", "S1")
    second, other = report_of("north", "S2")
    archive.studies += [held, other]
    region.sign(first)
    service = region.service()
    service.deliver_due(never)
    asked = archive.calls
    region.sign(second)
    service.deliver_due(never)
    assert archive.calls == asked
    status = service.status_of(second.report_id)
    assert (status.state, status.reached) == (DeliveryState.RETRY, DeliveryState.FENCED)
    assert second.workitem_uid in region.desk.fenced


def test_stat_goes_first(region: Region) -> None:
    archive = region.add("north")
    calm, held = report_of("north", "S1")
    urgent, other = report_of("north", "S2")
    archive.studies += [held, other]
    region.sign(calm)
    region.sign(urgent, stat=True)
    region.service().deliver_due(never)
    assert archive.sent[0] == urgent.objects[0].sop_instance_uid


def test_quitting_can_ask_about_what_is_not_delivered(region: Region) -> None:
    region.add("north")
    report, _ = report_of("north", "S1")
    region.sign(report)
    service = region.service()
    (status,) = service.undelivered()
    assert (status.report_id, status.state) == (report.report_id, DeliveryState.SIGNED)
    assert service.status_of_workitem(report.workitem_uid) == status
    assert service.status_of_workitem("1.2.3") is None
    with pytest.raises(RowMissing):
        service.status_of("1.2.3")


def test_signing_twice_changes_nothing_and_other_bytes_are_refused(region: Region) -> None:
    region.add("north")
    report, _ = report_of("north", "S1")
    row = region.sign(report)
    package, objects = rows_of(report, "{}", region.clock(), stat=False)
    assert region.journal.outbox.sign(package, objects, row.draft_uid) == row
    other, _ = report_of("north", "S1", accession="A9")
    package, objects = rows_of(other, "{}", region.clock(), stat=False)
    with pytest.raises(AlreadySigned):
        region.journal.outbox.sign(package, objects, row.draft_uid)


def test_the_window_can_start_before_the_dicom_libraries() -> None:
    code = "import sys, worklist_client.delivery.service; print('pydicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"


def test_the_states_are_those_of_the_journal() -> None:
    assert {state.value for state in DeliveryState} == {state.value for state in PackageState}
    assert DeliveryState.DONE not in UNDELIVERED


@pytest.mark.parametrize("jump_s", [-7200, 7200])
def test_a_wall_clock_that_is_set_neither_delays_nor_hurries_a_report(region: Region, jump_s: float) -> None:
    """Daylight saving, a time server, a dead battery: the pause is as long as it was."""
    archive = region.add("north")
    archive.away = True
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report)
    service = region.service()
    service.deliver_due(never)
    region.clock.jump(jump_s)
    status = service.status_of(report.report_id)
    assert (status.state, status.wait_s) == (DeliveryState.RETRY, BACK_OFF_S[0])
    archive.away = False
    region.clock.forward(BACK_OFF_S[0] - 0.1)
    assert not service.deliver_one(never)
    region.clock.forward(0.1)
    assert service.deliver_one(never)
    assert service.status_of(report.report_id).state is DeliveryState.DONE


def test_after_a_restart_with_the_clock_set_back_two_hours_a_report_is_tried_at_once_then_with_pauses(
    region: Region,
) -> None:
    archive = region.add("north")
    archive.away = True
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report)
    region.service().deliver_due(never)
    region.clock.jump(-7200)
    again = region.service()
    assert again.deliver_one(never)
    assert again.status_of(report.report_id).wait_s == BACK_OFF_S[1]
    assert not again.deliver_one(never)


def test_a_pause_that_is_over_wakes_the_worker_although_the_wall_clock_was_set_back(region: Region) -> None:
    archive = region.add("north")
    archive.away = True
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report)
    heard = Heard()
    service = region.service()
    with working(service, heard, workers=1):
        heard.wait_for(report.report_id, DeliveryState.RETRY)
        archive.away = False
        region.clock.jump(-7200)
        region.clock.forward(BACK_OFF_S[0])
        service.nudge()
        heard.wait_for(report.report_id, DeliveryState.DONE)
