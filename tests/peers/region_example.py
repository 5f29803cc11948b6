"""The region of docs/operation.md, started as written there in a folder of its own, on free ports."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.peers import postgres
from tests.peers.hub import study_to_read
from tests.peers.orthanc import free_port
from ups import claiming
from ups.claiming import ClaimKind
from ups.client import UpsClient
from ups.identifiers import random_uid
from worklist_client.worklist.region import put_draft, take_draft
from worklist_hub.operations.load_test import Load, Result, run

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "only of this example"
OTHER_READER = "users add ben --config region-data/hub-1.toml --code 2 --name 'Ben^Example' --grant 'reader@*'"


def unavailable() -> str:
    """Why there can be no region here, "" where there can."""
    found = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    return postgres.available() or ("" if found else "no haproxy")


def block(name: str) -> str:
    """The commands that operation.md gives under this name."""
    text = (ROOT / "docs" / "operation.md").read_text("utf-8")
    found = re.search(rf"<!-- region: {name} -->\n```sh\n(.*?)```", text, re.DOTALL)
    assert found is not None
    return found.group(1)


class Region:
    """The example in a folder of its own, on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "docs").symlink_to(ROOT / "docs")
        programs = folder / "bin"
        programs.mkdir()
        command = programs / "worklist-hub"
        command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m worklist_hub "$@"\n', "utf-8")
        command.chmod(0o755)
        names = ("PRIMARY_PORT", "STANDBY_PORT", "HUB_1_PORT", "HUB_2_PORT", "PROXY_PORT")
        self.ports = {name: str(free_port()) for name in names}
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, **self.ports, "PATH": path, "WORKLIST_HUB_PASSWORD": PASSWORD}
        self.url = f"http://127.0.0.1:{self.ports['PROXY_PORT']}"

    def sh(self, commands: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", commands],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def token(self) -> str:
        form = {"grant_type": "password", "username": "ann", "password": PASSWORD}
        answer = requests.post(f"{self.url}/region/auth/token", data=form, timeout=20)
        return str(answer.json()["access_token"])

    def loaded(self, while_it_runs: str, seconds: float = 4, begun: threading.Event | None = None) -> Result:
        """Claims through the proxy; some of them later, commands, whose beginning is told."""
        result = Result()
        load, token = Load(clients=4, rate=12, seconds=seconds), self.token()
        thread = threading.Thread(target=lambda: run(self.url, token, load, beside_real_studies=True, into=result))
        thread.start()
        while len(result.latencies) < 5 and thread.is_alive():
            thread.join(0.01)
        if begun is not None:
            begun.set()
        self.sh(while_it_runs)
        thread.join()
        return result

    def handed_draft(self, between: str) -> dict[str, object]:
        """A draft left with a study, and taken again by who claims it next; between the two, commands."""
        client, made = UpsClient(self.url, token=self.token()), study_to_read(site_id="north")
        client.create(made)
        transaction_uid = self.claimed(client, made.uid)
        put_draft(client, made.uid, transaction_uid, "", {"findings": "a small haemorrhage"})
        uid = claiming.release(client, made.uid, transaction_uid, cancelled=lambda: False, wait=lambda _s: None)
        self.sh(between)
        taken = take_draft(client, uid, self.claimed(client, uid))
        client.close()
        assert taken is not None
        return dict(taken.draft)

    @staticmethod
    def claimed(client: UpsClient, uid: str) -> str:
        transaction_uid = random_uid()
        won = claiming.claim(client, uid, transaction_uid, cancelled=lambda: False, wait=lambda _s: None)
        assert won.kind is ClaimKind.WON
        return transaction_uid


@contextmanager
def running_region() -> Iterator[Region]:
    """Started, with the account of the document, and another reader's; stopped at the end as the document says."""
    folder = Path(tempfile.mkdtemp(prefix="worklist-region-"))
    folder.chmod(0o755)  # the database's own user must get there
    made = Region(folder)
    try:
        made.sh(block("start"))
        made.sh(block("user"))
        made.environment["PGPASSFILE"] = str(folder / "region-data" / "pgpass")
        made.sh(f"worklist-hub {OTHER_READER}")
        yield made
    finally:
        made.sh(block("stop"))
        shutil.rmtree(folder)
