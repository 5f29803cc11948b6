"""A hub that is told to stop: out of the proxy's list first, then every acknowledged change is told, then the end."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.peers.hub import ANN, study_to_read
from tests.peers.orthanc import free_port
from ups import dicom_json as dj
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.errors import UpsError
from worklist_hub.app import main

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30.0


def until_ready(url: str) -> None:
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        try:
            if requests.get(f"{url}/ready", timeout=1).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.02)
    raise AssertionError("the hub does not start")


def test_sigterm_drops_no_event_and_leaves_a_whole_chain(tmp_path: Path) -> None:
    port = free_port()
    config = tmp_path / "hub.toml"
    config.write_text(f'[hub]\nlisten = "127.0.0.1:{port}"\n[operations]\ndrain_s = 0.5\nlog = "json"\n', "utf-8")
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "worklist_hub", "serve", "--config", str(config)]
    acknowledged: list[str] = []

    def create_until_it_ends() -> None:
        client = UpsClient(url, reader=ANN)
        try:
            while True:
                study = study_to_read()
                client.create(study)
                acknowledged.append(study.uid)
        except UpsError:
            client.close()

    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            until_ready(url)
            with contextlib.closing(UpsClient(url, reader=ANN)) as client:
                where = client.subscribe(GLOBAL_SUBSCRIPTION, "WATCHER").websocket_url
            heard: set[str] = set()
            with connect(where, proxy=None) as socket:
                threads = [threading.Thread(target=create_until_it_ends) for _ in range(4)]
                for thread in threads:
                    thread.start()
                while len(heard) < 20:
                    heard.add(dj.text(json.loads(socket.recv(DEADLINE_S)), "AffectedSOPInstanceUID"))
                process.send_signal(signal.SIGTERM)
                try:
                    while True:
                        heard.add(dj.text(json.loads(socket.recv(DEADLINE_S)), "AffectedSOPInstanceUID"))
                except ConnectionClosed:
                    pass
            for thread in threads:
                thread.join(DEADLINE_S)
            assert process.wait(DEADLINE_S) in (0, -signal.SIGTERM)
        finally:
            process.kill()
    assert set(acknowledged) <= heard
    assert len(acknowledged) >= 20
    assert main(["audit", "verify", "--config", str(config)]) == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "worklist.sqlite")) as database:
        actions = [row[0] for row in database.execute("SELECT action FROM audit_events ORDER BY at, number")]
    assert actions[-2:] == ["stop", "read-audit"]
