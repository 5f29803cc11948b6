"""What happens around the reader during the demo's night: a STAT study arrives, a colleague claims and releases.

A process of its own: `python -m worklist_client.demo.night HUB_FILE LATER_FOLDER SOUTH_PORT`. It talks UPS-RS and
C-STORE like anybody else, and ends when its standard input closes. With "" for the hub there is no colleague:
a hub that asks who signs in has readers of its own.
"""

from __future__ import annotations

import json
import sys
import threading
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path

import requests
from pydicom import dcmread
from pynetdicom import AE

from ups.claiming import release
from ups.client import UpsClient
from ups.errors import UpsError
from ups.states import ProcedureStepState

COLLEAGUE = {"code": "900002", "name": "Haan^Joris^^dr. de", "organisation": "Regionale Radiologie"}
STAT_AFTER_S = 60.0
COLLEAGUE_FIRST_S = 20.0
COLLEAGUE_READS_S = 45.0
COLLEAGUE_RESTS_S = 40.0


def main(arguments: list[str]) -> int:
    """Play the night until the parent is gone."""
    hub_file, later, south_port = arguments[0], Path(arguments[1]), int(arguments[2])
    over = threading.Event()

    def wait_for_the_parent() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=wait_for_the_parent, daemon=True).start()
    threading.Thread(target=_stat_study, args=(over, later, south_port), daemon=True).start()
    if not hub_file:
        over.wait()
    elif not over.wait(COLLEAGUE_FIRST_S):
        _read_along(Path(hub_file), over)
    return 0


def _read_along(hub_file: Path, over: threading.Event) -> None:
    while not hub_file.is_file():
        if over.wait(1.0):
            return
    _colleague(_client(hub_file), over.wait)


def _client(hub_file: Path) -> UpsClient:
    address = json.loads(hub_file.read_text())
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {address['token']}"
    session.headers["X-Worklist-Reader"] = urllib.parse.quote(json.dumps(COLLEAGUE))
    return UpsClient(address["url"], session=session)


def _colleague(client: UpsClient, wait: Callable[[float], bool]) -> None:
    """Claim the least urgent free study, read a while, release it; again and again."""
    while True:
        try:
            free = client.search({"ProcedureStepState": "SCHEDULED", "ScheduledProcedureStepPriority": "LOW"}, limit=1)
            if free:
                transaction_uid = f"2.25.{uuid.uuid4().int}"
                client.change_state(free[0].uid, ProcedureStepState.IN_PROGRESS, transaction_uid)
                if wait(COLLEAGUE_READS_S):
                    return
                release(client, free[0].uid, transaction_uid, cancelled=lambda: False, wait=wait)
        except UpsError:
            pass  # lost to the reader, or the hub is restarting: the colleague simply tries again later
        if wait(COLLEAGUE_RESTS_S):
            return


def _stat_study(over: threading.Event, later: Path, south_port: int) -> None:
    """Send the study that arrives late to its hospital, as a scanner does."""
    if over.wait(STAT_AFTER_S):
        return
    datasets = [dcmread(path) for path in sorted(later.rglob("*.dcm"))]
    scanner = AE(ae_title="ZUIDCT1")
    for sop_class, syntax in {(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID) for ds in datasets}:
        scanner.add_requested_context(sop_class, syntax)
    association = scanner.associate("127.0.0.1", south_port, ae_title="SOUTH")
    if association.is_established:
        for dataset in datasets:
            association.send_c_store(dataset)
        association.release()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
