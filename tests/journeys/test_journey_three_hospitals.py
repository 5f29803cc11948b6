"""Three hospitals, two of which use one patient number for two people: each archive receives its own reports only.

North and South both hold a study of "4711", of different people; South and West even hold different studies with the
same Study Instance UID. The archives are real; the windows are real; the proof is what lies in each archive afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from pacs.site import Connection, Site
from tests.journeys import hands
from tests.journeys.region import ALWAYS_H, CALLERS, SANNE, HubProcess, desk_of, secrets_of
from tests.peers.orthanc import OrthancPeer, available
from tests.peers.synthetic import ct_series
from worklist_client.demo.robot import Robot
from worklist_client.worklist.entries import Status, StudyEntry

pytestmark = [pytest.mark.skipif(bool(available()), reason=available() or "-"), pytest.mark.timeout(180)]

NORTH, SOUTH, WEST = "north", "south", "west"
SAME_NUMBER = "4711"
STUDIES: dict[tuple[str, str], tuple[str, str]] = {
    (NORTH, "n1"): ("Arends^Anna", SAME_NUMBER),
    (SOUTH, "s1"): ("Bos^Bert", SAME_NUMBER),
    (SOUTH, "shared"): ("Cohen^Chaja", "S-2"),
    (WEST, "shared"): ("Dekker^Dirk", "W-2"),
}
"""(hospital, name of the study) -> patient; "shared" has one Study Instance UID at two hospitals."""


def images(site_id: str, study: str) -> list[Dataset]:
    """Three slices; the same study UID means the same name of the study, never the same series or images."""
    name, number = STUDIES[site_id, study]
    changes = {"PatientName": name, "PatientID": number, "AccessionNumber": f"{site_id}-{study}"}
    made = ct_series(study, 3, changes=changes)
    for place, dataset in enumerate(made):
        dataset.SeriesInstanceUID += f".{len(site_id)}{ord(site_id[0])}"
        dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{place}"
    return made


@contextmanager
def region(folder: Path, patch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, OrthancPeer], Robot]]:
    """Three archives, one hub, one desk."""
    with ExitStack() as stack:
        peers = {}
        for site_id in (NORTH, SOUTH, WEST):
            peers[site_id] = stack.enter_context(OrthancPeer(name=site_id.upper(), known=CALLERS))
        for site_id, study in STUDIES:
            peers[site_id].load(images(site_id, study))
        for peer in peers.values():
            for name, value in secrets_of(peer).items():
                patch.setenv(name, value)
        connections: dict[str, Connection] = {
            NORTH: peers[NORTH].dimse(),
            SOUTH: peers[SOUTH].dimse(),
            WEST: peers[WEST].dicomweb(),
        }
        sites = [
            Site(
                site_id,
                site_id.title(),
                "#3a86c8",
                issuer_of_patient_id=site_id.upper(),
                connections=(connection,),
                lookback_h=ALWAYS_H,
            )
            for site_id, connection in connections.items()
        ]
        hub = stack.enter_context(HubProcess(folder / "hub", sites))
        yield peers, stack.enter_context(desk_of(SANNE, folder / "desk", hub.url))


def test_each_archive_receives_only_the_reports_of_its_own_studies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with region(tmp_path, monkeypatch) as (peers, robot):
        before = {site_id: set(peer.stored_instances()) for site_id, peer in peers.items()}
        signed: dict[str, set[str]] = {site_id: set() for site_id in peers}
        for site_id, study in STUDIES:
            signed[site_id] |= reported(robot, site_id, f"{site_id}-{study}")
        arrived = {site_id: set(peer.stored_instances()) - before[site_id] for site_id, peer in peers.items()}
        assert arrived == signed
        assert {site_id: len(uids) for site_id, uids in arrived.items()} == {NORTH: 2, SOUTH: 4, WEST: 2}
        for site_id, peer in peers.items():
            for uid in arrived[site_id]:
                of_this_hospital(dcmread(BytesIO(peer.file_of(uid))), site_id)


def reported(robot: Robot, site_id: str, accession: str) -> set[str]:
    """Read and sign one study; the SOP Instance UIDs of what was signed, once it is delivered."""
    entry = robot.until(lambda: _available(robot, site_id, accession), f"the study {accession}")
    reading = hands.mine(robot, entry)
    hands.all_images(robot, reading)
    hands.draw(robot, reading, "length", (0.3, 0.4), (0.6, 0.5))
    hands.write(reading, "findings", f"Report of {accession}.")
    hands.sign(robot, reading)
    package = hands.delivered(robot, reading)
    assert package.site_id == site_id
    robot.do(lambda: reading.commands.run("case.close"))
    robot.until(lambda: not robot.desktop.actions.windows(), "the reading window to close")
    assert robot.desktop.desk is not None
    return {row.sop_instance_uid for row in robot.desktop.desk.journal.outbox.objects(package.report_id)}


def _available(robot: Robot, site_id: str, accession: str) -> StudyEntry | None:
    found = (one for one in robot.entries() if (one.site_id, one.accession_number) == (site_id, accession))
    return next((one for one in found if one.status is Status.AVAILABLE), None)


def of_this_hospital(ours: Dataset, site_id: str) -> None:
    """The object names a patient and an accession of this hospital, and refers to its images only."""
    hospital, _, study = str(ours.AccessionNumber).partition("-")
    assert hospital == site_id
    name, number = STUDIES[site_id, study]
    assert (str(ours.PatientName), ours.PatientID) == (name, number)
    own = {str(image.SOPInstanceUID) for image in images(site_id, study)}
    referred = {str(item.value) for item in ours.iterall() if item.keyword == "ReferencedSOPInstanceUID"}
    assert referred & own
    others = {str(image.SOPInstanceUID) for key in STUDIES if key != (site_id, study) for image in images(*key)}
    assert not referred & others
