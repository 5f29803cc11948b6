"""Bad input and bad luck: damaged files, cut transfers, refused associations, a hub or a hospital that is away.

Each time: a clear message is shown, the rest keeps working, and nothing that was typed is lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pacs.site import Site
from tests.journeys import hands
from tests.journeys.odd_hospital import damaged_files, odd_hospital
from tests.journeys.region import ALWAYS_H, CALLERS, SANNE, HubProcess, desk_of, listed, secrets_of
from tests.peers.orthanc import OrthancPeer, available
from tests.peers.proxy import FaultProxy
from tests.peers.synthetic import ct_series, uid_of
from viewer.ui.shelf import Phase
from worklist_client.commands.case_state import Standing
from worklist_client.demo.robot import Robot
from worklist_client.journal import PackageState
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist.entries import Status

pytestmark = [pytest.mark.timeout(240)]
needs_orthanc = pytest.mark.skipif(bool(available()), reason=available() or "-")

STUDY, OTHER = "bad luck", "the rest"
TYPED = "Geen bloeding ≥ 3 mm ő."
ENDED = (Phase.COMPLETE, Phase.PARTIAL, Phase.DEGRADED, Phase.FAILED)


@pytest.fixture
def odd_files(real_data: Path) -> dict[str, bytes]:
    folder = real_data / "18_odd"
    if not folder.is_dir():
        pytest.skip("the collection of odd files (18_odd) is not here")
    return {path.stem: path.read_bytes() for path in sorted(folder.glob("*.dcm"))}


def test_every_odd_file_of_the_collection_costs_itself_alone(odd_files: dict[str, bytes], tmp_path: Path) -> None:
    read_all(odd_files, tmp_path)


def test_every_damaged_file_costs_itself_alone(tmp_path: Path) -> None:
    read_all(damaged_files(), tmp_path)


def read_all(files: Mapping[str, bytes], folder: Path) -> None:
    """Each file lies in a study of its own beside good images: the study is read, reported and delivered."""
    with odd_hospital(files, folder / "hospital") as (archive, connection):
        site = Site("odd", "Ziekenhuis Oud", "#3a86c8", connections=(connection,), lookback_h=ALWAYS_H)
        with HubProcess(folder / "hub", [site]) as hub, desk_of(SANNE, folder / "desk", hub.url) as robot:
            robot.until(lambda: len(robot.entries()) == len(files), "a study for each file", 60)
            for name in files:
                accession = name[:16]
                found = next(one for one in robot.entries() if one.accession_number == accession)
                entry = listed(robot, found.study_instance_uid, Status.AVAILABLE, 60)
                reading = hands.mine(robot, entry)
                ends_truthfully(robot, reading, name)
                hands.write(reading, "findings", TYPED)
                hands.sign(robot, reading)
                hands.delivered(robot, reading)
                robot.do(lambda reading=reading: reading.commands.run("case.close"))  # type: ignore[misc]
                robot.until(lambda: not robot.desktop.actions.windows(), "the window to close")
        assert len(list((folder / "hospital" / "empty" / "received").glob("*.dcm"))) == 2 * len(files)
        assert archive.instances()


def ends_truthfully(robot: Robot, reading: ReadingWindow, name: str) -> None:
    """No series is left in doubt; what is not complete says why; the good images are whole."""
    study = reading.session.entry.study_instance_uid
    shelf, images = reading.viewer.desk.shelf, reading.session.images
    robot.until(lambda: not images.loading(study), f"the end of loading ({name})", 60)
    robot.until(lambda: all(one.phase in ENDED for one in shelf.of_study(study)), f"an end of every series ({name})")
    good = shelf.get((study, uid_of(name, "1")))
    assert good is not None
    assert good.phase is Phase.COMPLETE
    for count in images.count(study).series:
        assert count.complete or count.reason, name


@contextmanager
def one_site(
    folder: Path, peer: OrthancPeer, patch: pytest.MonkeyPatch, **changes: object
) -> Iterator[tuple[Robot, HubProcess]]:
    """A hub and a desk for one hospital; `changes` concern the desk's way to it (the hub polls it directly)."""
    peer.load(ct_series(STUDY, 12, changes={"PatientID": "B1"}))
    peer.load(ct_series(OTHER, 3, changes={"PatientID": "B2"}))
    for name, value in secrets_of(peer).items():
        patch.setenv(name, value)
    site = Site("b", "Ziekenhuis Bé", "#c8783a", connections=(peer.dimse(),), lookback_h=ALWAYS_H)
    with ExitStack() as stack:
        hub = stack.enter_context(HubProcess(folder / "hub", [site]))
        robot = stack.enter_context(desk_of(SANNE, folder / "desk", hub.url))
        listed(robot, uid_of(STUDY), Status.AVAILABLE)
        listed(robot, uid_of(OTHER), Status.AVAILABLE)
        if changes:
            assert robot.desktop.desk is not None
            robot.desktop._directory_told((replace(site, connections=(peer.dimse(**changes),)),))
        yield robot, hub


@pytest.fixture
def peer() -> Iterator[OrthancPeer]:
    with OrthancPeer(name="B", known=CALLERS) as made:
        yield made


def notice(reading: ReadingWindow) -> str:
    """What the bar of the reading window says."""
    return reading.view.notice.text()


@needs_orthanc
def test_a_wrong_ae_title_is_said_and_typing_goes_on(
    peer: OrthancPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The called AE title is wrong: the association is refused. The text typed meanwhile is kept."""
    with one_site(tmp_path, peer, monkeypatch, called_ae="NOBODY") as (robot, _):
        reading = hands.double_click(robot, listed(robot, uid_of(STUDY), Status.AVAILABLE))
        robot.until(lambda: reading.session.editable, "the claim")
        robot.until(lambda: notice(reading), "a message")
        assert "AE title" in notice(reading)
        hands.write(reading, "findings", TYPED)
        assert robot.desktop.desk is not None
        drafts, workitem = robot.desktop.desk.journal.drafts, reading.session.entry.workitem_uid
        robot.until(lambda: any(TYPED in row.content for row in drafts.editable(workitem)), "the text on disk")


@needs_orthanc
def test_a_cut_transfer_names_what_is_missing_and_goes_on_when_asked(
    peer: OrthancPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(peer.dicom_port, cut_after=40_000))
        robot, _ = stack.enter_context(one_site(tmp_path, peer, monkeypatch, port=proxy.port))
        reading = hands.mine(robot, listed(robot, uid_of(STUDY), Status.AVAILABLE))
        study, images = uid_of(STUDY), reading.session.images
        hands.write(reading, "findings", TYPED)
        robot.until(lambda: not images.loading(study), "the end of loading", 60)
        count = images.count(study)
        assert 0 < count.received < 12
        (series,) = count.series
        assert series.reason
        shelf = reading.viewer.desk.shelf
        robot.until(lambda: shelf.of_study(study)[0].phase is Phase.PARTIAL, "the series to be called partial")
        proxy.cut_after = -1
        robot.do(lambda: reading.commands.run("case.retry_images"))
        hands.all_images(robot, reading)
        assert reading.report.edit("findings").toPlainText() == TYPED
        hands.sign(robot, reading)
        hands.delivered(robot, reading)


@needs_orthanc
def test_a_refused_caller_is_told_and_the_other_hospital_still_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One archive does not know this desk; the other does: the first is named, the second is read and reported."""
    strict = [caller for caller in CALLERS if caller[0] != SANNE.calling_ae]
    with OrthancPeer(name="A", known=strict) as closed, OrthancPeer(name="B", known=CALLERS) as opened:
        closed.load(ct_series(STUDY, 3, changes={"PatientID": "A1"}))
        opened.load(ct_series(OTHER, 3, changes={"PatientID": "B2"}))
        sites = [
            Site("a", "Ziekenhuis Aa", "#3a86c8", connections=(closed.dimse(),), lookback_h=ALWAYS_H),
            Site("b", "Ziekenhuis Bé", "#c8783a", connections=(opened.dimse(),), lookback_h=ALWAYS_H),
        ]
        with HubProcess(tmp_path / "hub", sites) as hub, desk_of(SANNE, tmp_path / "desk", hub.url) as robot:
            reading = hands.double_click(robot, listed(robot, uid_of(STUDY), Status.AVAILABLE))
            robot.until(lambda: notice(reading), "a message")
            robot.until(lambda: reading.session.editable, "the claim")
            robot.do(reading.release)
            robot.until(lambda: reading.session.claim.standing is Standing.RELEASED, "the study given back")
            robot.do(reading.close)
            robot.until(lambda: not robot.desktop.actions.windows(), "the window to close")
            reading = hands.mine(robot, listed(robot, uid_of(OTHER), Status.AVAILABLE))
            hands.write(reading, "findings", TYPED)
            hands.sign(robot, reading)
            hands.delivered(robot, reading)
            assert len(opened.stored_instances()) == 5
            assert len(closed.stored_instances()) == 3


@needs_orthanc
def test_a_hub_that_goes_away_and_comes_back(
    peer: OrthancPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Away: the list says as of when, typing goes on, signing waits visibly. Back: the report goes home by itself."""
    with one_site(tmp_path, peer, monkeypatch) as (robot, hub):
        window = robot.desktop.window
        assert window is not None
        reading = hands.mine(robot, listed(robot, uid_of(STUDY), Status.AVAILABLE))
        hands.all_images(robot, reading)
        hub.stop()
        robot.until(lambda: "does not answer" in window.bars.connection.text(), "the list to say so")
        hands.write(reading, "findings", TYPED)
        package = hands.sign(robot, reading)
        robot.until(lambda: "hub is away" in notice(reading), "the report to wait visibly")
        assert len(peer.stored_instances()) == 15
        hub.start()
        robot.until(lambda: not window.bars.connection.text(), "the list to be live again", 40)
        robot.desktop.desk.delivery.try_again()  # type: ignore[union-attr]
        assert hands.delivered(robot, reading).report_id == package.report_id
        assert len(peer.stored_instances()) == 17
        listed(robot, uid_of(STUDY), Status.REPORTED)


@needs_orthanc
def test_a_hospital_that_is_down_at_signing(peer: OrthancPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report waits, visibly; quitting asks; when the hospital is back the report arrives, once."""
    with one_site(tmp_path, peer, monkeypatch) as (robot, _):
        window = robot.desktop.window
        assert window is not None
        reading = hands.mine(robot, listed(robot, uid_of(STUDY), Status.AVAILABLE))
        hands.all_images(robot, reading)
        hands.write(reading, "findings", TYPED)
        peer.stop()
        hands.sign(robot, reading)
        waiting = PackageState.RETRY
        robot.until(lambda: reading.session.signing.package.state is waiting, "the report to wait")  # type: ignore[union-attr]
        listed(robot, uid_of(STUDY), Status.DELIVERING)
        robot.until(lambda: "1 report is not delivered yet" in window.bars.delivery.text(), "the bar to say so")
        assert "Ziekenhuis Bé" in window.bars.delivery.text()
        robot.with_dialog("question", lambda dialog: hands.answer_question(dialog, "Stay"), window.quit)
        assert window.isVisible()
        peer.start()
        robot.desktop.desk.delivery.try_again()  # type: ignore[union-attr]
        hands.delivered(robot, reading)
        robot.until(lambda: not window.bars.delivery.text(), "the bar to be quiet")
        listed(robot, uid_of(STUDY), Status.REPORTED)
        assert len(peer.stored_instances()) == 17
