"""A signed report goes into a real Orthanc, over C-STORE and over STOW-RS, and reads back equal."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from pacs.connect import open_pacs
from pacs.port import Pacs
from pacs.site import Connection, Site
from tests.peers.fixtures import CALLING_AE
from tests.peers.orthanc import OrthancPeer
from tests.unit.delivery.doubles import Clock, Desk, never
from tests.validators.samples import REAL, SYNTHETIC, Study, draft_of, request_of, study_of, write_study
from worklist_client.delivery.service import DeliveryService
from worklist_client.delivery.status import DeliveryState
from worklist_client.journal import DraftRow, Journal
from worklist_client.report.content_hash import content_hash
from worklist_client.report.model import Draft, SignedReport
from worklist_client.report.signing import render_report


def connection_of(peer: OrthancPeer, kind: str) -> Connection:
    return peer.dicomweb() if kind == "dicomweb" else peer.dimse()


def deliver(
    folder: Path, draft: Draft, report: SignedReport, peer: OrthancPeer, connection: Connection
) -> tuple[DeliveryService, Desk]:
    """One pass of the real service to a real archive."""
    clock, desk = Clock(), Desk()
    site = Site("north", "Noord", "#fff", issuer_of_patient_id="NORTH", connections=(connection,))

    def open_one(found: Connection) -> Pacs:
        return open_pacs(found, calling_ae=CALLING_AE, credentials=peer.credentials)

    with Journal.open(folder / "journal.sqlite") as journal:
        row = DraftRow("draft", draft.workitem_uid, "north", draft.study_instance_uid, "NORTH", "P1", "{}", 1, clock())
        journal.drafts.save(row)
        service = DeliveryService(journal.outbox, desk, lambda: (site,), open_one, clock)
        service.sign(report, draft, "draft", clock())
        service.deliver_due(never)
        status = service.status_of(report.report_id)
    assert (status.state, status.proof) == (DeliveryState.DONE, "read back"), status
    return service, desk


def stored_equal(peer: OrthancPeer, report: SignedReport) -> None:
    for item in report.objects:
        data = peer.file_of(item.sop_instance_uid)
        assert content_hash(data) == item.content_sha256
        ours, theirs = dcmread(BytesIO(item.data)), dcmread(BytesIO(data))
        assert ours == theirs


def signed(study: Study, seed: str) -> tuple[Draft, SignedReport]:
    draft = draft_of(study)
    return draft, render_report(request_of(study, draft, uid_seed=seed))


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
@pytest.mark.parametrize("name", [*SYNTHETIC, "mr_04"])
def test_a_report_arrives_and_reads_back_equal(
    orthanc_a: OrthancPeer, tmp_path: Path, request: pytest.FixtureRequest, kind: str, name: str
) -> None:
    if name in SYNTHETIC:
        study = write_study(tmp_path / "study", SYNTHETIC[name]())
    else:
        folder: Path = request.getfixturevalue("real_data") / REAL[name]
        if not folder.is_dir():
            pytest.skip(f"real data {folder.name} is not here")
        study = study_of(sorted(folder.glob("*.dcm")))
    orthanc_a.load(study.paths)
    try:
        draft, report = signed(study, f"{kind}{name}")
        _, desk = deliver(tmp_path, draft, report, orthanc_a, connection_of(orthanc_a, kind))
        assert desk.completed[draft.workitem_uid] == [item.sop_instance_uid for item in report.objects]
        stored_equal(orthanc_a, report)
        stored = dcmread(BytesIO(orthanc_a.file_of(report.report_id)))
        texts = [
            item.ContentSequence[0].get("TextValue") for item in stored.ContentSequence if "ContentSequence" in item
        ]
        assert any("Tweede regel: ő, ë, ё." in str(text) for text in texts if text)
        assert str(stored.PatientName) == str(study.header.PatientName)
    finally:
        orthanc_a.remove_study(draft.study_instance_uid)


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_orthanc_keeps_the_report_in_the_study_it_is_of(orthanc_a: OrthancPeer, tmp_path: Path, kind: str) -> None:
    study = write_study(tmp_path / "study", SYNTHETIC["ct"]())
    orthanc_a.load(study.paths)
    try:
        draft, report = signed(study, f"place{kind}")
        deliver(tmp_path, draft, report, orthanc_a, connection_of(orthanc_a, kind))
        studies = orthanc_a.get("/studies?expand").json()
        of_study = [one for one in studies if one["MainDicomTags"]["StudyInstanceUID"] == draft.study_instance_uid]
        assert len(of_study) == 1
        assert len(of_study[0]["Series"]) == 3
    finally:
        orthanc_a.remove_study(draft.study_instance_uid)


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_the_wrong_hospital_gets_nothing(
    orthanc_a: OrthancPeer, orthanc_b: OrthancPeer, tmp_path: Path, kind: str
) -> None:
    """The address of the site was mixed up; the other hospital has the same Patient ID for somebody else."""
    study = write_study(tmp_path / "study", SYNTHETIC["ct"]())
    other = SYNTHETIC["cr"]()
    other[0].PatientName = "Iemand^Anders"
    orthanc_b.load(write_study(tmp_path / "other", other).paths)
    draft, report = signed(study, f"wrong{kind}")
    before = orthanc_b.stored_instances()
    with pytest.raises(AssertionError, match="does not hold this study"):
        deliver(tmp_path, draft, report, orthanc_b, connection_of(orthanc_b, kind))
    assert orthanc_b.stored_instances() == before
    orthanc_b.remove_study(str(other[0].StudyInstanceUID))


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_a_study_whose_patient_number_changed_is_held(orthanc_a: OrthancPeer, tmp_path: Path, kind: str) -> None:
    study = write_study(tmp_path / "study", SYNTHETIC["ct"]())
    draft, report = signed(study, f"merged{kind}")
    merged = SYNTHETIC["ct"]()
    for image in merged:
        image.PatientID = "P9"
    orthanc_a.load(write_study(tmp_path / "merged", merged).paths)
    try:
        with pytest.raises(AssertionError, match="patient number"):
            deliver(tmp_path, replace(draft), report, orthanc_a, connection_of(orthanc_a, kind))
        assert report.report_id not in orthanc_a.stored_instances()
    finally:
        orthanc_a.remove_study(draft.study_instance_uid)
