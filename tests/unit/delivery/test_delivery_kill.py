"""Killed between any two steps, each report arrives once: same UID, same bytes, nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.delivery.doubles import Killed, MemoryPacs, Region, never, report_of
from worklist_client.delivery import steps
from worklist_client.delivery.status import DeliveryState
from worklist_client.journal import Journal
from worklist_client.report.model import SignedReport

POINTS = (
    "before SIGNED",
    "after fence",
    "before FENCED",
    "after gate",
    "before store 1",
    "after store 1",
    "before store 2",
    "after store 2",
    "before STORED",
    "after read back 1",
    "after read back 2",
    "before VERIFIED",
    "after complete",
)


def _ready(region: Region) -> tuple[MemoryPacs, SignedReport]:
    archive = region.add("north")
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report)
    return archive, report


def _killed_at(region: Region, point: str, times: int = 1) -> list[str]:
    """Deliver, dying `times` times at the point; the points passed."""
    passed: list[str] = []

    def failpoint(where: str) -> None:
        passed.append(where)
        if where == point and passed.count(where) <= times:
            raise Killed

    for _ in range(times):
        with pytest.raises(Killed):
            region.service(failpoint).deliver_due(never)
    region.service(failpoint).deliver_due(never)
    return passed


def test_these_are_all_the_points_there_are(region: Region) -> None:
    _ready(region)
    assert tuple(_killed_at(region, "", 0)) == POINTS


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_any_point_a_report_arrives_once(region: Region, point: str, times: int) -> None:
    archive, report = _ready(region)
    _killed_at(region, point, times)
    assert region.service().status_of(report.report_id).state is DeliveryState.DONE
    assert archive.sent == [item.sop_instance_uid for item in report.objects]
    assert [archive.objects[item.sop_instance_uid].data for item in report.objects] == [
        item.data for item in report.objects
    ]
    assert list(region.desk.completed) == [report.workitem_uid]


def test_the_journal_file_alone_is_enough_to_carry_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with Journal.open(path) as journal:
        first = Region(journal)
        archive, report = _ready(first)

        def die(where: str) -> None:
            if where == "after store 1":
                raise Killed

        with pytest.raises(Killed):
            first.service(die).deliver_due(never)
    with Journal.open(path) as journal:
        second = Region(journal, archives=first.archives, directory=first.directory)
        second.service().deliver_due(never)
        assert second.service().status_of(report.report_id).state is DeliveryState.DONE
    assert len(archive.sent) == 2


def test_known_bad_without_looking_first_an_object_is_sent_twice(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The test above can fail: take the look at the archive away and it does."""
    archive, report = _ready(region)
    monkeypatch.setattr(steps, "is_held", lambda row, pacs, cancelled: False)

    def die(where: str) -> None:
        if where == "after store 1":
            raise Killed

    with pytest.raises(Killed):
        region.service(die).deliver_due(never)
    region.service().deliver_due(never)
    assert archive.sent.count(report.objects[0].sop_instance_uid) > 1
