"""Intake from a real Orthanc into a real store, by QIDO-RS and by C-FIND."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedSRStorage, XRayRadiationDoseSRStorage

from pacs.connect import open_pacs
from pacs.reports import Flags, documents_of, read_flags
from pacs.site import Site
from tests.peers.fixtures import CALLING_AE
from tests.peers.orthanc import OrthancPeer
from tests.peers.synthetic import ct_series, ct_slice, uid_of
from ups.codes import REPORT_NOT_FINAL, TWO_PATIENTS, Person
from ups.identifiers import replacement_uid, workitem_uid
from ups.states import ProcedureStepState
from worklist_hub.app import main
from worklist_hub.intake.poll import REPORTED, VANISHED
from worklist_hub.intake.rules import READ_ALL_IMAGES
from worklist_hub.intake.runner import Poller
from worklist_hub.intake.undated import LOOK_AGAIN_POLLS
from worklist_hub.store.feeding import Feed
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.workitem.protocol import Caller, ChangeState

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def never() -> bool:
    return False


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WorkitemStore]:
    made = WorkitemStore(tmp_path / "hub.sqlite")
    yield made
    made.close()


def document(study: str, sop_class: str, number: int, verified: str = "") -> Dataset:
    dataset = ct_slice(study, number, series="77")
    for keyword in ("PixelData", "Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation"):
        delattr(dataset, keyword)
    dataset.SOPClassUID, dataset.Modality = sop_class, "SR"
    if verified:
        dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", verified
    return dataset


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_a_study_comes_is_ready_and_leaves_when_it_is_reported(
    kind: str, orthanc_b: OrthancPeer, store: WorkitemStore
) -> None:
    study = f"intake-{kind}"
    connection = orthanc_b.dicomweb() if kind == "dicomweb" else orthanc_b.dimse()
    site = Site("north", "North", "#cc0000", issuer_of_patient_id="NORTH", connections=(connection,))
    pacs = open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc_b.credentials)
    poller = Poller(site, Feed(store), READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)
    uid = workitem_uid("north", uid_of(study))

    def listed() -> dict[str, str]:
        return {item.uid: item.readiness for item in store.open_workitems("north")}

    orthanc_b.load(ct_series(study, 4))
    orthanc_b.load([ct_slice(f"{study}-prior", 1, changes={"StudyDate": "20240101"})])
    orthanc_b.load([document(study, str(XRayRadiationDoseSRStorage), 900)])
    poller.poll(never)
    assert listed()[uid] == "INCOMPLETE"
    assert workitem_uid("north", uid_of(f"{study}-prior")) not in listed()
    orthanc_b.load([ct_slice(study, 5)])
    poller.poll(never)
    assert listed()[uid] == "INCOMPLETE"
    poller.poll(never)
    assert listed()[uid] == "READY"
    [item] = [item for item in store.open_workitems("north") if item.uid == uid]
    assert (item.patient_name, item.images, item.accession_number) == ("Jánssen^Zoë", 6, "")
    orthanc_b.load([document(study, str(EnhancedSRStorage), 901, "UNVERIFIED")])
    poller.poll(never)
    assert [item.remarks for item in store.open_workitems("north") if item.uid == uid] == [(REPORT_NOT_FINAL,)]
    orthanc_b.load([document(study, str(EnhancedSRStorage), 902, "VERIFIED")])
    poller.poll(never)
    assert uid not in listed()
    stored = store.read(uid)
    assert stored is not None
    assert REPORTED in str(stored)
    orthanc_b.remove_study(uid_of(study))


def test_a_study_that_is_away_for_two_polls_and_comes_again_is_on_the_list_again(
    orthanc_b: OrthancPeer, store: WorkitemStore
) -> None:
    connection = orthanc_b.dicomweb()
    site = Site("north", "North", "#cc0000", connections=(connection,))
    pacs = open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc_b.credentials)
    poller = Poller(site, Feed(store), READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)
    uid = workitem_uid("north", uid_of("intake-away"))
    images = ct_series("intake-away", 2)
    orthanc_b.load(images)
    poller.poll(never)
    orthanc_b.remove_study(uid_of("intake-away"))
    poller.poll(never)
    poller.poll(never)
    gone = store.read(uid)
    assert gone is not None
    assert VANISHED in str(gone)
    orthanc_b.load(images)
    poller.poll(never)
    poller.poll(never)
    [back] = [item for item in store.open_workitems("north") if item.study_instance_uid == uid_of("intake-away")]
    assert (back.uid, back.replaces, back.readiness) == (replacement_uid(uid), uid, "READY")
    orthanc_b.remove_study(uid_of("intake-away"))


@pytest.mark.parametrize("kind", ["dicomweb", "dimse", "fetched"])
def test_what_a_report_says_of_itself_is_read_by_search_or_from_the_object(kind: str, orthanc_b: OrthancPeer) -> None:
    study, series = f"flags-{kind}", uid_of(f"flags-{kind}", "77")
    orthanc_b.load([document(study, str(EnhancedSRStorage), 1, "UNVERIFIED")])
    connection = orthanc_b.dimse() if kind == "dimse" else orthanc_b.dicomweb()
    pacs = open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc_b.credentials)
    [(instance, flags)] = documents_of(pacs, uid_of(study), series, never)
    if kind == "fetched":
        flags = read_flags(pacs, uid_of(study), instance, never)
    assert flags == Flags("COMPLETE", "UNVERIFIED")
    orthanc_b.remove_study(uid_of(study))


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_images_of_two_patients_under_one_study_uid_are_said(
    kind: str, orthanc_b: OrthancPeer, store: WorkitemStore
) -> None:
    study = f"intake-two-{kind}"
    connection = orthanc_b.dicomweb() if kind == "dicomweb" else orthanc_b.dimse()
    pacs = open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc_b.credentials)
    site = Site("north", "North", "#cc0000", connections=(connection,))
    poller = Poller(site, Feed(store), READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)
    orthanc_b.load(ct_series(study, 2))
    poller.poll(never)
    orthanc_b.load([ct_slice(study, 9, series="2", changes={"PatientID": "P2", "PatientName": "Bakker^Piet"})])
    poller.poll(never)
    [item] = [item for item in store.open_workitems("north") if item.study_instance_uid == uid_of(study)]
    assert (item.remarks, item.patient_id, item.images) == ((TWO_PATIENTS,), "P1", 3)
    orthanc_b.remove_study(uid_of(study))


def test_a_dry_run_asks_a_real_archive_and_changes_nothing(
    orthanc_b: OrthancPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    orthanc_b.load(ct_series("intake-dry", 2))
    monkeypatch.setenv("WORKLIST_SECRET_B_WEB", f"{orthanc_b.user}:{orthanc_b.password}")
    (tmp_path / "hub.toml").write_text(
        "[[site]]\nsite_id = 'east'\nname = 'East'\ncolor = '#000000'\n"
        f"connections = [{{ kind = 'dicomweb', connection_id = 'B-web', base_url = '{orthanc_b.base_url}' }}]\n"
        "[[rule]]\nmodality = 'CT'\nexpertise = 'GENERAL'\n",
        encoding="utf-8",
    )
    new = "[[rule]]\ndescription = 'hersenen'\nsetting = 'STROKE'\nexpertise = 'NEURO'\n"
    (tmp_path / "new.toml").write_text(new, encoding="utf-8")
    asked = ["--config", str(tmp_path / "hub.toml"), "--rules", str(tmp_path / "new.toml"), "--hours", "100000"]
    assert main(["intake", "dry-run", *asked]) == 0
    said = capsys.readouterr().out
    [line] = [line for line in said.splitlines() if uid_of("intake-dry") in line]
    assert line.startswith("east  2026-11-21 03:15  CT")
    assert "GENERAL, MEDIUM" in line
    assert "NEURO, HIGH, STROKE" in line
    assert "Jánssen" not in said
    assert not (tmp_path / "worklist.sqlite").exists()
    orthanc_b.remove_study(uid_of("intake-dry"))


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_images_that_arrive_while_somebody_reads_the_study_are_counted(
    kind: str, orthanc_b: OrthancPeer, store: WorkitemStore
) -> None:
    study = f"intake-late-{kind}"
    connection = orthanc_b.dicomweb() if kind == "dicomweb" else orthanc_b.dimse()
    pacs = open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc_b.credentials)
    site = Site("north", "North", "#cc0000", connections=(connection,))
    poller = Poller(site, Feed(store), READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)
    uid = workitem_uid("north", uid_of(study))
    orthanc_b.load(ct_series(study, 2))
    poller.poll(never)
    store.carry_out(uid, ChangeState(ProcedureStepState.IN_PROGRESS, "1.2.3"), Caller(Person("1", "Ann^A")))
    orthanc_b.load(ct_series(study, 5))
    for expected in ("INCOMPLETE", "READY"):
        poller.poll(never)
        [item] = [item for item in store.open_workitems("north") if item.uid == uid]
        assert (item.state, item.images, item.readiness) == (ProcedureStepState.IN_PROGRESS, 5, expected)
    orthanc_b.remove_study(uid_of(study))


@pytest.mark.parametrize("kind", ["dicomweb", "dimse"])
def test_a_study_without_a_date_comes_on_the_list_when_it_arrives(
    kind: str, orthanc_b: OrthancPeer, store: WorkitemStore
) -> None:
    """No range of dates finds it: nobody was ever told of it."""
    connection = orthanc_b.dicomweb() if kind == "dicomweb" else orthanc_b.dimse()
    pacs = open_pacs(connection, calling_ae=CALLING_AE, credentials=orthanc_b.credentials)
    site = Site("north", "North", "#cc0000", connections=(connection,))
    poller = Poller(site, Feed(store), READ_ALL_IMAGES, lambda _site: pacs, lambda: NOW)
    poller.poll(never)
    study = f"intake-undated-{kind}"
    orthanc_b.load([ct_slice(study, number, changes={"StudyDate": "", "StudyTime": ""}) for number in (1, 2)])
    for _poll in range(LOOK_AGAIN_POLLS + 1):
        poller.poll(never)
    [item] = [item for item in store.open_workitems("north") if item.study_instance_uid == uid_of(study)]
    assert (item.images, item.readiness, item.study_date) == (2, "READY", "")
    orthanc_b.remove_study(uid_of(study))
