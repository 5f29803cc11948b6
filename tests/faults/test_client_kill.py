"""kill -9 of the client at ten moments of reporting and delivering: nothing is lost, nothing arrives twice.

The client is a whole desktop in a process of its own (`client_reader`), its hub a real hub process. The hospital is one
of the demo's processes over a folder, for speed; delivery into real archives is proved by the journeys.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from pydicom import dcmread

from pacs.site import DimseConnection, Site
from tests.faults.client_reader import PROFILE, text_of
from tests.journeys.region import ALWAYS_H, ROOT, HubProcess
from tests.peers.synthetic import ct_series, uid_of
from worklist_client.demo.hospitals import start_hospital
from worklist_client.journal import DraftState, Journal, PackageState
from worklist_client.report.draft_json import draft_from_json

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="SIGKILL is POSIX"),
    pytest.mark.timeout(600),  # on a quiet machine a minute; it waits for steps, not for time
]

STUDIES = tuple(f"study {number}" for number in range(6))
UIDS = {uid_of(study): study for study in STUDIES}
KILLS = 10
SAFE_S = 2.0
"""What was typed longer ago than this is on disk."""
PATIENCE_S = 60.0
MOMENTS = ("claimed", "typed", "typed", "typed", "signing", "signing", "signed", "signed", "delivered", "typed")
"""After which step each kill comes; which word and how long after is left to chance."""


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the client."""

    step: str
    study: str
    number: int
    at: float


class Client:
    """One life of the client; its lines are read as they come."""

    def __init__(self, folder: Path, hub_url: str) -> None:
        command = [sys.executable, "-m", "tests.faults.client_reader", str(folder), hub_url, str(len(STUDIES))]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.errors = (folder.parent / "client.err").open("ab")
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.errors, text=True, env=environment, cwd=ROOT
        )
        self.lines: list[Said] = []
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._read, name="client-lines")
        self._thread.start()

    def wait_for(self, step: str, count: int = 1) -> bool:
        """Until it has said this step so often; False when it ended before."""

        def said() -> bool:
            return sum(line.step == step for line in self.lines) >= count

        with self._changed:
            assert self._changed.wait_for(lambda: said() or self._ended, PATIENCE_S), self._where()
            return said()

    def kill(self, after_s: float) -> float:
        """SIGKILL so long from now; the moment. Its worker processes must not stay behind."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(after_s)
        children = psutil.Process(self.process.pid).children(recursive=True)
        at = time.monotonic()
        self.process.send_signal(signal.SIGKILL)
        self.end()
        _, alive = psutil.wait_procs(children, 15)
        assert [child.cmdline() for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
        return at

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()

    def end(self) -> int:
        """Wait for its end; the exit status."""
        status = self.process.wait(PATIENCE_S)
        self._thread.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = line.split()
            if line.endswith("\n") and len(words) == 4:
                with self._changed:
                    self.lines.append(Said(words[0], words[1], int(words[2]), float(words[3])))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _where(self) -> str:
        """What it said last, and where its threads stand (the client dumps them when it is aborted)."""
        self.process.send_signal(signal.SIGABRT)
        self.process.wait(PATIENCE_S)
        stacks = Path(self.errors.name).read_text(errors="replace")
        return f"stuck after {self.lines[-1:]}: {stacks[-6000:]}"


@contextmanager
def region(folder: Path) -> Iterator[tuple[Path, HubProcess]]:
    """A hospital with some studies, and a hub that polls it."""
    images = folder / "hospital"
    for study in STUDIES:
        (images / study).mkdir(parents=True)
        changes = {"PatientID": study, "AccessionNumber": study[-8:]}
        for dataset in ct_series(study, 2, changes=changes):
            dataset.save_as(images / study / f"{dataset.InstanceNumber}.dcm", enforce_file_format=True)
    with ExitStack() as stack:
        hospital = start_hospital(stack, "north", "dimse", images, "NORTH")
        connection = DimseConnection("north-dimse", "127.0.0.1", hospital.port, "NORTH")
        site = Site("north", "Noord", "#3a86c8", connections=(connection,), lookback_h=ALWAYS_H)
        yield images, stack.enter_context(HubProcess(folder / "hub", [site]))


def safe_lines(said: list[Said], killed_at: float) -> list[Said]:
    """What has to be there after this kill: all, but of the text only what was typed two seconds before it."""
    return [line for line in said if line.step != "typed" or line.at < killed_at - SAFE_S]


def check_journal(folder: Path, said: list[Said]) -> None:
    """What the client said is there: text but of the last two seconds, claims, and signed reports with their bytes."""
    with Journal.open(folder / "profiles" / PROFILE / "journal.sqlite") as journal:
        rows = {row.study_instance_uid: row for state in DraftState for row in journal.drafts.in_state(state)}
        texts = {study: draft_from_json(row.content).sections["findings"] for study, row in rows.items()}
        safe = {line.study: line.number for line in said if line.step == "typed"}
        for study, length in safe.items():
            assert len(texts.get(study, "")) >= length, f"{length - len(texts.get(study, ''))} letters were lost"
        assert all(text_of(study).startswith(text) for study, text in texts.items())
        claimed = {line.study for line in said if line.step == "claimed"}
        done = {row.study_instance_uid for row in rows.values() if row.state is DraftState.SIGNED}
        opened = {row.study_instance_uid for row in journal.claims.open_claims()}
        assert claimed <= opened | done
        for study in {line.study for line in said if line.step == "signed"}:
            (package,) = journal.outbox.of_workitem(rows[study].workitem_uid)
            assert package.state is not PackageState.WITHDRAWN
            assert all(item.data for item in journal.outbox.objects(package.report_id))


def arrived(images: Path) -> Counter[tuple[str, str]]:
    """(study, kind) of everything the hospital received."""
    found: Counter[tuple[str, str]] = Counter()
    for path in images.glob("received/*.dcm"):
        header = dcmread(path, stop_before_pixels=True)
        found[str(header.StudyInstanceUID), str(header.Modality)] += 1
    return found


def errors_in(folder: Path) -> str:
    """The end of what the clients complained about."""
    return (folder / "client.err").read_text(errors="replace")[-1500:]


def test_ten_kills_lose_nothing_and_send_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(20260301)
    folder = tmp_path / "desk"
    folder.mkdir()
    said: list[Said] = []
    moments = list(MOMENTS)
    chance.shuffle(moments)
    with region(tmp_path) as (images, hub):
        for step in moments:
            with Client(folder, hub.url) as client:
                reached = client.wait_for(step, chance.randint(1, 60) if step == "typed" else 1)
                assert reached, f"ended before '{step}': {client.lines[-1:]} {errors_in(tmp_path)}"
                killed_at = client.kill(chance.uniform(0.0, 0.4))
            said += safe_lines(client.lines, killed_at)
            assert "wrong" not in {line.step for line in client.lines}, "another text came back than was typed"
            check_journal(folder, said)
        with Client(folder, hub.url) as last:
            assert last.wait_for("all"), errors_in(tmp_path)
            assert last.end() == 0
        assert Counter({(study, kind): 1 for study in UIDS for kind in ("SR", "PR")}) == arrived(images)
    for path in images.glob("received/*.dcm"):
        report = dcmread(path)
        if report.Modality == "SR":
            words = [str(item.value) for item in report.iterall() if item.keyword == "TextValue"]
            assert text_of(str(report.StudyInstanceUID)) in words
    with Journal.open(folder / "profiles" / PROFILE / "journal.sqlite") as journal:
        assert journal.claims.open_claims() == []
        assert journal.outbox.undelivered() == []


def test_a_client_that_never_wrote_its_text_fails_the_same_check(tmp_path: Path) -> None:
    """The known-bad variant: what was typed more than two seconds ago is taken out of the journal."""
    folder = tmp_path / "desk"
    folder.mkdir()
    with region(tmp_path) as (_, hub), Client(folder, hub.url) as client:
        assert client.wait_for("typed", len(text_of("").split()) - 2), errors_in(tmp_path)
        killed_at = client.kill(SAFE_S)
    said = safe_lines(client.lines, killed_at)
    check_journal(folder, said)
    with sqlite3.connect(folder / "profiles" / PROFILE / "journal.sqlite") as connection:
        connection.execute("UPDATE drafts SET content = replace(content, 'geen afwijking', '')")
    connection.close()
    with pytest.raises(AssertionError):
        check_journal(folder, said)
