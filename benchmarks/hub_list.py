"""The filtered list of the first 200 over HTTP, with 10 thousand and a million workitems of history and 5,000 open.

    python -m benchmarks.hub_list [--history 1000000] [--requests 60] [--database sqlite|postgresql]

Prints one JSON line; milliseconds, per request, mixed over the filters a reader uses. `raw` is the same rows by one
statement of the database, in the same run; `restart_s` is from the start of the process to its first answered list.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg

from benchmarks._hub import durable_cluster, fill, median, percentile, told
from tests.peers.hub_process import HubProcess
from ups.client import UpsClient
from worklist_hub.store.workitems import WorkitemStore

OPEN = 5_000
FILTERS: tuple[dict[str, str], ...] = (
    {"ProcedureStepState": "SCHEDULED"},
    {"ProcedureStepState": "SCHEDULED", "ModalitiesInStudy": "CT"},
    {"ProcedureStepState": "SCHEDULED", "ModalitiesInStudy": "SR", "ScheduledProcedureStepPriority": "HIGH"},
    {
        "ProcedureStepState": "SCHEDULED",
        "ScheduledStationGeographicLocationCodeSequence.CodeValue": "south",
        "ScheduledStationClassCodeSequence.CodeValue": "NEURO",
    },
    {"ProcedureStepState": "SCHEDULED", "WorklistLabel": "NEURO*"},
    {"ProcedureStepState": "SCHEDULED", "PatientName": "family000*"},
    {"PatientID": "P00000017"},
)
RAW = (
    "SELECT dataset FROM workitems WHERE state = 'SCHEDULED' AND (modality = 'CT' OR (further_values <> ''"
    " AND further_values LIKE '%\\modality=CT\\%')) ORDER BY position LIMIT 200"
)


def raw_ms(address: Path | str, count: int) -> list[float]:
    """The same rows by the bare statement."""
    found: list[float] = []
    connection = psycopg.connect(address) if isinstance(address, str) else sqlite3.connect(address)
    for _ in range(count):
        began = time.perf_counter()
        rows = connection.execute(RAW).fetchall()  # type: ignore[arg-type]
        found.append((time.perf_counter() - began) * 1000)
        assert len(rows) == 200
    connection.close()
    return found


def list_ms(url: str, count: int) -> tuple[list[float], dict[int, float]]:
    """Milliseconds of each request, and the median of each filter."""
    client = UpsClient(url, read_timeout_s=120)
    each: dict[int, list[float]] = {number: [] for number in range(len(FILTERS))}
    for turn in range(count + 1):
        for number, filters in enumerate(FILTERS):
            began = time.perf_counter()
            client._send("GET", "/workitems?" + "&".join([*(f"{k}={v}" for k, v in filters.items()), "limit=200"]))
            if turn:  # the first round warms up
                each[number].append((time.perf_counter() - began) * 1000)
    client.close()
    return [one for found in each.values() for one in found], {key: median(found) for key, found in each.items()}


def measured(folder: Path, url: str, history: int, requests: int) -> dict[str, float]:
    """One size of history."""
    address: Path | str = url or folder / "worklist.sqlite"
    folder.mkdir(parents=True, exist_ok=True)
    WorkitemStore(address).close()
    began = time.perf_counter()
    fill(address, history, OPEN)
    print(f"filled {history} in {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    began = time.perf_counter()
    with HubProcess(folder, url) as hub:
        client = UpsClient(hub.url)
        assert len(client.search({"ProcedureStepState": "SCHEDULED"}, limit=200)) == 200
        client.close()
        restart_s = time.perf_counter() - began
        found, each = list_ms(hub.url, requests)
    print(history, {number: round(value, 1) for number, value in each.items()}, file=sys.stderr, flush=True)
    return {
        "p50_ms": percentile(found, 0.5),
        "p95_ms": percentile(found, 0.95),
        "raw_p50_ms": median(raw_ms(address, 20)),
        "restart_s": restart_s,
    }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--history", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in [arguments.database] if arguments.database else ["postgresql", "sqlite"]:
            cluster = stack.enter_context(durable_cluster()) if name == "postgresql" else None
            sizes = {}
            for size, history in (("small", 10_000), ("large", arguments.history)):
                url = cluster.new_database() if cluster is not None else ""
                sizes[size] = measured(folder / name / size, url, history, arguments.requests)
            figures |= {f"{name}_{figure}": value for figure, value in sizes["large"].items()}
            figures[f"{name}_growth"] = sizes["large"]["p50_ms"] / sizes["small"]["p50_ms"]
    told("hub_list", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
