"""Six client processes claim, prove and release while hubs are killed and lines are cut: every answer must be true.

`WORKLIST_CHAOS_S` seconds for each database: 60 without it (two minutes in all), 300 and more in the long version.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults import history
from tests.faults.chaos_client import TIMEOUT_S, first_uid
from tests.faults.history import ALIVE, CLAIM, OK, READ, REFUSED, RELEASE, UNKNOWN, Operation
from tests.peers.hub import study_to_read
from tests.peers.hub_process import ROOT, HubProcess
from tests.peers.orthanc import free_port
from tests.peers.proxy import FaultProxy
from ups.client import UpsClient
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState as State
from worklist_hub.store.workitems import WorkitemStore

SECONDS = float(os.environ.get("WORKLIST_CHAOS_S", "60"))
CLIENTS, STUDIES = 6, 8
KILL_S = (5.0, 10.0) if SECONDS > 30 else (1.5, 3.0)
NAIVE_S = 40.0
FAULT_S = (1.0, 4.0) if SECONDS > 30 else (0.3, 1.2)
pytestmark = pytest.mark.timeout(SECONDS * 2 + 120)


def clients(folder: Path, urls: Sequence[str], until: float, studies: int) -> list[subprocess.Popen[bytes]]:
    """The client processes; each writes `folder/N.jsonl`."""
    made = []
    for number in range(CLIENTS):
        out = folder / f"{number}.jsonl"
        out.touch()
        told = [str(out), str(number + 1), str(until), str(studies), *urls]
        made.append(subprocess.Popen([sys.executable, "-m", "tests.faults.chaos_client", *told], cwd=ROOT))
    return made


def finished(processes: Sequence[subprocess.Popen[bytes]], patience_s: float) -> list[int]:
    """Their exit statuses."""
    until = time.monotonic() + patience_s
    try:
        return [process.wait(max(until - time.monotonic(), 0.1)) for process in processes]
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
                process.wait()


def trouble(hubs: Sequence[HubProcess], proxies: Sequence[FaultProxy], until: float, dice: random.Random) -> int:
    """Kill hubs and break lines until it is time; how many hubs were killed."""
    pause = threading.Event()
    killed, next_kill = 0, time.monotonic() + dice.uniform(*KILL_S)
    while time.monotonic() < until:
        proxy = dice.choice(proxies)
        fault = dice.randrange(3)
        if fault == 0:
            proxy.reset()
        elif fault == 1:
            proxy.stall()
            pause.wait(dice.choice([0.2, TIMEOUT_S + 0.5]))
            proxy.flow()
        else:
            proxy.cut_after = dice.randrange(400)
            pause.wait(0.2)
            proxy.cut_after = -1
        if time.monotonic() > next_kill:
            hub = dice.choice(hubs)
            hub.kill()
            killed += 1
            pause.wait(dice.uniform(0.0, 0.3))
            hub.start()
            next_kill = time.monotonic() + dice.uniform(*KILL_S)
        pause.wait(dice.uniform(*FAULT_S))
    return killed


def final_reads(address: Path | str, uids: set[str]) -> tuple[list[Operation], dict[str, str]]:
    """What the database holds in the end, as reads; and of each workitem whom it replaced."""
    store = WorkitemStore(address)
    found, replaces = [], {}
    now = time.monotonic()
    for uid in uids | {replacement_uid(uid) for uid in uids}:
        stored = store.read(uid)
        if stored is not None:
            found.append(Operation("database", READ, uid, "", now, now, OK, stored.state.value))
            item = stored.dataset.get("00741224", {}).get("Value", [])
            if item:
                replaces[uid] = item[0]["00081155"]["Value"][0]
    store.close()
    return found, replaces


def check_successors(reads: Sequence[Operation], replaces: dict[str, str]) -> None:
    """Every released workitem has exactly one successor, and every study exactly one that is open."""
    states = {one.uid: one.seen for one in reads}
    released = [uid for uid, state in states.items() if state == State.CANCELED.value]
    successors = Counter(replaces.values())
    assert {uid: successors[uid] for uid in released} == dict.fromkeys(released, 1)
    for number in range(STUDIES):
        uid, seen = first_uid(number), []
        while uid in states:
            seen.append(states[uid])
            uid = replacement_uid(uid)
        assert [state for state in seen if state != State.CANCELED.value] == seen[-1:], "one open workitem a study"


def test_no_answer_is_ever_wrong_while_hubs_die_and_lines_break(
    any_database: Path | str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    seed = int(os.environ.get("WORKLIST_CHAOS_SEED", str(random.randrange(10**6))))
    url = any_database if isinstance(any_database, str) else ""
    address = url or tmp_path / "hub0" / "worklist.sqlite"
    with ExitStack() as stack:
        hubs = [stack.enter_context(HubProcess(tmp_path / f"hub{number}", url)) for number in range(2 if url else 1)]
        prepared(address)
        proxies = [stack.enter_context(FaultProxy(hub.port)) for hub in hubs]
        until = time.monotonic() + SECONDS
        processes = clients(tmp_path, [f"http://127.0.0.1:{proxy.port}" for proxy in proxies], until, STUDIES)
        killed = trouble(hubs, proxies, until, random.Random(seed))
        statuses = finished(processes, 60.0)
    assert statuses == [0] * CLIENTS
    found = history.read(sorted(tmp_path.glob("*.jsonl")))
    reads, replaces = final_reads(address, {one.uid for one in found})
    violations = history.check([*found, *reads])
    kinds = Counter((one.kind, one.outcome) for one in found)
    note = f"seed={seed} server={bool(url)} operations={len(found)} killed={killed} {dict(kinds)}"
    print(note)
    request.node.user_properties.append(("chaos", note))
    assert violations == [], note
    assert killed > 0
    assert kinds[CLAIM, OK] > 2
    assert kinds[CLAIM, REFUSED] > 2
    assert kinds[RELEASE, OK] > 2
    assert kinds[CLAIM, UNKNOWN] + kinds[ALIVE, UNKNOWN] + kinds[RELEASE, UNKNOWN] > 0, "no fault was felt"
    check_successors(reads, replaces)


def prepared(address: Path | str) -> None:
    """The studies, in a file that a hub has made."""
    store = WorkitemStore(address)
    for number in range(STUDIES):
        store.create_if_absent(study_to_read(first_uid(number)))
    store.close()


@pytest.mark.parametrize("attempt", range(3))
def test_a_naive_hub_is_rejected_every_time(tmp_path: Path, attempt: int) -> None:
    """It reads, waits at a barrier, and writes: two are told that they have it."""
    port = free_port()
    prepared(tmp_path / "worklist.sqlite")
    command = [sys.executable, "-m", "tests.faults.naive_hub", str(port), str(tmp_path)]
    hub = subprocess.Popen(command, cwd=ROOT)
    try:
        client = UpsClient(f"http://127.0.0.1:{port}")
        until = time.monotonic() + 30.0
        while not answers(client):
            assert hub.poll() is None
            assert time.monotonic() < until
        client.close()
        processes = clients(tmp_path, [f"http://127.0.0.1:{port}"], time.monotonic() + NAIVE_S, 2)
        try:
            assert rejected(tmp_path, time.monotonic() + NAIVE_S)
        finally:
            for process in processes:
                process.kill()
                process.wait()
    finally:
        hub.kill()
        hub.wait()


def rejected(folder: Path, until: float) -> bool:
    """Whether the check finds two owners in what clients have noted, as soon as it does."""
    tick = threading.Event()
    while time.monotonic() < until:
        violations = history.check(history.read(sorted(folder.glob("*.jsonl"))))
        if any("owners were acknowledged" in one.why for one in violations):
            return True
        tick.wait(0.25)
    return False


def answers(client: UpsClient) -> bool:
    """Whether the hub is there yet."""
    try:
        client.search(limit=1)
    except Exception:  # noqa: BLE001 - not yet
        time.sleep(0.02)
        return False
    return True


def op(kind: str, who: str, asked: float, answered: float, outcome: str = OK, **more: str) -> Operation:
    return Operation(who, kind, "w", who, asked, answered, outcome, **more)


GOOD = (
    op(CLAIM, "a", 1, 2),
    op(CLAIM, "b", 1.5, 3, REFUSED),
    op(ALIVE, "a", 3, 4),
    op(READ, "", 3, 4, seen="IN PROGRESS"),
    op(RELEASE, "a", 5, 6),
    op(ALIVE, "a", 7, 8, REFUSED),
    op(READ, "", 9, 9, seen="CANCELED"),
)


@pytest.mark.parametrize(
    "good",
    [
        GOOD,
        (op(CLAIM, "a", 1, 2, UNKNOWN), op(CLAIM, "b", 3, 4)),
        (op(CLAIM, "a", 1, 2, UNKNOWN), op(CLAIM, "b", 3, 4, REFUSED)),
        (op(CLAIM, "a", 1, 2, UNKNOWN), op(CLAIM, "a", 3, 4)),
        (op(CLAIM, "a", 1, 2), op(RELEASE, "a", 3, 4, UNKNOWN), op(READ, "", 5, 6, seen="IN PROGRESS")),
        (op(CLAIM, "a", 1, 2), op(RELEASE, "a", 3, 4, UNKNOWN), op(READ, "", 5, 6, seen="CANCELED")),
        (op(READ, "", 1, 9, seen="SCHEDULED"), op(CLAIM, "a", 2, 3)),
    ],
)
def test_a_history_that_could_be_is_accepted(good: tuple[Operation, ...]) -> None:
    assert history.check(good) == []


@pytest.mark.parametrize(
    "bad",
    [
        (op(CLAIM, "a", 1, 2), op(CLAIM, "b", 3, 4)),
        (op(CLAIM, "a", 1, 2), op(CLAIM, "b", 1, 2)),
        (op(CLAIM, "b", 1, 2, REFUSED), op(CLAIM, "a", 3, 4)),
        (op(CLAIM, "b", 1, 2, REFUSED), op(READ, "", 3, 3, seen="SCHEDULED")),
        (op(CLAIM, "b", 1, 2, REFUSED),),
        (op(CLAIM, "a", 1, 2), op(READ, "", 3, 3, seen="SCHEDULED")),
        (op(CLAIM, "a", 1, 2), op(ALIVE, "a", 3, 4, REFUSED)),
        (op(CLAIM, "a", 1, 2), op(READ, "", 3, 3, seen="CANCELED")),
        (op(CLAIM, "a", 1, 2), op(RELEASE, "a", 3, 4), op(READ, "", 5, 5, seen="IN PROGRESS")),
        (op(CLAIM, "a", 1, 2), op(RELEASE, "a", 3, 4), op(ALIVE, "a", 5, 6)),
        (op(CLAIM, "a", 1, 2), op(RELEASE, "a", 3, 4, UNKNOWN), op(ALIVE, "a", 5, 6, REFUSED), op(ALIVE, "a", 7, 8)),
        (*GOOD, op(CLAIM, "c", 0.1, 0.2, REFUSED)),
    ],
)
def test_a_history_that_cannot_be_is_rejected(bad: tuple[Operation, ...]) -> None:
    assert history.check(bad) != []


def test_what_a_killed_client_had_noted_is_read_but_for_its_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "1.jsonl"
    for one in GOOD:
        history.written(path, one)
    with path.open("a") as file:
        file.write('{"client": "a", "ki')
    assert history.read([path]) == list(GOOD)
