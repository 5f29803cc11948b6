"""What a real hospital changes in a study around its opening: images come after it, and a patient is corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

from pacs.connect import open_pacs
from pacs.port import Cancelled, Pacs, Received, Retrieved, RetrieveRequest
from pacs.site import Connection, Site
from tests.peers.fixtures import CALLING_AE
from tests.peers.orthanc import OrthancPeer
from tests.peers.reading_doubles import FakeViewer, never
from tests.validators.samples import SYNTHETIC, write_study
from worklist_client.cache.store import Cache
from worklist_client.identity.patient import PatientIdentity, PatientKey
from worklist_client.reading.completeness import Late
from worklist_client.reading.opening import OpenRequest, StudyLoad
from worklist_client.reading.whose import is_outdated


class InProcess:
    """A worker that fetches from the real peer on the calling thread."""

    def __init__(self, open_port: Callable[[Connection], Pacs]) -> None:
        self.open_port = open_port
        self.fetched = 0

    def call(self, function: Callable[[Any], Any], argument: Any, cancelled: Cancelled) -> Any:
        return function(argument)

    def retrieve(
        self,
        connection: Connection,
        request: RetrieveRequest,
        ingest: Callable[[str], object],
        on_batch: Callable[[list[Any]], None],
        cancelled: Cancelled,
        **_: Any,
    ) -> Retrieved:
        def deliver(received: Received) -> None:
            self.fetched += 1
            on_batch([ingest(received.path)])

        return self.open_port(connection).retrieve(request, deliver, cancelled)


class Desk:
    """One study at one real hospital, a real cache, and what the list says."""

    def __init__(self, peer: OrthancPeer, site: Site, folder: Path) -> None:
        self.peer, self.site, self.folder = peer, site, folder
        self.cache = Cache(folder / "images", 10**9)
        self.study = str(SYNTHETIC["ct"]()[0].StudyInstanceUID)
        self.worker = InProcess(self.port)

    def port(self, connection: Connection) -> Pacs:
        return open_pacs(connection, calling_ae=CALLING_AE, credentials=self.peer.credentials)

    def hold(self, name: str, images: list[Dataset], *, anew: bool = True) -> None:
        """The hospital holds these images."""
        if anew:
            self.peer.remove_study(self.study)
        self.peer.load(write_study(self.folder / name, images).paths)

    def opened(self, listed: PatientIdentity, told: str) -> StudyLoad:
        """Opened and loaded, then closed."""

        def place() -> tuple[str, frozenset[str]]:
            folder = str(self.cache.study_folder("north", self.study, told))
            return folder, frozenset(self.cache.present("north", self.study, told))

        request = OpenRequest(
            self.site,
            self.study,
            place,
            lambda: None,
            self.port,
            is_outdated=lambda header: is_outdated(header, listed, ""),
            drop=self.cache.drop,
        )
        load = StudyLoad(request, FakeViewer())
        self.load(load)
        self.cache.close_study("north", self.study, told)
        return load

    def load(self, load: StudyLoad) -> None:
        load.ask(self.worker, never)
        load.fetch(self.worker, never)
        load.settle(never)


@pytest.fixture(params=["dicomweb", "dimse"])
def desk(request: pytest.FixtureRequest, orthanc_a: OrthancPeer, tmp_path: Path) -> Iterator[Desk]:
    connection = orthanc_a.dicomweb() if request.param == "dicomweb" else orthanc_a.dimse()
    made = Desk(orthanc_a, Site("north", "Noord", "#fff", connections=(connection,)), tmp_path)
    yield made
    orthanc_a.remove_study(made.study)


def images_of(number: str) -> list[Dataset]:
    images = SYNTHETIC["ct"]()
    for image in images:
        image.PatientID = number
    return images


def listed(number: str) -> PatientIdentity:
    return PatientIdentity(PatientKey("", number), "north")


def test_a_series_that_came_after_the_opening_is_counted_and_then_loaded(desk: Desk) -> None:
    images = images_of("P1")
    desk.hold("first", images)
    load = desk.opened(listed("P1"), "P1")
    assert load.count.complete
    assert load.late(never) is None
    later = images_of("P1")
    for image in later:
        image.SOPInstanceUID += ".7"
        image.SeriesInstanceUID += ".7"
    desk.hold("later", later, anew=False)
    assert load.late(never) == Late(len(images), 2 * len(images), len(images))
    desk.load(load)
    assert len(load.headers) == 2 * len(images)
    assert load.late(never) is None


@pytest.mark.parametrize("told", ["P1", "P9"], ids=["kept in the same place", "kept under what the list said"])
def test_a_study_that_the_hospital_corrected_is_fetched_anew(desk: Desk, told: str) -> None:
    images = images_of("P1")
    desk.hold("before", images)
    desk.opened(listed("P1"), "P1")
    desk.opened(listed("P1"), "P1")
    assert desk.worker.fetched == len(images), "unchanged, it lies here"
    desk.hold("after", images_of("P9"))
    load = desk.opened(listed("P9"), told)
    assert {header.patient.patient_id for header in load.headers} == {"P9"}
    assert load.count.complete
    assert desk.worker.fetched == 2 * len(images)
