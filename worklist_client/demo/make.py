"""Makes the demo region's archive on disk: one folder a hospital, at most 300 MB, in at most 30 s, two processes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from worklist_client.demo.objects import Order, instances
from worklist_client.demo.patients import PATIENTS

VERSION = 2
STAMP = "made.json"
FRESH_FOR = timedelta(hours=12)
LATER = "later"
"""Folder of the studies that arrive while the demo runs."""


def orders(now: datetime) -> list[Order]:
    """All studies, each with its moment; those that arrive later are of `now`."""
    return [
        Order(patient, study, now - timedelta(hours=study.hours_ago))
        for patient in PATIENTS
        for study in patient.studies
    ]


def archive(folder: Path, now: datetime) -> Path:
    """The folder of an archive not older than `FRESH_FOR`, made where there is none."""
    stamp = folder / STAMP
    if stamp.is_file():
        made = json.loads(stamp.read_text())
        if made["version"] == VERSION and timedelta(0) <= now - datetime.fromisoformat(made["at"]) < FRESH_FOR:
            return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_all(folder, orders(now))
    stamp.write_text(json.dumps({"version": VERSION, "at": now.isoformat()}))
    return folder


def write_all(folder: Path, wanted: Iterable[Order]) -> None:
    """Write the studies, the largest first, with two processes."""
    largest_first = sorted(wanted, key=lambda order: order.study.kind != "ct_chest_thin")
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_write, [(str(folder), order) for order in largest_first]))


def _write(job: tuple[str, Order]) -> None:
    folder, order = job
    place = Path(folder) / (LATER if order.study.arrives_later else order.study.site_id) / order.study.accession
    place.mkdir(parents=True, exist_ok=True)
    for dataset in instances(order):
        dataset.save_as(place / f"{dataset.InstanceNumber:04d}.dcm", enforce_file_format=True)
