"""Cold start to usable worklist: a new data directory, the real program, its own hub, studies from a real Orthanc.

From the start of the process to the log line "worklist shown", which the program writes after the first paint of the
table with rows in it: so it holds interpreter, hub, migration of a new database, first poll of the hospital, event
channel and window. The page cache of the machine is warm. Then once more with the data directory of before, and with
its hub still running, as a second profile or a restart finds it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from _region import ROOT, await_quiet, data_dir, display, hospital, say, small_studies

MARK = "worklist shown"
PATIENCE_S = 30.0


def start_until_shown(folder: Path, profile: str) -> float:
    """Seconds from the start of the program to its log line; the program is ended then."""
    log = folder / "profiles" / profile / "client.log"
    command = [sys.executable, "-m", "worklist_client", "--data-dir", str(folder), "--profile", profile]
    command += ["--language", "en", "--render", "software"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        while time.perf_counter() - started < PATIENCE_S:
            if log.exists() and MARK in log.read_text(encoding="utf-8"):
                return time.perf_counter() - started
            if process.poll() is not None:
                break
            time.sleep(0.005)
        raise SystemExit(f"no list was shown; status {process.poll()}")
    finally:
        process.terminate()
        process.wait(20)


def measure(rounds: int) -> dict[str, float]:
    """Medians in seconds."""
    cold: list[float] = []
    joined: list[float] = []
    with display(), hospital() as peer:
        peer.load(small_studies(5))
        for number in range(rounds + 1):
            with data_dir(peer, "dicomweb") as folder:
                await_quiet()
                first = start_until_shown(folder, "default")
                second = start_until_shown(folder, "second")
                wait_for_end(folder)
            if number:  # the first round warms the page cache
                cold.append(first)
                joined.append(second)
                say(f"cold {first:.2f} s, with a running hub {second:.2f} s")
    return {
        "usable_worklist_s": round(statistics.median(cold), 3),
        "usable_worklist_slowest_s": round(max(cold), 3),
        "with_running_hub_s": round(statistics.median(joined), 3),
    }


def wait_for_end(folder: Path) -> None:
    """The hub ends by itself when nobody needs it; its process must not disturb the next round."""
    address = folder / "hub.json"
    if not address.exists():
        return
    process_id = json.loads(address.read_text())["pid"]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and Path(f"/proc/{process_id}").exists():
        time.sleep(0.05)


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    print(json.dumps({"benchmark": "cold_start", "figures": measure(parser.parse_args().rounds)}))


if __name__ == "__main__":
    main()
