"""A hospital corrects a study of which images lie here: what lies here is not shown, and all is fetched once anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pacs.errors import Unreachable
from tests.peers.reading_bench import STUDY, Bench
from tests.peers.reading_doubles import FakeWorker, entry, patient
from viewer.records import InstanceHeader, PatientLabel
from worklist_client.commands.case_images import LoadRequest
from worklist_client.commands.case_state import Standing

SERIES = f"{STUDY}.1"
OLD = PatientLabel("Jánssen^Zoë", "N9", birth_date="19600102")


class KeptCache:
    """A double of the cache in which both images of the study lie, and which remembers what was dropped."""

    def __init__(self) -> None:
        self.here = {f"{SERIES}.1", f"{SERIES}.2"}
        self.dropped: list[str] = []
        self.told: list[str] = []

    def study_folder(self, site_id: str, study: str, told: str = "") -> Path:
        self.told.append(told)
        return Path("/nowhere")

    def present(self, site_id: str, study: str, told: str = "") -> set[str]:
        return self.here if study == STUDY else set()

    def drop(self, paths: tuple[str, ...]) -> None:
        self.dropped.extend(paths)

    def close_study(self, site_id: str, study: str, told: str = "") -> None:
        pass

    def evict(self) -> None:
        pass


class KeepingWorker(FakeWorker):
    """A double that reads other headers from the disk than it fetches from the hospital."""

    kept: tuple[InstanceHeader, ...] = ()

    def call(self, function: Any, argument: Any, cancelled: Callable[[], bool]) -> Any:
        return self.kept


@pytest.fixture
def bench(bench: Bench) -> Bench:
    worker = KeepingWorker(bench.worker.headers)
    bench.worker, bench.cache = worker, KeptCache()  # type: ignore[assignment]
    return bench


def keep(bench: Bench, **changes: Any) -> None:
    """What lies on this computer, from before the correction."""
    bench.worker.kept = tuple(replace(one, **changes) for one in bench.worker.headers)  # type: ignore[attr-defined]


def test_images_kept_from_before_a_correction_of_the_patient_are_fetched_anew(bench: Bench) -> None:
    keep(bench, patient=OLD)
    case = bench.opened()
    assert not case.is_strange
    assert case.editable
    assert {one.patient.patient_id for one in case.images.headers(STUDY)} == {"N1"}
    assert case.images.count(STUDY).complete
    assert bench.viewer.of_kind("missing") == []
    assert len(bench.cache.dropped) == 2  # type: ignore[attr-defined]


def test_images_kept_under_another_accession_are_fetched_anew(bench: Bench) -> None:
    bench.worker.headers = [replace(one, accession_number="A1") for one in bench.worker.headers]
    keep(bench, accession_number="A0")
    case = bench.opened()
    assert {one.accession_number for one in case.images.headers(STUDY)} == {"A1"}


def test_only_what_is_outdated_is_fetched_anew(bench: Bench) -> None:
    keep(bench)
    first, second = bench.worker.kept  # type: ignore[attr-defined]
    bench.worker.kept = (first, replace(second, patient=OLD))  # type: ignore[attr-defined]
    case = bench.opened()
    assert bench.worker.requests[0].already == {first.sop_instance_uid}
    assert case.images.count(STUDY).complete


def test_images_that_name_somebody_else_at_the_hospital_too_are_fetched_once_and_refused(bench: Bench) -> None:
    bench.holds(STUDY, 2, OLD)
    keep(bench, patient=OLD)
    case = bench.opened()
    assert case.is_strange
    assert len(bench.worker.requests) == 1
    assert bench.viewer.of_kind("arrived") == []


def test_outdated_images_are_not_shown_while_the_hospital_is_down(bench: Bench) -> None:
    keep(bench, patient=OLD)
    bench.peers["north"].error = Unreachable("the hospital does not answer")
    case = bench.opened()
    assert bench.viewer.of_kind("arrived") == []
    assert case.images.error(STUDY) == "the hospital does not answer"
    assert case.claim.standing is Standing.MINE


def test_what_is_kept_is_kept_under_what_the_list_says(bench: Bench) -> None:
    keep(bench)
    told = {LoadRequest(bench.sites[0], STUDY, one, lambda: None).told for one in (patient(), patient(name="Other"))}
    assert len(told) == 2
    bench.opened()
    bench.opened(accession_number="A2", workitem_uid="2.25.3")
    assert len(set(bench.cache.told)) == 2  # type: ignore[attr-defined]
    assert entry().accession_number in bench.cache.told[0]  # type: ignore[attr-defined]
