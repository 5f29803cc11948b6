"""Claim to seen: two clients with event channels on one hub, each in a process of its own as in the product.

The clock starts before the first client asks for the claim and stops when the second one's live list says that the
study is claimed: so it holds the claim itself, the hub's transaction on disk, and the event's way through the channel.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from _region import ROOT, await_quiet, say

from tests.peers.hub import study_to_read
from ups.claiming import ClaimKind, claim
from ups.client import UpsClient
from ups.codes import Person
from ups.identifiers import random_uid
from viewer.cancel import CancelToken
from worklist_client.worklist.channel import listen
from worklist_client.worklist.embedded import start_or_join
from worklist_client.worklist.entries import Status
from worklist_client.worklist.live import LiveList

PATIENCE_S = 20.0


def watch(url: str, token: str) -> None:
    """The second client: one line for each study that it sees claimed, with the moment."""
    live = LiveList("2")
    client = UpsClient(url, token=token, reader=Person("2", "Bob^B", "South"), calling_ae="BOB")

    def emit(event: object) -> None:
        changes = live.apply(event)  # type: ignore[arg-type]
        for entry in (*changes.added, *changes.changed):
            if entry.status is Status.CLAIMED:
                print(f"{entry.workitem_uid} {time.monotonic()}", flush=True)
        if not changes.is_empty:
            print(f"rows {len(live.entries)}", flush=True)

    listen(client, "BOB")(CancelToken(), emit)


def measure(claims: int, pause_s: float) -> dict[str, float]:
    """Milliseconds from asking to seen."""
    with tempfile.TemporaryDirectory(prefix="bench-hub-") as folder:
        (Path(folder) / "hub.toml").write_text("[hub]\nidle_s = 3\n[intake]\nenabled = false\n", encoding="utf-8")
        address = start_or_join(Path(folder))
        client = UpsClient(address.url, token=address.token, reader=Person("1", "Ann^A", "North"), calling_ae="ANN")
        uids = [random_uid() for _number in range(claims)]
        for uid in uids:
            client.create(study_to_read(uid))
        command = [sys.executable, __file__, "--watch", address.url, address.token]
        watcher = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            return _race(client, uids, watcher, pause_s)
        finally:
            watcher.terminate()
            watcher.wait(10)
            client.close()
            if address.process is not None:
                address.process.terminate()
                address.process.wait(10)


def _race(client: UpsClient, uids: list[str], watcher: subprocess.Popen[str], pause_s: float) -> dict[str, float]:
    seen: dict[str, float] = {}
    arrived = threading.Condition()
    assert watcher.stdout is not None
    while watcher.stdout.readline().strip() != f"rows {len(uids)}":
        pass

    def read() -> None:
        for line in watcher.stdout or ():
            uid, _, moment = line.partition(" ")
            with arrived:
                if uid != "rows":
                    seen[uid] = float(moment)
                    arrived.notify_all()

    threading.Thread(target=read, daemon=True).start()
    await_quiet()
    answers: list[float] = []
    times: list[float] = []
    for uid in uids:
        asked = time.monotonic()
        outcome = claim(client, uid, random_uid(), cancelled=lambda: False, wait=time.sleep)
        answers.append((time.monotonic() - asked) * 1e3)
        if outcome.kind is not ClaimKind.WON:
            raise SystemExit("a claim was not won")
        with arrived:
            if not arrived.wait_for(lambda uid=uid: uid in seen, PATIENCE_S):
                raise SystemExit("a claim was not seen")
        times.append((seen[uid] - asked) * 1e3)
        time.sleep(pause_s)
    say(f"{len(times)} claims")
    centiles = statistics.quantiles(times, n=20)
    return {
        "claims": len(times),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(centiles[18], 1),
        "slowest_ms": round(max(times), 1),
        "answer_to_the_claimer_p50_ms": round(statistics.median(answers), 1),
    }


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", type=int, default=200)
    parser.add_argument("--pause-s", type=float, default=0.02)
    parser.add_argument("--watch", nargs=2, metavar=("URL", "TOKEN"), help="be the second client")
    chosen = parser.parse_args()
    if chosen.watch:
        watch(*chosen.watch)
        return
    print(json.dumps({"benchmark": "claim_seen", "figures": measure(chosen.claims, chosen.pause_s)}))


if __name__ == "__main__":
    main()
