"""Intake that keeps up: a hub process polls a hospital by QIDO-RS at its usual interval while studies pour in.

    python -m benchmarks.hub_intake [--rate 60] [--seconds 40] [--burst 2000] [--database sqlite|postgresql]

Prints one JSON line. `seen` is from the moment when the hospital had sent the answer that first names a study to the
moment when a subscriber has its event, in milliseconds, at `--rate` new studies a second; `studies_a_second` is how
fast a burst that one poll finds comes on the list; `raw` is bare rows a second in the same database, a commit each.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from benchmarks._hub import durable_cluster, percentile, told
from tests.peers.hub_process import HubProcess
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.codes import Person
from ups.identifiers import uid_from_name, workitem_uid

SITE = "big"
POLL_S = 10
PATIENCE_S = 60.0
RAW_ROWS = 300
READER = Person("1", "Bench^Mark", "Region")
BIG_SITE = f"""
[intake]
poll_s = {POLL_S}
[[site]]
site_id = "{SITE}"
name = "Big Hospital"
color = "#4FA3E0"
connections = [{{ kind = "dicomweb", connection_id = "big", base_url = "http://127.0.0.1:PORT" }}]
"""


class Hospital:
    """Answers QIDO-RS about studies that are added to it; notes when it first named each."""

    def __init__(self) -> None:
        self.named: dict[str, float] = {}
        self._studies: list[str] = []
        self._answers: list[bytes] = []
        hospital = self

        class Door(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                body, names = hospital.answer(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "application/dicom+json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                now = time.monotonic()
                for study in names:
                    hospital.named.setdefault(study, now)

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def add(self) -> str:
        """One more study."""
        number = len(self._studies)
        study = uid_from_name(f"intake|{number}")
        self._answers.append(json.dumps(_study(study, number)).encode())
        self._studies.append(study)
        return study

    def answer(self, path: str) -> tuple[bytes, list[str]]:
        """The body, and the studies that it names."""
        parts = urlsplit(path)
        steps = parts.path.strip("/").split("/")
        if len(steps) == 1:
            wanted = parse_qs(parts.query).get("StudyInstanceUID")
            number = len(self._studies)
            chosen = [n for n in range(number) if wanted is None or self._studies[n] in wanted]
            return b"[" + b",".join(self._answers[n] for n in chosen) + b"]", [self._studies[n] for n in chosen]
        return json.dumps([_below(steps[1], steps[-1])]).encode(), []

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _study(study: str, number: int) -> dict[str, object]:
    texts = {
        "0020000D": ("UI", study),
        "00080020": ("DA", time.strftime("%Y%m%d")),
        "00080030": ("TM", time.strftime("%H%M%S")),
        "00080050": ("SH", f"A{number:08}"),
        "00080061": ("CS", "CT"),
        "00081030": ("LO", "CT head without contrast"),
        "00100020": ("LO", f"P{number:08}"),
        "00100030": ("DA", "19620304"),
        "00100040": ("CS", "F"),
        "00201208": ("IS", 250),
    }
    made: dict[str, object] = {tag: {"vr": vr, "Value": [value]} for tag, (vr, value) in texts.items()}
    return {**made, "00100010": {"vr": "PN", "Value": [{"Alphabetic": f"Family{number:06}^Given"}]}}


def _below(study: str, level: str) -> dict[str, object]:
    """The one series, its one instance, its metadata."""
    uids = {"0020000D": study, "0020000E": f"{study}.1"}
    uids |= {} if level == "series" else {"00080018": f"{study}.1.1", "00080016": "1.2.840.10008.5.1.4.1.1.2"}
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}


class Watcher:
    """A subscriber; notes when it hears of each workitem first."""

    def __init__(self, url: str) -> None:
        self.heard: dict[str, float] = {}
        self._client = UpsClient(url, reader=READER)
        address = self._client.subscribe(GLOBAL_SUBSCRIPTION, "WATCH").websocket_url
        self._socket = connect(address, max_size=None, compression=None, proxy=None)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            for frame in self._socket:
                now = time.monotonic()
                self.heard.setdefault(json.loads(frame)["00001000"]["Value"][0], now)
        except ConnectionClosed:
            return

    def wait_for(self, workitems: list[str]) -> None:
        """Until all are heard of."""
        until = time.monotonic() + PATIENCE_S
        while any(uid not in self.heard for uid in workitems):
            if time.monotonic() > until:
                missing = sum(uid not in self.heard for uid in workitems)
                raise SystemExit(f"{missing} of {len(workitems)} studies never came on the list")
            time.sleep(0.05)

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._client.close()


def poured(hospital: Hospital, rate: float, seconds: float) -> list[str]:
    """So many studies a second; their UIDs."""
    began = time.monotonic()
    studies: list[str] = []
    while (passed := time.monotonic() - began) < seconds:
        while len(studies) < rate * passed:
            studies.append(hospital.add())
        time.sleep(0.01)
    return studies


def figures(folder: Path, database: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Of one database."""
    hospital = Hospital()
    hub = HubProcess(folder, database, BIG_SITE.replace("PORT", str(hospital.port)))
    with hub:
        watcher = Watcher(hub.url)
        studies = poured(hospital, arguments.rate, arguments.seconds)
        watcher.wait_for([workitem_uid(SITE, study) for study in studies])
        sustained = sustained_a_second(hospital, watcher, studies)
        burst = [hospital.add() for _ in range(arguments.burst)]
        watcher.wait_for([workitem_uid(SITE, study) for study in burst])
        watcher.close()
    hospital.close()
    late = [(watcher.heard[workitem_uid(SITE, study)] - hospital.named[study]) * 1000 for study in studies]
    last = max(watcher.heard[workitem_uid(SITE, study)] for study in burst)
    burst_s = last - min(hospital.named[study] for study in burst)
    return {
        "studies_a_second": len(burst) / burst_s,
        "sustained_a_second": sustained,
        "seen_p50_ms": percentile(late, 0.5),
        "seen_p95_ms": percentile(late, 0.95),
        "seen_max_ms": max(late),
        "raw_a_second": raw(folder, database),
    }


def sustained_a_second(hospital: Hospital, watcher: Watcher, studies: list[str]) -> float:
    """Of the studies behind those of the first poll: from the last event of that poll to the last of all."""
    first = min(hospital.named[study] for study in studies)
    heard = {study: watcher.heard[workitem_uid(SITE, study)] for study in studies}
    began = max(heard[study] for study in studies if hospital.named[study] == first)
    later = [moment for moment in heard.values() if moment > began]
    return len(later) / (max(later) - began)


def raw(folder: Path, database: str) -> float:
    """Rows of 3 kB a second, a commit each."""
    text, statement = "x" * 3000, "INSERT INTO raw_rows VALUES ({0}, {0})"
    if database:
        with psycopg.connect(database, autocommit=True) as server:
            server.execute("CREATE TABLE raw_rows (uid text PRIMARY KEY, dataset text)")
            began = time.monotonic()
            for number in range(RAW_ROWS):
                server.execute(statement.format("%s"), (str(number), text))  # type: ignore[arg-type]
            return RAW_ROWS / (time.monotonic() - began)
    connection = sqlite3.connect(folder / "raw.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE raw_rows (uid text PRIMARY KEY, dataset text)")
    began = time.monotonic()
    for number in range(RAW_ROWS):
        connection.execute(statement.format("?"), (str(number), text))
    took = time.monotonic() - began
    connection.close()
    return RAW_ROWS / took


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--burst", type=int, default=2000)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default=None)
    arguments = parser.parse_args()
    made: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name in (arguments.database,) if arguments.database else ("sqlite", "postgresql"):
            url = stack.enter_context(durable_cluster()).url() if name == "postgresql" else ""
            made |= {f"{name}_{key}": value for key, value in figures(folder / name, url, arguments).items()}
    told("hub_intake", made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
