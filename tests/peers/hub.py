"""A real hub on a socket, in a thread of the test process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ups.client import UpsClient
from ups.codes import Person
from ups.identifiers import random_uid
from ups.workitem import Workitem
from worklist_hub.config import HubConfig
from worklist_hub.service import Hub

ANN, BOB = Person("1", "Ann^A", "North"), Person("2", "Bob^B", "South")


@contextmanager
def running_hub(folder: Path, **settings: Any) -> Iterator[Hub]:
    """Serve from `folder` until the block ends. `settings` are `HubConfig` fields, `token` and `store`."""
    made = {name: settings.pop(name) for name in ("token", "store", "embedded") if name in settings}
    hub = Hub(replace(HubConfig(database=folder / "worklist.sqlite"), **settings), **made)
    thread = threading.Thread(target=hub.run, name="hub")
    thread.start()
    try:
        yield hub
    finally:
        hub.stop()
        thread.join()


@contextmanager
def client_of(hub: Hub, reader: Person | None = ANN, **settings: Any) -> Iterator[UpsClient]:
    """A client of a running hub."""
    client = UpsClient(hub.url, reader=reader, **settings)
    try:
        yield client
    finally:
        client.close()


def study_to_read(uid: str = "", **more: Any) -> Workitem:
    """A workitem as intake makes it."""
    given = {"site_id": "north", "site_name": "North", "study_instance_uid": random_uid(), "patient_name": "Ő^ё"}
    defaults = {"label": "CT head", "priority": "MEDIUM", "readiness": "READY", "start": "20260101120000+0000"}
    return Workitem(uid or random_uid(), **{**given, **defaults, **more})
