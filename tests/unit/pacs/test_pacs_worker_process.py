"""Worker processes against a scripted peer: results at once, cancel, death, limits."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pacs.errors import Interrupted, PacsError, WorkerLost
from pacs.worker_child import Limits
from pacs.workers import WorkerProcess


def never() -> bool:
    return False


@pytest.fixture
def worker() -> Iterator[WorkerProcess]:
    made = WorkerProcess(calling_ae="TEST")
    yield made
    made.stop()


def test_start_returns_at_once_and_a_call_runs_elsewhere(worker: WorkerProcess) -> None:
    started = time.monotonic()
    worker.start()
    assert time.monotonic() - started < 0.2
    assert worker.call(os.path.basename, "/a/b", never) == "b"
    assert worker.process_id not in (None, os.getpid())


def test_an_exception_of_the_function_comes_back(worker: WorkerProcess) -> None:
    with pytest.raises(FileNotFoundError):
        worker.call(os.path.getsize, "/no/such/file", never)
    assert worker.call(len, "abc", never) == 3, "the worker lives on"


def test_a_dying_worker_is_a_typed_error_and_is_replaced(worker: WorkerProcess) -> None:
    with pytest.raises(WorkerLost) as caught:
        worker.call(os._exit, 7, never)
    assert caught.value.status == 7
    assert worker.call(len, "abc", never) == 3


def test_a_killed_worker_is_replaced_before_the_next_job(worker: WorkerProcess) -> None:
    worker.call(len, "", never)
    process_id = worker.process_id
    assert process_id is not None
    os.kill(process_id, 9)
    assert worker.call(len, "abc", never) == 3
    assert worker.process_id != process_id


def test_a_cancelled_call_ends_within_a_second(worker: WorkerProcess) -> None:
    worker.call(len, "", never)
    started = time.monotonic()
    with pytest.raises(Interrupted):
        worker.call(time.sleep, 30, lambda: time.monotonic() - started > 0.1)
    assert time.monotonic() - started < 1.1
    assert worker.call(len, "abc", never) == 3


def test_memory_beyond_the_limit_is_an_error_not_the_end_of_the_machine() -> None:
    worker = WorkerProcess(limits=Limits(memory_bytes=1 << 30))
    try:
        with pytest.raises((MemoryError, WorkerLost)):
            worker.call(bytes, 2 << 30, never)
        assert worker.call(len, "abc", never) == 3
    finally:
        worker.stop()


def test_a_result_that_cannot_travel_is_named(worker: WorkerProcess) -> None:
    with pytest.raises(PacsError, match="cannot be sent back"):
        worker.call(memoryview, b"x", never)


def test_a_function_that_cannot_travel_fails_here(worker: WorkerProcess) -> None:
    with pytest.raises((AttributeError, TypeError, ValueError), match=r"pickle|local"):
        worker.call(lambda value: value, 1, never)


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import os, sys; from pacs.workers import WorkerProcess; w = WorkerProcess(); w.start();"
        "w.call(len, '', lambda: False); print(w.process_id, flush=True); os.kill(os.getpid(), 9)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    process_id = int(answer.stdout)
    deadline = time.monotonic() + 10
    while _is_alive(process_id) and time.monotonic() < deadline:
        os.sched_yield()
    assert not _is_alive(process_id)


def _is_alive(process_id: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{process_id}/stat").read_text().split(")")[1][:4]
    except OSError:
        return False
