"""The region of docs/operation.md starts as written there, survives the kill of a hub under load, and a failover;
two readers at real desktops notice nothing of it but a reconnect."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.journeys import hands
from tests.journeys.onlooker import Onlooker
from tests.journeys.region import PETER, SANNE, desk_of, listed
from tests.peers.hub import study_to_read
from tests.peers.region_example import PASSWORD, ROOT, Region, block, running_region, unavailable
from ups.claiming import LOST, WON
from ups.client import UpsClient
from ups.identifiers import random_uid
from ups.states import ProcedureStepState as State
from worklist_client.commands.case_state import Standing
from worklist_client.demo.robot import Robot
from worklist_client.report.draft_json import draft_from_json
from worklist_client.ui.desktop import Desktop
from worklist_client.ui.reading_window import ReadingWindow
from worklist_client.worklist import channel
from worklist_client.worklist.entries import Status
from worklist_client.worklist.outcomes import ClaimResult
from worklist_hub.operations.load_test import Result

SCRIPTS = ROOT / "docs" / "region"
ALLOWED = tuple(
    f"desk {place}: {bar}"
    for place in (0, 1)
    for bar in (
        "connection_bar: The worklist does not answer. Status as of ",
        "reading_notice: No connection to this hospital is set up.",
    )
)
"""The bar of a reconnect; and the region of the document has no archives."""
OPENING = {
    "desk 1: claim: ",
    "desk 1: claim: ○  Asking for the claim …",
    "desk 1: claim: ●  Claimed by you",
    "desk 1: text open: False",
    "desk 1: text open: True",
}
"""What Peter's window says while it opens a study."""
SANNES = [random_uid() for _ in range(2)]
IN_TROUBLE = [random_uid() for _ in range(3)]
AFTER_TROUBLE = [random_uid() for _ in range(3)]
"""Peter reads one while each trouble lasts, and one after it."""


@pytest.fixture
def region() -> Iterator[Region]:
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    with running_region() as made:
        load = block("load").replace("18080", made.ports["PROXY_PORT"]).replace("--seconds 60", "--seconds 1")
        assert "failures: none" in made.sh(load)
        yield made


@dataclass
class Heartbeats:
    """What came of them; of the desk whose client it is."""

    results: list[ClaimResult] = field(default_factory=list)

    def follow(self, patch: pytest.MonkeyPatch) -> None:
        told = Desktop._claims_told

        def noted(desktop: Desktop, results: tuple[ClaimResult, ...]) -> None:
            self.results += results
            told(desktop, results)

        patch.setattr(channel, "HEARTBEAT_S", 0.5)
        patch.setattr(Desktop, "_claims_told", noted)


@dataclass
class Readers:
    """Sanne holds the first study and writes; Peter reads beside her."""

    region: Region
    sanne: Robot
    peter: Robot
    heartbeats: Heartbeats
    reading: ReadingWindow
    written: str = ""
    were_away: set[Robot] = field(default_factory=set)

    def write(self, text: str) -> None:
        hands.write(self.reading, "findings", text)
        self.written += text
        assert self.reading.report.edit("findings").toPlainText() == self.written

    def while_there_is(self, trouble: str, wanted: str) -> Result:
        """Load, and in it trouble; Sanne writes on all the while, Peter claims a study in the midst of it."""
        begun, results = threading.Event(), list[Result]()
        thread = threading.Thread(target=lambda: results.append(self.region.loaded(trouble, begun=begun)))
        thread.start()
        self.peter.until(begun.is_set, "the trouble")
        reading = hands.double_click(self.peter, listed(self.peter, wanted, Status.AVAILABLE))
        while thread.is_alive():
            self.write("ő ")
            self.sanne.pause(200)
        assert results, "the load or the trouble itself failed"
        self.peter.until(lambda: reading.session.claim.standing is not Standing.ASKING, "an answer")
        assert reading.session.claim.standing is Standing.MINE, reading.session.claim.reason
        self.put_away(reading)
        return results[0]

    def both_are_live(self) -> None:
        for robot in (self.sanne, self.peter):
            robot.until(lambda: robot.desktop.feed.connection.connected, "the list to be live again")  # noqa: B023

    def nothing_was_missed(self) -> None:
        """Both lists hold what the hub holds."""
        client = UpsClient(self.region.url, token=self.region.token())
        states = (State.SCHEDULED, State.IN_PROGRESS)
        rows = [row for state in states for row in client.iter_search({"ProcedureStepState": state.value})]
        client.close()
        truth = {(row.uid, row.state.value) for row in rows if row.site_id}
        for robot in (self.sanne, self.peter):
            robot.until(lambda: open_rows(robot) == truth, "the list to be as the hub's")  # noqa: B023

    def is_still_held(self) -> None:
        """After the trouble a heartbeat goes through, and the study is hers in word and in fact."""
        uid, count = self.reading.session.entry.workitem_uid, len(self.heartbeats.results)

        def alive() -> bool:
            return any(one.kind is WON and one.workitem_uid == uid for one in self.heartbeats.results[count:])

        self.sanne.until(alive, "a sign of life")
        assert not [one for one in self.heartbeats.results if one.kind is LOST]
        assert self.reading.session.claim.standing is Standing.MINE
        assert self.reading.session.editable
        listed(self.sanne, SANNES[0], Status.MINE)
        listed(self.peter, SANNES[0], Status.CLAIMED)

    def draft_is_kept(self) -> None:
        """Every letter, in the journal."""
        desk, uid = self.sanne.desktop.desk, self.reading.session.entry.workitem_uid
        assert desk is not None
        drafts = desk.journal.drafts

        def kept() -> list[str]:
            return [draft_from_json(row.content).sections.get("findings", "") for row in drafts.editable(uid)]

        self.sanne.until(lambda: kept() == [self.written], "the text in the journal")

    def peter_reads(self, study: str) -> None:
        """A new claim works, and the other desk sees it."""
        window = claimed(self.peter, study)
        row = listed(self.sanne, study, Status.CLAIMED)
        assert row.holder == "Ben^Example"
        self.put_away(window)

    def put_away(self, window: ReadingWindow) -> None:
        self.peter.do(window.close)
        self.peter.until(lambda: not self.peter.desktop.actions.windows(), "the window to close")


def open_rows(robot: Robot) -> set[tuple[str, str]]:
    states = (State.SCHEDULED.value, State.IN_PROGRESS.value)
    rows = [row for row in robot.entries() if row.procedure_step_state in states]
    return {(row.workitem_uid, row.procedure_step_state) for row in rows}


def claimed(robot: Robot, study: str) -> ReadingWindow:
    """By a double-click; the window once the text is open."""
    reading = hands.double_click(robot, listed(robot, study, Status.AVAILABLE))
    robot.until(lambda: reading.session.editable, "the claim")
    return reading


@pytest.fixture
def readers(region: Region, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    """Signed in through the proxy by name and password."""
    heartbeats = Heartbeats()
    heartbeats.follow(monkeypatch)
    client = UpsClient(region.url, token=region.token())
    for place, study in enumerate((*SANNES, *IN_TROUBLE, *AFTER_TROUBLE)):
        client.create(study_to_read(site_id="north", study_instance_uid=study, label=f"CT {place}"))
    client.close()
    with ExitStack() as stack:
        sanne = stack.enter_context(desk_of(SANNE, tmp_path / "sanne", region.url, account=("ann", PASSWORD)))
        peter = stack.enter_context(desk_of(PETER, tmp_path / "peter", region.url, account=("ben", PASSWORD)))
        reading = claimed(sanne, SANNES[0])
        listed(peter, SANNES[0], Status.CLAIMED)
        yield Readers(region, sanne, peter, heartbeats, reading)


def survives(readers: Readers, trouble: str, place: int) -> Result:
    """A trouble under load, and all is as before."""
    with Onlooker((readers.sanne, readers.peter)) as onlooker:
        result = readers.while_there_is(trouble, IN_TROUBLE[place])
        readers.both_are_live()
        readers.is_still_held()
        readers.nothing_was_missed()
        readers.draft_is_kept()
    assert {one for one in onlooker.noticed if not one.startswith(ALLOWED)} <= OPENING, trouble
    readers.were_away |= onlooker.was_away
    readers.peter_reads(AFTER_TROUBLE[place])
    return result


@pytest.mark.timeout(300)
def test_the_region_starts_as_written_and_readers_notice_nothing_but_a_reconnect(readers: Readers) -> None:
    region = readers.region
    readers.write("Typed before it began. ")
    killed = survives(readers, "docs/region/hub.sh kill 1; docs/region/hub.sh start 1", 0)
    assert len(killed.latencies) > 20
    assert sum(killed.failures.values()) <= 8  # what was in flight at the hub that died; each is asked again by a desk
    assert requests.get(f"{region.url}/metrics", timeout=10).status_code == 404
    survives(readers, "docs/region/hub.sh kill 2; docs/region/hub.sh start 2", 1)
    assert readers.were_away == {readers.sanne, readers.peter}, "each was at one of the hubs"
    region.sh("docs/region/hub.sh stop 2")
    other_hub = "docs/region/hub.sh start 2; docs/region/hub.sh stop 1"
    assert region.handed_draft(other_hub) == {"findings": "a small haemorrhage"}
    region.sh("docs/region/hub.sh start 1")
    with pytest.raises(AssertionError, match="hub 1 runs already"):
        region.sh("docs/region/hub.sh start 1")
    drained = region.loaded("docs/region/hub.sh stop 2; docs/region/hub.sh start 2")
    assert drained.failures == {}
    survives(readers, "docs/region/failover.sh", 2)
    claimed(readers.sanne, SANNES[1])
    after = region.loaded("true", seconds=2)
    assert after.failures == {}
    verified = region.sh("worklist-hub audit verify --config region-data/hub-1.toml")
    assert " 0 faults" in verified
    assert list((region.folder / "region-data" / "audit").glob("audit-*.jsonl"))


def test_the_units_are_what_systemd_understands() -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not here")
    for unit in ("worklist-hub@.service", "worklist-hub-verify@.service", "worklist-hub-verify@.timer"):
        path = SCRIPTS / "systemd" / unit
        done = subprocess.run([program, "verify", "--man=no", path], capture_output=True, text=True, check=False)
        ours = [line for line in done.stderr.splitlines() if "worklist-hub" in line and "Unknown" in line]
        assert ours == []
