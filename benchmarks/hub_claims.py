"""Claims over HTTP by 50 readers who signed in, with audit and events on, by two hub processes (SQLite: one).

    python -m benchmarks.hub_claims [--seconds 8] [--hubs 2] [--database sqlite|postgresql]

First as fast as they go, then at 200 a second in all, timed from the moment each was due. `raw` is the bare
compare-and-set on the same server by as many connections in the same run. Prints one JSON line; milliseconds and claims
a second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from benchmarks._hub import durable_cluster, fill, make_accounts, percentile, sign_in_lines, signed_in, told
from tests.peers.hub_process import HubProcess
from ups.identifiers import random_uid, uid_from_name
from worklist_hub.store.workitems import WorkitemStore

CLIENTS, PROCESSES, RATE = 50, 2, 200.0
SWAP = "UPDATE workitems SET state = 'IN PROGRESS', version = version + 1 WHERE uid = %s AND state = 'SCHEDULED'"


def claim(connection: http.client.HTTPConnection, uid: str, headers: dict[str, str]) -> int:
    """One claim; the status."""
    body = {
        "00741000": {"vr": "CS", "Value": ["IN PROGRESS"]},
        "00081195": {"vr": "UI", "Value": [random_uid()]},
    }
    connection.request("PUT", f"/workitems/{uid}/state", json.dumps(body), headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def work(ports: list[int], tokens: list[str], uids: list[str], seconds: float, rate: float, out: object) -> None:
    """One client process: a thread a reader, by token. Each result is (status, milliseconds, moment)."""
    results: list[tuple[int, float, float]] = []
    started = time.monotonic()  # not before: the process itself took its time to start
    until = started + seconds

    def run(place: int, token: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", ports[place % len(ports)], timeout=30)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/dicom+json"}
        gap = len(tokens) * PROCESSES / rate if rate else 0.0
        due = started + gap * place / len(tokens)
        for uid in uids[place :: len(tokens)]:
            if rate:
                time.sleep(max(due - time.monotonic(), 0.0))
            began = due if rate else time.monotonic()
            if time.monotonic() > until:
                break
            status = claim(connection, uid, headers)
            results.append((status, (time.monotonic() - began) * 1000, time.monotonic()))
            due += gap
        connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(tokens)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    out.put(results)  # type: ignore[attr-defined]


def phase(
    ports: list[int], tokens: list[str], uids: list[str], seconds: float, rate: float
) -> tuple[float, list[float]]:
    """Claims a second, and the milliseconds of each."""
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    made = [
        context.Process(target=work, args=(ports, tokens[n::PROCESSES], uids[n::PROCESSES], seconds, rate, out))
        for n in range(PROCESSES)
    ]
    for one in made:
        one.start()
    found = [result for _ in made for result in out.get(timeout=seconds + 60)]
    for one in made:
        one.join()
    failed = [status for status, *_ in found if status != 200]
    if failed:
        print(f"{len(failed)} of {len(found)} refused: {sorted(set(failed))}", file=sys.stderr, flush=True)
    moments = [moment for status, _, moment in found if status == 200]
    return len(moments) / (max(moments) - min(moments)), [taken for status, taken, _ in found if status == 200]


def raw_rate(address: Path | str, uids: list[str], seconds: float) -> float:
    """The bare compare-and-set, a second, by as many connections as a hub has."""
    done, until = [0] * 10, time.monotonic() + seconds

    def on_server(place: int) -> None:
        with psycopg.connect(str(address), autocommit=True) as connection:
            for uid in uids[place::10]:
                if time.monotonic() > until:
                    break
                done[place] += connection.execute(SWAP, (uid,)).rowcount

    if isinstance(address, Path):
        connection = sqlite3.connect(address, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        for uid in uids:
            if time.monotonic() > until:
                break
            done[0] += connection.execute(SWAP.replace("%s", "?"), (uid,)).rowcount
        connection.close()
        return sum(done) / seconds
    threads = [threading.Thread(target=on_server, args=(place,)) for place in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done) / seconds


def measured(folder: Path, url: str, hubs: int, seconds: float) -> dict[str, float]:
    """One database."""
    folder.mkdir(parents=True)
    address: Path | str = url or folder / "hub0" / "worklist.sqlite"
    (folder / "hub0").mkdir()
    store = WorkitemStore(address)
    make_accounts(store, CLIENTS)
    store.close()
    count = 60_000
    fill(address, 0, count)
    uids = [uid_from_name(f"bench|{number}") for number in range(count)]
    with ExitStack() as stack:
        lines = sign_in_lines(folder)
        made = [stack.enter_context(HubProcess(folder / f"hub{n}", url, *lines)) for n in range(hubs if url else 1)]
        ports = [hub.port for hub in made]
        tokens = signed_in(made[0].url, CLIENTS)
        phase(ports, tokens, uids[:500], 1.0, 0.0)  # warms up
        rate, _ = phase(ports, tokens, uids[1_000:20_000], seconds, 0.0)
        _, steady = phase(ports, tokens, uids[20_000 : 20_000 + int(RATE * seconds)], seconds, RATE)
    raw = raw_rate(address, uids[30_000:], 3.0)
    return {
        "claims_a_second": rate,
        "raw_a_second": raw,
        "of_raw": rate / raw,
        "p50_ms": percentile(steady, 0.5),
        "p99_ms": percentile(steady, 0.99),
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--hubs", type=int, default=2)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in [arguments.database] if arguments.database else ["postgresql", "sqlite"]:
            url = stack.enter_context(durable_cluster()).new_database() if name == "postgresql" else ""
            found = measured(folder / name, url, arguments.hubs, arguments.seconds)
            figures |= {f"{name}_{figure}": value for figure, value in found.items()}
    told("hub_claims", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
