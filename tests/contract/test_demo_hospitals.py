"""The demo's hospitals through the product's own adapters: search, retrieve, store, by both doors."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import config, dcmread
from pydicom.dataset import Dataset

from pacs.connect import open_pacs
from pacs.port import Pacs, Received, RetrieveRequest, StoreObject, StoreState, StudyQuery
from pacs.site import DicomwebConnection, DimseConnection
from worklist_client.demo import web_hospital
from worklist_client.demo.hospitals import start_hospital
from worklist_client.demo.make import orders
from worklist_client.demo.objects import instances
from worklist_client.demo.surroundings import free_port

NOW = datetime(2026, 11, 21, 22, 0)
AE = "WORKLIST"


def never() -> bool:
    """Nobody cancels."""
    return False


@pytest.fixture(scope="module")
def datasets() -> list[Dataset]:
    """One MR study."""
    return list(instances(next(order for order in orders(NOW) if order.study.kind == "mr_brain")))


@pytest.fixture(params=["C-GET", "C-MOVE", "DICOMweb"])
def hospital(request: pytest.FixtureRequest, tmp_path: Path, datasets: list[Dataset]) -> Iterator[Pacs]:
    """A hospital process with one study, and the adapter to it."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for dataset in datasets:
        dataset.save_as(folder / f"{dataset.InstanceNumber}.dcm", enforce_file_format=True)
    with ExitStack() as stack:
        if request.param == "DICOMweb":
            web = start_hospital(stack, "west", "dicomweb", folder, "WEST")
            yield open_pacs(DicomwebConnection("web", f"http://127.0.0.1:{web.port}"), calling_ae=AE)
            return
        port = free_port()
        running = start_hospital(stack, "north", "dimse", folder, "NORTH", f"{AE}={port}")
        connection = DimseConnection(
            "dimse", "127.0.0.1", running.port, "NORTH", retrieve=request.param, move_destination_port=port
        )
        yield open_pacs(connection, calling_ae=AE)


def test_a_patient_is_found_by_name_with_counts(hospital: Pacs, datasets: list[Dataset]) -> None:
    hospital.echo(never)
    family = str(datasets[0].PatientName).split("^")[0]
    answers = hospital.search_for_studies(StudyQuery(patient_name=f"{family}*"), never)
    assert [(a.patient_id, a.number_of_instances, a.modalities) for a in answers] == [
        (datasets[0].PatientID, len(datasets), ("MR",))
    ]
    assert hospital.search_for_studies(StudyQuery(patient_name="Nobody*"), never) == []


def test_a_study_comes_over_whole_and_unchanged(hospital: Pacs, datasets: list[Dataset], tmp_path: Path) -> None:
    came: list[Received] = []
    target = tmp_path / "cache"
    target.mkdir()
    request = RetrieveRequest(str(datasets[0].StudyInstanceUID), str(target))
    result = hospital.retrieve(request, came.append, never)
    assert (result.received, result.missing) == (len(datasets), ())
    sent = {str(dataset.SOPInstanceUID): dataset.PixelData for dataset in datasets}
    assert {item.sop_instance_uid: dcmread(item.path).PixelData for item in came} == sent


def test_a_report_is_stored_and_found_again(hospital: Pacs, datasets: list[Dataset]) -> None:
    report = Dataset()
    for key in ("PatientName", "PatientID", "StudyInstanceUID", "SpecificCharacterSet", "AccessionNumber"):
        report[key] = datasets[0][key]
    report.SOPClassUID, report.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.88.22", "2.25.77"
    report.SeriesInstanceUID, report.Modality = "2.25.78", "SR"
    report.file_meta = deepcopy(datasets[0].file_meta)
    report.file_meta.MediaStorageSOPClassUID = report.SOPClassUID
    report.file_meta.MediaStorageSOPInstanceUID = report.SOPInstanceUID
    buffer = BytesIO()
    report.save_as(buffer, enforce_file_format=True)
    item = StoreObject(
        report.SOPClassUID,
        report.SOPInstanceUID,
        "1.2.840.10008.1.2.1",
        str(report.StudyInstanceUID),
        buffer.getvalue(),
    )
    outcomes = hospital.store([item], never)
    assert [outcome.state for outcome in outcomes] == [StoreState.STORED]
    found = hospital.search_for_instances(str(report.StudyInstanceUID), "2.25.78", never)
    assert [answer.sop_instance_uid for answer in found] == ["2.25.77"]


def test_answers_to_many_at_once_leave_the_settings_of_pydicom_alone() -> None:
    """They left strict reading on for the whole process, when two threads made JSON at the same time."""
    dataset = Dataset()
    for number in range(60):
        dataset.add_new((0x0009, 0x1000 + number), "LO", "x" * number)
    before = config.settings.reading_validation_mode
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(web_hospital._json, [dataset] * 400))
    assert config.settings.reading_validation_mode == before
