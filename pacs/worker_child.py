"""The inside of a worker process: takes jobs from a pipe, sends results back (`workers.py` is the outside)."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any, Final

from pacs.connect import open_pacs
from pacs.credentials import Credentials
from pacs.errors import PacsError
from pacs.port import Received, Retrieved, RetrieveRequest
from pacs.site import Connection as SiteConnection

BATCH_INTERVAL_S: Final = 0.1
GROUP: Final = 24
QUICK_S: Final = 0.002
"""An object that takes longer to read (compressed pixels) is read when it comes: nothing waits for a group of those."""
CANCEL_POLL_S: Final = 0.02
GONE: Final = 3
"""Exit status of a worker whose parent is gone."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a worker may use: address space in all (0 = no limit) and CPU seconds a job."""

    memory_bytes: int = 6 << 30
    cpu_s: int = 600


@dataclass(frozen=True, slots=True)
class RetrieveJob:
    """Fetch, and ingest each file."""

    connection: SiteConnection
    calling_ae: str
    credentials: Credentials | None
    request: RetrieveRequest
    ingest: Callable[[str], Any] | None
    named: bool = False
    """Whether each object is named (`At`) before it is ingested. A message an object costs sender and receiver together
    as much as the reading of the header, so it is done only after a worker has died."""


@dataclass(frozen=True, slots=True)
class CallJob:
    """Call a module-level function."""

    function: Callable[[Any], Any]
    argument: Any


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop the job in hand."""


@dataclass(frozen=True, slots=True)
class Started:
    """The job was taken; a worker that dies before this has not died of it."""


@dataclass(frozen=True, slots=True)
class At:
    """This object is being ingested now: the suspect, if the worker dies."""

    received: Received


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects that came, each with what `ingest` made of it."""

    received: tuple[Received, ...]
    results: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the job ended: a value or an error."""

    value: Any = None
    error: BaseException | None = None


@dataclass
class _Batcher:
    """Reads objects and hands the results over; the first goes at once, the others at most ten times a second, the
    last at once where it is known how many come."""

    pipe: Connection[Any, Any]
    to_come: int = 0
    ingest: Callable[[str], Any] | None = None
    named: bool = False
    group: int = 1
    """So many objects are read one after another. Between two halves of a megabyte of pixels the code that reads a
    header is in no cache any more and takes twice as long; so quick ones wait for each other."""
    waiting: list[Received] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    results: list[Any] = field(default_factory=list)
    sent_at: float = 0.0

    def add(self, received: Received) -> None:
        if self.named:
            self.pipe.send(At(received))
        self.waiting.append(received)
        self.to_come -= 1
        if self.to_come == 0:
            self.flush()
            return
        if self.named or len(self.waiting) >= self.group:
            self._read()
        self.flush_if_due()

    def _read(self) -> None:
        waiting, self.waiting = self.waiting, []
        started = time.perf_counter()
        for item in waiting:
            result = item if self.ingest is None else self.ingest(item.path)
            self.received.append(item)
            self.results.append(result)
        took_s = time.perf_counter() - started
        self.group = GROUP if took_s < QUICK_S * len(waiting) else 1

    def flush_if_due(self) -> None:
        if (self.received or self.waiting) and time.monotonic() - self.sent_at >= BATCH_INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        if self.waiting:
            self._read()
        if self.received:
            self.pipe.send(Batch(tuple(self.received), tuple(self.results)))
            self.received, self.results = [], []
            self.sent_at = time.monotonic()


class _CancelWatch:
    """Looks into the pipe for `Cancel`, at most every 20 ms; also lets due batches go."""

    def __init__(self, pipe: Connection[Any, Any], batcher: _Batcher | None = None) -> None:
        self._pipe, self._batcher = pipe, batcher
        self._looked_at = 0.0
        self._cancelled = False

    def __call__(self) -> bool:
        now = time.monotonic()
        if not self._cancelled and now - self._looked_at >= CANCEL_POLL_S:
            self._looked_at = now
            if self._pipe.poll(0):
                self._cancelled = isinstance(self._pipe.recv(), Cancel)
        if self._batcher is not None and not self._cancelled:
            self._batcher.flush_if_due()
        return self._cancelled


def main(pipe: Connection[Any, Any], limits: Limits, preload: Sequence[str], parent_id: int) -> None:
    """Serve jobs until the pipe closes."""
    _limit_memory(limits.memory_bytes)
    threading.Thread(target=_end_with_parent, args=(parent_id,), name="parent-watch", daemon=True).start()
    for module in ("pydicom", "pacs.dimse.adapter", "pacs.dicomweb.adapter", *preload):
        # A module that is not there costs its own job an error later, not the worker its life.
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    gc.freeze()  # modules stay: the collector need not walk through them between two images
    while True:
        try:
            data = pipe.recv_bytes()
            pipe.send(Started())
        except (EOFError, OSError):
            return
        outcome = _outcome(pipe, data, limits)
        if outcome is not None:
            _answer(pipe, outcome)


def _outcome(pipe: Connection[Any, Any], data: bytes, limits: Limits) -> Outcome | None:
    """Run one job and name how it ended: the border of the worker."""
    _limit_cpu(limits.cpu_s)
    try:
        job = pickle.loads(data)
        if isinstance(job, RetrieveJob):
            return Outcome(_retrieve(pipe, job))
        if isinstance(job, CallJob):
            return Outcome(job.function(job.argument))
        return None
    except (EOFError, BrokenPipeError):
        sys.exit(GONE)
    except Exception as error:  # noqa: BLE001 - the border of the worker
        return Outcome(error=error)


def _answer(pipe: Connection[Any, Any], outcome: Outcome) -> None:
    try:
        data = pickle.dumps(outcome)
        pickle.loads(data)
    except Exception:  # noqa: BLE001 - whatever cannot travel is told by its name
        what = type(outcome.value if outcome.error is None else outcome.error).__name__
        data = pickle.dumps(Outcome(error=PacsError(f"the worker's {what} cannot be sent back")))
    pipe.send_bytes(data)


def _retrieve(pipe: Connection[Any, Any], job: RetrieveJob) -> Retrieved:
    pacs = open_pacs(job.connection, calling_ae=job.calling_ae, credentials=job.credentials)
    batcher = _Batcher(pipe, job.request.to_come, job.ingest, job.named)
    try:
        return pacs.retrieve(job.request, batcher.add, _CancelWatch(pipe, batcher))
    finally:
        batcher.flush()


def _limit_memory(memory_bytes: int) -> None:
    if memory_bytes and sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_cpu(cpu_s: int) -> None:
    if cpu_s and sys.platform != "win32":
        import resource  # noqa: PLC0415 - not on Windows

        used = resource.getrusage(resource.RUSAGE_SELF)
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + cpu_s + 1, hard))


def _end_with_parent(parent_id: int) -> None:
    """The one thread of a worker: a killed parent closes the pipe, but a worker that is busy would not look."""
    while os.getppid() == parent_id:
        time.sleep(1.0)
    os._exit(GONE)
