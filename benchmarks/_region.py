"""What the benchmarks share: a real Orthanc with a synthetic CT, a hub that reads from it, a display."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))

import numpy as np  # noqa: E402
import psutil  # noqa: E402

from pacs.secrets import variable_of  # noqa: E402
from tests.peers.orthanc import OrthancPeer  # noqa: E402
from tests.peers.synthetic import ct_slice, uid_of  # noqa: E402
from worklist_client.demo.surroundings import has_display, offscreen_display  # noqa: E402

SLICES, SIDE_PX = 250, 512
STUDY = "benchmark-ct"
CALLING_AE = "WORKLIST"
HUB_AE = "WORKLISTHUB"
BUSY_PERCENT = 15.0
DECODED_BYTES = SLICES * SIDE_PX * SIDE_PX * 2


@contextmanager
def display() -> Iterator[None]:
    """The display that is there, else a virtual one for as long as the block runs."""
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(sys.stderr))
        if not has_display():
            stack.enter_context(offscreen_display())
        yield


def say(text: str) -> None:
    """Progress, beside the one line of figures; with the load of the machine, which is shared."""
    load = os.getloadavg()[0]
    print(f"   {text}  (load {load:.1f})", file=sys.stderr, flush=True)


def await_quiet(patience_s: float = 20.0) -> None:
    """Wait until others leave the processor alone, for machines are shared; after a while it is measured anyway."""
    deadline = time.monotonic() + patience_s
    while psutil.cpu_percent(interval=0.4) > BUSY_PERCENT and time.monotonic() < deadline:
        pass


def today() -> dict[str, Any]:
    """Attributes of a study that has just been made, so that intake takes it."""
    now = datetime.now(ZoneInfo("Europe/Amsterdam"))
    return {"StudyDate": now.strftime("%Y%m%d"), "StudyTime": now.strftime("%H%M%S")}


def large_ct() -> Iterator[Any]:
    """250 slices of 512² 16-bit noise around a body: not compressible, as real images are not."""
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[-1:1:512j, -1:1:512j]
    noise = rng.normal(0, 12, (SIDE_PX, SIDE_PX + SLICES))
    for number in range(1, SLICES + 1):
        body = np.where(rows**2 + columns**2 < 0.6 + 0.2 * np.sin(number / 20), 40.0, -1000.0)
        values = (body + noise[:, number : number + SIDE_PX]).astype("<i2")
        yield ct_slice(STUDY, number, size=SIDE_PX, changes={**today(), "PixelData": values.tobytes()})


def small_studies(count: int) -> Iterator[Any]:
    """Studies of three small slices each, so that a list has rows."""
    for study in range(count):
        changes = {**today(), "PatientID": f"S{study}", "PatientName": f"Rij{random.Random(study).randrange(999)}^Test"}
        for number in (1, 2, 3):
            yield ct_slice(f"benchmark-{study}", number, changes=changes)


@contextmanager
def hospital() -> Iterator[OrthancPeer]:
    """An Orthanc that lets desk, hub and DCMTK in."""
    known = [(CALLING_AE, 0), (HUB_AE, 0), ("GETSCU", 0)]
    with OrthancPeer(name="bench", known=known) as peer:
        for connection_id in ("bench-web", "bench-dimse"):
            os.environ[variable_of(connection_id)] = f"{peer.user}:{peer.password}"
        yield peer


def hub_toml(peer: OrthancPeer, kind: str) -> str:
    """A hub that reads from this hospital; `kind` is dicomweb or c_get."""
    if kind == "dicomweb":
        connection = f'kind = "dicomweb", connection_id = "bench-web", base_url = "{peer.base_url}"'
    else:
        connection = (
            f'kind = "dimse", connection_id = "bench-dimse", host = "127.0.0.1", port = {peer.dicom_port}, '
            f'called_ae = "{peer.ae_title}"'
        )
    return (
        '[hub]\nidle_s = 5\n[intake]\npoll_s = 1\n[[site]]\nsite_id = "bench"\nname = "Bench"\ncolor = "#40a0ff"\n'
        f"connections = [{{ {connection} }}]\n"
    )


@contextmanager
def data_dir(peer: OrthancPeer, kind: str) -> Iterator[Path]:
    """A new data directory with nothing but hub.toml."""
    folder = Path(tempfile.mkdtemp(prefix="bench-desk-"))
    try:
        (folder / "hub.toml").write_text(hub_toml(peer, kind), encoding="utf-8")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def study_uid() -> str:
    """Study Instance UID of the large CT."""
    return uid_of(STUDY)
