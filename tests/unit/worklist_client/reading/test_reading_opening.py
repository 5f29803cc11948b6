"""Loading a study: the gate first, one image ahead, gaps named, nothing complete that is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pacs.errors import Interrupted, TimedOut, Unreachable
from pacs.port import InstanceAnswer, SeriesAnswer
from pacs.site import DimseConnection, Site
from tests.peers.reading_doubles import NORTH, FakePacs, FakeViewer, FakeWorker, header, never
from worklist_client.reading.errors import NotPermitted, OpeningFailed
from worklist_client.reading.opening import OpenRequest, StudyLoad

STUDY = "1.2.1"


def peer(counts: dict[str, int | None]) -> FakePacs:
    def instances(uid: str, count: int) -> list[InstanceAnswer]:
        return [InstanceAnswer(f"{uid}.{k}", series_instance_uid=uid, instance_number=k) for k in range(1, count + 1)]

    return FakePacs(
        series=[SeriesAnswer(uid, "CT", number_of_instances=count) for uid, count in counts.items()],
        instances={uid: instances(uid, count or 3) for uid, count in counts.items()},
    )


def loaded(
    pacs: FakePacs,
    worker: FakeWorker,
    *,
    cached: frozenset[str] = frozenset(),
    gate: Callable[[], None] = lambda: None,
    site: Site = NORTH,
) -> tuple[StudyLoad, FakeViewer]:
    viewer = FakeViewer()
    request = OpenRequest(site, STUDY, lambda: ("/nowhere", cached), gate, lambda _connection: pacs)
    return StudyLoad(request, viewer), viewer


def run(load: StudyLoad, worker: FakeWorker) -> Any:
    load.ask(worker, never)
    load.fetch(worker, never)
    return load.settle(never)


def images(series: str, count: int) -> list[Any]:
    return [header(STUDY, series, number) for number in range(1, count + 1)]


def test_the_largest_series_comes_first_without_a_search_for_its_instances() -> None:
    pacs = peer({"1": 3, "2": 9})
    pacs.instances.clear()
    worker = FakeWorker([*images("1", 3), *images("2", 9)])
    load, viewer = loaded(pacs, worker)
    count = run(load, worker)
    assert viewer.of_kind("arrived")[0] == ("arrived", STUDY, "2.1")
    assert count.complete
    assert {entry[2] for entry in viewer.of_kind("complete")} == {"1", "2"}
    assert ("expect", STUDY, "2", 9) in viewer.log


def test_with_several_associations_the_series_is_split_and_its_middle_comes_first() -> None:
    connection = DimseConnection("north", "127.0.0.1", 1, "DOUBLE", associations=2)
    worker = FakeWorker(images("2", 9))
    load, viewer = loaded(peer({"2": 9}), worker, site=replace(NORTH, connections=(connection,)))
    assert run(load, worker).complete
    assert len(worker.requests) == 2
    assert viewer.of_kind("arrived")[0] == ("arrived", STUDY, "2.5") or ("2.5",) in [r.first for r in worker.requests]
    asked = [uid for request in worker.requests for uid in request.sop_instance_uids]
    assert sorted(asked) == sorted(f"2.{number}" for number in range(1, 10))


def test_what_did_not_come_is_named_and_the_series_is_not_complete() -> None:
    worker = FakeWorker(images("1", 4), lost=frozenset({"1.2"}))
    load, viewer = loaded(peer({"1": 4}), worker)
    count = run(load, worker)
    assert not count.complete
    assert [entry[3] for entry in viewer.of_kind("missing")] == ["1.2"]
    assert viewer.of_kind("complete") == []


def test_resuming_fetches_only_the_rest() -> None:
    worker = FakeWorker(images("1", 4), lost=frozenset({"1.2"}))
    load, viewer = loaded(peer({"1": 4}), worker)
    run(load, worker)
    worker.lost = frozenset()
    worker.requests.clear()
    assert run(load, worker).complete
    assert worker.requests[0].already == {"1.1", "1.3", "1.4"}
    assert [entry[2] for entry in viewer.of_kind("arrived")].count("1.1") == 1


def test_a_broken_link_is_tried_again_at_once_and_what_came_is_kept() -> None:
    worker = FakeWorker(images("1", 2), errors=[TimedOut("no answer in time")])
    load, _viewer = loaded(peer({"1": 2}), worker)
    assert run(load, worker).complete
    assert len(worker.requests) == 2


def test_a_link_that_stays_broken_says_why() -> None:
    worker = FakeWorker(images("1", 2), errors=[TimedOut("no answer in time")] * 5)
    load, viewer = loaded(peer({"1": 2}), worker)
    assert not run(load, worker).complete
    assert {entry[4] for entry in viewer.of_kind("missing")} == {"no answer in time"}


def test_nothing_is_shown_or_asked_before_the_gate() -> None:
    def closed() -> None:
        raise NotPermitted("Hospital West", "deny")

    worker = FakeWorker(images("1", 2))
    load, viewer = loaded(peer({"1": 2}), worker, gate=closed)
    with pytest.raises(NotPermitted):
        load.ask(worker, never)
    assert (viewer.log, worker.requests) == ([], [])


def test_a_hospital_that_is_down_with_nothing_cached_is_an_error() -> None:
    worker = FakeWorker()
    load, _viewer = loaded(FakePacs(error=Unreachable("nobody listens")), worker)
    with pytest.raises(OpeningFailed, match="nobody listens"):
        load.ask(worker, never)


def test_cached_images_are_shown_while_the_hospital_is_down_and_never_called_complete() -> None:
    worker = FakeWorker(images("1", 2))
    load, viewer = loaded(FakePacs(error=Unreachable("nobody listens")), worker, cached=frozenset({"1.1", "1.2"}))
    count = run(load, worker)
    assert [entry[2] for entry in viewer.of_kind("arrived")] == ["1.1", "1.2"]
    assert count.failed == "nobody listens"
    assert viewer.of_kind("complete") == []
    assert viewer.of_kind("missing")[0][3:] == ("", "nobody listens")


def test_an_object_of_another_study_is_never_shown() -> None:
    stray = header("9.9.9", "1", 1, sop_instance_uid="1.1")
    worker = FakeWorker([stray, header(STUDY, "1", 2)])
    load, viewer = loaded(peer({"1": 2}), worker)
    run(load, worker)
    assert [entry[2] for entry in viewer.of_kind("arrived")] == ["1.2"]
    assert all(item.study_instance_uid == STUDY for item in load.headers)


def test_a_file_that_cannot_be_read_is_missing_with_its_own_reason() -> None:
    broken = header("", "", 2, sop_instance_uid="", rows=0, columns=0, failure="not a DICOM file")
    worker = FakeWorker([header(STUDY, "1", 1), broken])
    worker.headers[1] = replace(broken, series_instance_uid="1")
    load, viewer = loaded(peer({"1": 2}), worker)
    assert not run(load, worker).complete
    assert viewer.of_kind("missing") == [("missing", STUDY, "1", "1.2", "not a DICOM file")]


def test_reports_are_not_expected_as_images_and_objects_without_pixels_lower_the_number() -> None:
    pacs = peer({"1": 2})
    pacs.series.append(SeriesAnswer("8", "SR", 9, number_of_instances=1))
    worker = FakeWorker([header(STUDY, "1", 1), header(STUDY, "1", 2, rows=0, columns=0)])
    load, viewer = loaded(pacs, worker)
    assert run(load, worker).complete
    assert viewer.of_kind("expect") == [("expect", STUDY, "1", 2), ("expect", STUDY, "1", 1)]


def test_a_series_without_a_promised_number_is_counted_before_it_is_complete() -> None:
    worker = FakeWorker(images("1", 3))
    load, viewer = loaded(peer({"1": None}), worker)
    assert run(load, worker).complete
    assert viewer.of_kind("complete") == [("complete", STUDY, "1")]


def test_cancelling_reaches_the_caller() -> None:
    worker = FakeWorker(images("1", 2), errors=[Interrupted("cancelled")])
    load, _viewer = loaded(peer({"1": 2}), worker)
    load.ask(worker, never)
    with pytest.raises(Interrupted):
        load.fetch(worker, never)


def test_a_series_is_complete_when_its_promised_number_has_come_and_that_is_told_once() -> None:
    worker = FakeWorker(images("1", 3))
    load, viewer = loaded(peer({"1": 3}), worker)
    load.ask(worker, never)
    load.fetch(worker, never)
    assert viewer.of_kind("complete") == [("complete", STUDY, "1")]
    assert worker.requests[0].to_come == 3
    load.settle(never)
    assert viewer.of_kind("complete") == [("complete", STUDY, "1")]


def test_resuming_counts_only_on_what_is_still_to_come() -> None:
    worker = FakeWorker(images("1", 4))
    load, _viewer = loaded(peer({"1": 4}), worker, cached=frozenset({"1.1"}))
    load.ask(worker, never)
    load.fetch(worker, never)
    assert worker.requests[0].to_come == 3
