"""Worker processes fetching from a real Orthanc: first image at once, cancel, and an object that kills its reader."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from pacs.errors import Interrupted, WorkerLost
from pacs.files import file_name_of
from pacs.port import RetrieveRequest
from pacs.site import Connection
from pacs.workers import MAX_DEATHS, WorkerProcess
from tests.peers.fixtures import CALLING_AE
from tests.peers.orthanc import OrthancPeer
from tests.peers.proxy import FaultProxy
from tests.peers.synthetic import ct_series, uid_of

STUDY = "workers"
SLICES = 30
READER = """
import os, time
from pathlib import Path

def name(path):
    return os.path.basename(path)

def slow(path):
    time.sleep(0.02)
    return name(path)

def poisoned(path):
    if name(path) == POISON:
        os.abort()
    return name(path)

def deadly(path):
    os.abort()
"""


def never() -> bool:
    return False


@pytest.fixture(scope="module")
def loaded(orthanc_c: OrthancPeer) -> OrthancPeer:
    orthanc_c.load(ct_series(STUDY, SLICES, size=128))
    return orthanc_c


@pytest.fixture(params=["dicomweb", "C-GET"])
def connection(request: pytest.FixtureRequest, loaded: OrthancPeer) -> Connection:
    return loaded.dicomweb() if request.param == "dicomweb" else loaded.dimse()


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand-ins for the viewer's `ingest`, importable in the worker."""
    folder = tmp_path / "reader"
    folder.mkdir()
    module = f"reader_{abs(hash(str(tmp_path)))}"
    (folder / f"{module}.py").write_text(READER + f"POISON = {file_name_of(uid_of(STUDY, '1', 7))!r}\n")
    monkeypatch.syspath_prepend(str(folder))
    return import_module(module)


@pytest.fixture
def worker(reader: Any) -> Iterator[WorkerProcess]:
    made = WorkerProcess(calling_ae=CALLING_AE, preload=(reader.__name__,))
    yield made
    made.stop()


def fetch(
    worker: WorkerProcess, loaded: OrthancPeer, connection: Connection, folder: Path, ingest: Callable[[str], Any]
) -> tuple[list[list[str]], Any]:
    batches: list[list[str]] = []
    request = RetrieveRequest(uid_of(STUDY), str(folder / "cache"))
    result = worker.retrieve(connection, request, ingest, batches.append, never, credentials=loaded.credentials)
    return batches, result


def test_the_first_result_comes_alone_and_the_rest_in_few_batches(
    worker: WorkerProcess, loaded: OrthancPeer, connection: Connection, reader: Any, tmp_path: Path
) -> None:
    started = time.monotonic()
    batches, result = fetch(worker, loaded, connection, tmp_path, reader.slow)
    took_s = time.monotonic() - started
    assert len(batches[0]) == 1
    names = [name for batch in batches for name in batch]
    assert sorted(names) == sorted(file_name_of(uid_of(STUDY, "1", number)) for number in range(1, SLICES + 1))
    assert len(batches) <= 20 * took_s + 2
    assert (result.received, result.missing) == (SLICES, ())


def test_an_object_that_kills_its_reader_costs_that_object_alone(
    worker: WorkerProcess, loaded: OrthancPeer, connection: Connection, reader: Any, tmp_path: Path
) -> None:
    batches, result = fetch(worker, loaded, connection, tmp_path, reader.poisoned)
    names = {name for batch in batches for name in batch}
    assert len(names) == SLICES - 1
    assert result.missing == (uid_of(STUDY, "1", 7),)
    assert result.received == SLICES - 1
    assert result.warnings


def test_a_reader_that_dies_of_everything_is_given_up(
    worker: WorkerProcess, loaded: OrthancPeer, connection: Connection, reader: Any, tmp_path: Path
) -> None:
    with pytest.raises(WorkerLost) as caught:
        fetch(worker, loaded, connection, tmp_path, reader.deadly)
    assert caught.value.status == -6
    assert MAX_DEATHS < SLICES


def test_a_cancel_reaches_a_worker_that_waits_for_a_silent_peer(
    worker: WorkerProcess, loaded: OrthancPeer, reader: Any, tmp_path: Path
) -> None:
    worker.call(len, "", never)
    with FaultProxy(loaded.dicom_port, silent_after=300_000) as proxy:
        got: list[str] = []
        first_at: list[float] = []

        def on_batch(names: list[str]) -> None:
            got.extend(names)
            first_at.append(time.monotonic())

        with pytest.raises(Interrupted):
            worker.retrieve(
                loaded.dimse(port=proxy.port, timeout_s=30),
                RetrieveRequest(uid_of(STUDY), str(tmp_path / "cache")),
                reader.name,
                on_batch,
                lambda: bool(first_at) and time.monotonic() - first_at[0] > 0.3,
            )
        assert time.monotonic() - first_at[0] < 1.5
    assert got
    assert worker.call(len, "abc", never) == 3
