"""Somebody else reported the study while ours was being written: nothing is sent until a person has looked."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from pacs.port import StoreObject
from tests.unit.delivery.doubles import MemoryPacs, Region, never, report_of
from worklist_client.delivery.status import DeliveryState, DeliveryStatus
from worklist_client.report.model import SignedReport

ENHANCED_SR, PDF, DOSE_SR = (f"1.2.840.10008.5.1.4.1.1.{tail}" for tail in ("88.22", "104.1", "88.67"))
OTHER = "1.2.826.9"


def _holds(archive: MemoryPacs, report: SignedReport, sop_class: str = ENHANCED_SR, flag: str = "VERIFIED") -> None:
    """The archive holds somebody else's document in the study."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.StudyInstanceUID = sop_class, OTHER, report.study_instance_uid
    if flag:
        dataset.VerificationFlag = flag
    dataset.file_meta = Dataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID, dataset.file_meta.MediaStorageSOPInstanceUID = sop_class, OTHER
    file = BytesIO()
    dcmwrite(file, dataset, enforce_file_format=True)
    archive.objects[OTHER] = StoreObject(
        sop_class, OTHER, str(ExplicitVRLittleEndian), report.study_instance_uid, file.getvalue()
    )


def _delivered(region: Region) -> DeliveryStatus:
    emitted: list[DeliveryStatus] = []
    region.service().deliver_due(never, emitted.append)
    return emitted[-1]


def _signed(region: Region, known: tuple[str, ...] | None = ()) -> tuple[MemoryPacs, SignedReport]:
    archive = region.add("north")
    report, held = report_of("north", "S1")
    archive.studies.append(held)
    region.sign(report, known_documents=known)
    return archive, report


@pytest.mark.parametrize(("sop_class", "flag"), [(ENHANCED_SR, "VERIFIED"), (ENHANCED_SR, ""), (PDF, "")])
def test_another_report_that_came_meanwhile_needs_attention(region: Region, sop_class: str, flag: str) -> None:
    archive, report = _signed(region)
    _holds(archive, report, sop_class, flag)
    status = _delivered(region)
    assert status.state is DeliveryState.ATTENTION
    assert "another report" in status.reason
    assert archive.sent == []


@pytest.mark.parametrize(("sop_class", "flag"), [(ENHANCED_SR, "UNVERIFIED"), (DOSE_SR, "VERIFIED")])
def test_a_preliminary_one_or_no_report_at_all_delays_nothing(region: Region, sop_class: str, flag: str) -> None:
    archive, report = _signed(region)
    _holds(archive, report, sop_class, flag)
    assert _delivered(region).state is DeliveryState.DONE


@pytest.mark.parametrize("known", [(OTHER,), None])
def test_what_was_there_when_the_study_was_opened_delays_nothing(region: Region, known: tuple[str, ...] | None) -> None:
    archive, report = _signed(region, known)
    _holds(archive, report)
    assert _delivered(region).state is DeliveryState.DONE


def test_our_own_objects_of_an_earlier_try_are_no_other_report(region: Region) -> None:
    archive, report = _signed(region)
    for item in report.objects:
        archive.objects[item.sop_instance_uid] = StoreObject(
            item.sop_class_uid,
            item.sop_instance_uid,
            item.transfer_syntax_uid,
            item.study_instance_uid,
            item.data,
        )
    assert _delivered(region).state is DeliveryState.DONE
    assert archive.sent == []
