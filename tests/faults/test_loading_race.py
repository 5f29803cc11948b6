"""Everything that first needs pydicom starts at once, as after a restart with reports on their way to a hospital.

Where two threads begin with different parts of a package that imports itself in circles, Python gives one of them a
half made module; a report then needed attention because of an ImportError.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RACE = """
import sys, threading
from importlib import import_module
from pacs.connect import open_pacs
from pacs.site import DicomwebConnection, DimseConnection
from worklist_client.delivery.service import DeliveryService
from worklist_client.reading.instance_identity import national_id_in
from worklist_client.ui.warm_up import LIBRARIES

sys.setswitchinterval(1e-5)
service = DeliveryService(None, None, tuple, None, None)
works = [
    lambda: open_pacs(DimseConnection("a", "h", 1, "X"), calling_ae="A"),
    lambda: open_pacs(DimseConnection("b", "h", 1, "X"), calling_ae="A"),
    lambda: open_pacs(DicomwebConnection("c", "http://h"), calling_ae="A"),
    service._carrier,
    lambda: national_id_in("/nowhere"),
    lambda: [import_module(name) for name in LIBRARIES],
]
KNOWN_BAD = [lambda: import_module("pydicom.datadict"), lambda: import_module("pydicom.valuerep")]
works += KNOWN_BAD if sys.argv[1] == "bad" else []
barrier, failed = threading.Barrier(len(works)), []

def run(work):
    barrier.wait()
    try:
        work()
    except BaseException as error:
        failed.append(repr(error)[:200])

threads = [threading.Thread(target=run, args=(work,)) for work in works]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(failed)
sys.exit(3 if failed else 0)
"""


def _race(kind: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", RACE, kind], cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.parametrize("attempt", range(3))
def test_whatever_is_first_finds_the_library_whole(attempt: int) -> None:
    done = _race("good")
    assert done.returncode == 0, done.stdout + done.stderr


def test_known_bad_threads_that_begin_with_its_parts_meet_it_half_made() -> None:
    assert any(_race("bad").returncode == 3 for _ in range(10))
