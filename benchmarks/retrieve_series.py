"""A 250-slice 512² 16-bit CT from Orthanc on loopback: received, written and header-ingested by a warm worker, over
DICOMweb and C-GET, beside `curl` (WADO-RS to nothing) and `getscu` (to disk) in the same run.

    python -m benchmarks.retrieve_series [--rounds 5] [--slices 250]

Prints one JSON line; times in seconds, the median of the rounds, which alternate between the candidates.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks._graveyard import bury  # noqa: E402
from pacs.port import RetrieveRequest  # noqa: E402
from pacs.site import Connection  # noqa: E402
from pacs.workers import WorkerProcess  # noqa: E402
from tests.peers.orthanc import OrthancPeer  # noqa: E402
from tests.peers.synthetic import ct_series, uid_of  # noqa: E402
from viewer.dicom.ingest import ingest  # noqa: E402

STUDY = "benchmark"
ACCEPT = 'Accept: multipart/related; type="application/dicom"; transfer-syntax=*'
CALLING_AE = "WLBENCH"


def never() -> bool:
    """Nobody cancels a benchmark."""
    return False


def by_curl(peer: OrthancPeer) -> float:
    """Seconds for `curl` to fetch the study by WADO-RS to nothing."""
    url = f"{peer.base_url}/studies/{uid_of(STUDY)}"
    command = ["curl", "-s", "-f", "-o", os.devnull, "-w", "%{time_total}", "-H", ACCEPT]
    answer = subprocess.run(
        [*command, "-u", f"{peer.user}:{peer.password}", url], capture_output=True, text=True, check=True
    )
    return float(answer.stdout)


def by_getscu(peer: OrthancPeer, folder: str) -> float:
    """Seconds for DCMTK `getscu` to fetch the study to disk, without Nagle's delay and with 128 KiB PDUs."""
    keys = ["-k", "0008,0052=STUDY", "-k", f"0020,000D={uid_of(STUDY)}"]
    command = ["getscu", "-aet", CALLING_AE, "-aec", peer.ae_title, "-S", "+B", "-pdu", "131072", "-od", folder, *keys]
    started = time.perf_counter()
    subprocess.run([*command, "127.0.0.1", str(peer.dicom_port)], env={**os.environ, "TCP_NODELAY": "1"}, check=True)
    return time.perf_counter() - started


def by_worker(
    worker: WorkerProcess, connection: Connection, peer: OrthancPeer, folder: str, slices: int
) -> tuple[float, float]:
    """(seconds to the first ingested image, seconds to the last one) as the parent process sees them."""
    times: list[float] = []
    count = 0

    def on_batch(headers: list[object]) -> None:
        nonlocal count
        count += len(headers)
        times.append(time.perf_counter() - started)

    started = time.perf_counter()
    request = RetrieveRequest(uid_of(STUDY), folder, uid_of(STUDY, "1"), to_come=slices)
    result = worker.retrieve(connection, request, ingest, on_batch, never, credentials=peer.credentials)
    if result.missing or count != result.expected:
        raise SystemExit(f"only {count} of {result.expected} came")
    return times[0], times[-1]


def in_fresh_folder(measure: Callable[[str], object]) -> object:
    """What `measure(folder)` gives; the folder is emptied outside the measurement."""
    folder = tempfile.mkdtemp(prefix="bench-")
    try:
        return measure(folder)
    finally:
        bury(folder)
        shutil.rmtree(folder, ignore_errors=True)


def measure(rounds: int, slices: int) -> dict[str, object]:
    """All candidates, interleaved."""
    figures: dict[str, list[float]] = {}
    worker = WorkerProcess(calling_ae=CALLING_AE, preload=("viewer.dicom.ingest",))
    worker.start()
    try:
        with OrthancPeer(name="bench", known=[(CALLING_AE, 0)]) as peer:
            peer.load(ct_series(STUDY, slices, size=512))
            connections: dict[str, Connection] = {"dicomweb": peer.dicomweb(), "c_get": peer.dimse()}
            for number in range(rounds + 1):
                row = {"curl": by_curl(peer)}
                row["getscu"] = float(str(in_fresh_folder(lambda folder: by_getscu(peer, folder))))
                for name, connection in connections.items():
                    pair = in_fresh_folder(lambda folder, to=connection: by_worker(worker, to, peer, folder, slices))  # type: ignore[misc]
                    row[f"{name}_first"], row[f"{name}_all"] = pair  # type: ignore[misc]
                if number:
                    for name, seconds in row.items():
                        figures.setdefault(name, []).append(seconds)
    finally:
        worker.stop()
    medians = {name: round(statistics.median(values), 4) for name, values in figures.items()}
    figures = {
        **{f"{name}_s": value for name, value in medians.items()},
        "dicomweb_over_curl": round(medians["dicomweb_all"] / medians["curl"], 2),
        "c_get_over_getscu": round(medians["c_get_all"] / medians["getscu"], 2),
    }
    return {"benchmark": "retrieve_series", "figures": figures}


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slices", type=int, default=250)
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.rounds, arguments.slices)))


if __name__ == "__main__":
    main()
