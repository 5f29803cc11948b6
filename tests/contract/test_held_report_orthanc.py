"""The ways out for a held report, end to end: a real hub, a real Orthanc, a real journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import requests
from pydicom import Dataset

from pacs.connect import open_pacs
from pacs.port import Pacs
from pacs.site import Connection, Site
from tests.peers.fixtures import CALLING_AE
from tests.peers.hub import ANN, client_of, running_hub
from tests.peers.orthanc import OrthancPeer
from tests.peers.reading_doubles import NowRunner
from tests.unit.delivery.doubles import Clock, never
from tests.validators.samples import SYNTHETIC, Study, draft_of, request_of, write_study
from ups.claiming import ClaimKind
from ups.client import UpsClient
from ups.codes import NOT_CHECKED
from ups.errors import NotFound
from ups.identifiers import random_uid, replacement_uid, workitem_uid
from ups.states import ProcedureStepState
from worklist_client.commands.case_documents import READ_IT, CaseDocuments
from worklist_client.commands.case_draft import DraftKeeper
from worklist_client.delivery.errors import NoWayOut
from worklist_client.delivery.reasons import Cause, reason_of
from worklist_client.delivery.service import DeliveryService
from worklist_client.delivery.status import DeliveryState
from worklist_client.delivery.ways_out import Way, ways_of
from worklist_client.identity.patient import PatientKey
from worklist_client.journal import DraftRow, DraftState, Journal, PackageState
from worklist_client.report.draft_json import draft_to_json
from worklist_client.report.model import Draft, SignedReport
from worklist_client.report.signing import render_report
from worklist_client.worklist.claim import ClaimDesk
from worklist_client.worklist.rows import entry_from_workitem
from worklist_hub.intake.rules import READ_ALL_IMAGES
from worklist_hub.intake.runner import Poller

NOW = datetime(2026, 2, 28, 23, 30, tzinfo=UTC)


@dataclass
class Night:
    """One hospital, one hub, one desk."""

    peer: OrthancPeer
    folder: Path
    journal: Journal
    client: UpsClient
    desk: ClaimDesk
    service: DeliveryService
    poll: Callable[[], None]
    site: Site
    of_others: frozenset[str] = frozenset()
    """Reports that the shared archive held before this test."""

    def claim(self, uid: str, study: str) -> None:
        assert self.desk.claim(uid, site_id="north", study_instance_uid=study).kind is ClaimKind.WON

    def keeper(self, uid: str) -> DraftKeeper:
        """The draft as a reading window opens it."""
        entry = entry_from_workitem(self.client.retrieve(uid), me=ANN.code, sites={"north": self.site})
        desk = SimpleNamespace(journal=self.journal, new_uid=random_uid, now=Clock(), tr=SimpleNamespace(language="nl"))
        desk.settings = SimpleNamespace(get=lambda _setting: "interface")
        return DraftKeeper(cast(Any, desk), entry, lambda _reason: None)

    def documents(self, uid: str) -> CaseDocuments:
        """What the hospital holds in words, as a reading window that opens a claimed study asks for it."""
        entry = entry_from_workitem(self.client.retrieve(uid), me=ANN.code, sites={"north": self.site})
        desk = SimpleNamespace(journal=self.journal, runner=NowRunner(), calling_ae=CALLING_AE)
        desk.credentials = lambda _connection_id: self.peer.credentials
        documents = CaseDocuments(cast(Any, desk), entry, lambda: None)
        documents.ask(self.site)
        documents.claimed()
        return documents

    def sign(self, study: Study, draft: Draft, draft_uid: str, seed: str) -> SignedReport:
        report = render_report(request_of(study, draft, uid_seed=seed))
        self.service.sign(report, draft, draft_uid, Clock()())
        self.service.deliver_due(never)
        return report

    def reports(self) -> list[str]:
        """SOP Instance UIDs of structured reports that the hospital came to hold."""
        return [uid for uid in self._held() if uid not in self.of_others]

    def _held(self) -> dict[str, str]:
        """SOP Instance UID of each structured report -> the archive's own name of it."""
        series = [one for one in self.peer.get("/series?expand").json() if one["MainDicomTags"]["Modality"] == "SR"]
        found = [self.peer.get(f"/instances/{uid}").json() for one in series for uid in one["Instances"]]
        return {one["MainDicomTags"]["SOPInstanceUID"]: one["ID"] for one in found}

    def remove_reports(self) -> None:
        """The hospital deletes every structured report that came to it."""
        for uid, name in self._held().items():
            if uid not in self.of_others:
                url = f"http://127.0.0.1:{self.peer.http_port}/instances/{name}"
                requests.delete(url, auth=(self.peer.user, self.peer.password), timeout=20).raise_for_status()


@pytest.fixture(params=["dicomweb", "dimse"])
def night(request: pytest.FixtureRequest, orthanc_a: OrthancPeer, tmp_path: Path) -> Iterator[Night]:
    connection = orthanc_a.dicomweb() if request.param == "dicomweb" else orthanc_a.dimse()
    site = Site("north", "Noord", "#fff", issuer_of_patient_id="NORTH", connections=(connection,))
    with _hub_and_desk(tmp_path, site) as (store, client, journal, desk):

        def opened(found: Connection) -> Pacs:
            return open_pacs(found, calling_ae=CALLING_AE, credentials=orthanc_a.credentials)

        poller = Poller(site, store, READ_ALL_IMAGES, lambda _site: opened(connection), lambda: NOW)
        service = DeliveryService(journal.outbox, desk, lambda: (site,), opened, Clock())
        night = Night(orthanc_a, tmp_path, journal, client, desk, service, lambda: poller.poll(never), site)
        yield replace(night, of_others=frozenset(night.reports()))


@contextmanager
def _hub_and_desk(folder: Path, site: Site) -> Iterator[tuple[Any, UpsClient, Journal, ClaimDesk]]:
    with (
        running_hub(folder, sites=(site,), intake_enabled=False) as hub,
        client_of(hub, ANN) as client,
        Journal.open(folder / "journal.sqlite") as journal,
    ):
        yield hub.store, client, journal, ClaimDesk(journal, client, random_uid, Clock())


def signed_and_held(
    night: Night, change: Callable[[Study], None], known: tuple[str, ...] = ()
) -> tuple[Study, Draft, SignedReport, str]:
    """A study is claimed, read and signed; before it is sent, its hospital does something."""
    study = write_study(night.folder / "study", SYNTHETIC["ct"]())
    uid = workitem_uid("north", str(study.header.StudyInstanceUID))
    night.peer.remove_study(str(study.header.StudyInstanceUID))
    night.peer.load(study.paths)
    for _ in range(3):
        night.poll()
    draft = replace(draft_of(study), workitem_uid=uid, known_documents=known)
    night.claim(uid, draft.study_instance_uid)
    key = draft.patient.key
    night.journal.drafts.save(
        DraftRow(
            "draft", uid, "north", draft.study_instance_uid, key.issuer, key.patient_id, draft_to_json(draft), 1, NOW
        )
    )
    change(study)
    report = night.sign(study, draft, "draft", f"first{night.site.connections[0]}")
    assert night.service.status_of(report.report_id).state is DeliveryState.ATTENTION
    return study, draft, report, uid


def merged() -> list[Dataset]:
    """The same images, of the patient whom the hospital now says it is."""
    images = SYNTHETIC["ct"]()
    for image in images:
        image.PatientID, image.PatientName = "P9", "Jánssen^Zoë^Maria"
    return images


def test_a_report_held_because_the_patient_changed_is_taken_back_read_again_and_arrives_once(night: Night) -> None:
    def merge(study: Study) -> None:
        night.peer.remove_study(str(study.header.StudyInstanceUID))
        night.peer.load(write_study(night.folder / "merged", merged()).paths)

    _, draft, first, uid = signed_and_held(night, merge)
    package = night.journal.outbox.get(first.report_id)
    assert Way.READ_AGAIN in ways_of(package)
    origin = night.service.ways_out.origin_of(first.report_id, never)
    assert origin.now is not None
    assert (origin.signed.key.patient_id, origin.now.key.patient_id) == ("P1", "P9")
    assert (origin.signed.name, origin.now.name) == ("Jánssen^Zoë", "Jánssen^Zoë^Maria")
    assert night.service.ways_out.read_again(first.report_id, origin.now.key, never)

    assert night.journal.outbox.get(first.report_id).state is PackageState.WITHDRAWN
    assert night.journal.outbox.objects(first.report_id)
    assert night.client.retrieve(uid).state is ProcedureStepState.CANCELED
    back = night.client.retrieve(replacement_uid(uid))
    assert back.state is ProcedureStepState.SCHEDULED
    assert back.reserved_for is not None
    assert back.reserved_for.code == ANN.code
    night.poll()
    assert night.client.retrieve(back.uid).patient_id == "P9"

    night.claim(back.uid, draft.study_instance_uid)
    keeper = night.keeper(back.uid)
    keeper.open()
    assert keeper.restored
    assert keeper.draft.sections == draft.sections
    assert keeper.draft.annotations == draft.annotations
    assert (keeper.draft.patient.key, keeper.draft.patient.name) == (origin.now.key, "Jánssen^Zoë^Maria")
    corrected = write_study(night.folder / "again", merged())
    second = night.sign(corrected, keeper.draft, keeper.draft_uid, f"second{night.site.connections[0]}")
    assert night.service.status_of(second.report_id).state is DeliveryState.DONE
    assert night.client.retrieve(back.uid).state is ProcedureStepState.COMPLETED
    night.service.try_again()
    night.service.deliver_due(never)
    assert night.reports() == [second.report_id]
    night.peer.remove_study(draft.study_instance_uid)


def test_a_study_claimed_at_once_after_its_report_was_taken_back_is_corrected_under_its_reader(night: Night) -> None:
    def merge(study: Study) -> None:
        night.peer.remove_study(str(study.header.StudyInstanceUID))
        night.peer.load(write_study(night.folder / "merged", merged()).paths)

    _, draft, first, uid = signed_and_held(night, merge)
    origin = night.service.ways_out.origin_of(first.report_id, never)
    assert origin.now is not None
    night.service.ways_out.read_again(first.report_id, origin.now.key, never)
    back = replacement_uid(uid)
    night.claim(back, draft.study_instance_uid)
    assert night.client.retrieve(back).remarks == (NOT_CHECKED,)
    night.poll()
    told = night.client.retrieve(back)
    assert (told.state, told.patient_id, told.remarks) == (ProcedureStepState.IN_PROGRESS, "P9", ())
    keeper = night.keeper(back)
    keeper.open()
    assert keeper.restored
    assert keeper.draft.patient.key == origin.now.key
    night.peer.remove_study(draft.study_instance_uid)


@pytest.mark.parametrize("accession", ["A77", ""], ids=["another", "none"])
def test_a_report_held_because_the_order_changed_is_read_again_under_the_new_accession(
    night: Night, accession: str
) -> None:
    def reordered() -> list[Dataset]:
        images = SYNTHETIC["ct"]()
        for image in images:
            image.AccessionNumber = accession
        return images

    def reorder(study: Study) -> None:
        night.peer.remove_study(str(study.header.StudyInstanceUID))
        night.peer.load(write_study(night.folder / "reordered", reordered()).paths)

    _, draft, first, uid = signed_and_held(night, reorder)
    origin = night.service.ways_out.origin_of(first.report_id, never)
    assert (origin.signed_accession, origin.now_accession) == ("ACT1", accession)
    assert origin.now is not None
    night.service.ways_out.read_again(first.report_id, origin.now.key, never)
    night.poll()
    back = replacement_uid(uid)
    night.claim(back, draft.study_instance_uid)
    keeper = night.keeper(back)
    keeper.open()
    assert keeper.draft.accession_number == accession
    corrected = write_study(night.folder / "again", reordered())
    second = night.sign(corrected, keeper.draft, keeper.draft_uid, f"order{accession}{night.site.connections[0]}")
    assert night.service.status_of(second.report_id).state is DeliveryState.DONE
    assert night.reports() == [second.report_id]
    night.peer.remove_study(draft.study_instance_uid)


def other_report(night: Night, study: Study) -> str:
    """A colleague at the hospital verifies a report of the same study."""
    theirs = render_report(request_of(study, draft_of(study), uid_seed=f"theirs{night.site.connections[0]}"))
    night.peer.load([theirs.objects[-1].data])
    return theirs.report_id


def test_a_report_held_because_another_one_came_is_withdrawn_and_the_study_leaves_the_list(night: Night) -> None:
    others: list[str] = []
    _, draft, first, uid = signed_and_held(night, lambda study: others.append(other_report(night, study)))
    package = night.journal.outbox.get(first.report_id)
    why = reason_of(package.reason)
    assert why.cause is Cause.OTHER_REPORT
    assert "VRIES" in why.english.upper()
    assert "2026-03-01 02:15" in why.english
    assert ways_of(package)[0] is Way.WITHDRAW
    assert night.service.ways_out.withdraw(first.report_id, tuple(others), never)
    gone = night.client.retrieve(uid)
    assert gone.state is ProcedureStepState.CANCELED
    assert "another report" in gone.cancel_reason
    [orphan] = night.journal.drafts.in_state(DraftState.ORPHAN)
    assert orphan.draft_uid == "draft"
    night.poll()
    assert night.reports() == others
    with pytest.raises(NotFound):
        night.client.retrieve(replacement_uid(uid))
    night.remove_reports()
    for _ in range(3):
        night.poll()
    assert night.client.retrieve(replacement_uid(uid)).state is ProcedureStepState.SCHEDULED
    night.peer.remove_study(draft.study_instance_uid)


def test_a_study_stays_with_its_reader_where_the_other_report_is_gone_before_withdrawing(night: Night) -> None:
    others: list[str] = []
    _, draft, first, uid = signed_and_held(night, lambda study: others.append(other_report(night, study)))
    night.remove_reports()
    with pytest.raises(NoWayOut, match="not at the hospital any more"):
        night.service.ways_out.withdraw(first.report_id, tuple(others), never)
    assert night.client.retrieve(uid).state is ProcedureStepState.IN_PROGRESS
    night.service.try_again(first.report_id)
    night.service.deliver_due(never)
    assert night.service.status_of(first.report_id).state is DeliveryState.DONE
    night.peer.remove_study(draft.study_instance_uid)


def test_a_report_held_because_another_one_came_is_sent_beside_it_once(night: Night) -> None:
    others: list[str] = []
    _, draft, first, uid = signed_and_held(night, lambda study: others.append(other_report(night, study)))
    night.service.ways_out.send_beside(first.report_id, tuple(others))
    night.service.deliver_due(never)
    assert night.service.status_of(first.report_id).state is DeliveryState.DONE
    assert night.client.retrieve(uid).state is ProcedureStepState.COMPLETED
    assert sorted(night.reports()) == sorted([*others, first.report_id])
    night.peer.remove_study(draft.study_instance_uid)


def test_a_cause_that_is_gone_is_only_sent_again(night: Night) -> None:
    def vanish(study: Study) -> None:
        night.peer.remove_study(str(study.header.StudyInstanceUID))

    study, draft, first, _ = signed_and_held(night, vanish)
    assert night.service.ways_out.origin_of(first.report_id, never).now is None
    night.peer.load(study.paths)
    night.service.try_again(first.report_id)
    night.service.deliver_due(never)
    assert night.service.status_of(first.report_id).state is DeliveryState.DONE
    assert night.reports() == [first.report_id]
    night.peer.remove_study(draft.study_instance_uid)


def test_the_key_of_an_unchanged_patient_stays_as_it_was(night: Night) -> None:
    def later_back(study: Study) -> None:
        night.peer.remove_study(str(study.header.StudyInstanceUID))

    study, draft, first, _ = signed_and_held(night, later_back)
    night.peer.load(study.paths)
    origin = night.service.ways_out.origin_of(first.report_id, never)
    assert origin.now is not None
    assert origin.now.key == PatientKey("NORTH", "P1")
    night.peer.remove_study(draft.study_instance_uid)


def test_a_report_that_came_between_two_openings_is_found_and_has_to_be_confirmed(night: Night) -> None:
    study = write_study(night.folder / "study", SYNTHETIC["ct"]())
    uid = workitem_uid("north", str(study.header.StudyInstanceUID))
    night.peer.remove_study(str(study.header.StudyInstanceUID))
    night.peer.load(study.paths)
    for _ in range(3):
        night.poll()
    draft = replace(draft_of(study), workitem_uid=uid)
    night.claim(uid, draft.study_instance_uid)
    first = night.documents(uid)
    assert (first.known(), first.to_confirm()) == ((), ())
    theirs = other_report(night, study)
    again = night.documents(uid)
    assert [one.sop_instance_uid for one in again.finals] == [theirs]
    assert again.finals[0].written_at == "2026-03-01 02:15"
    assert again.to_confirm() == (READ_IT,)
    assert night.journal.claims.note_documents(uid, (theirs,)) == ()
    night.peer.remove_study(draft.study_instance_uid)
