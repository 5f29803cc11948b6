"""Worker processes: image bytes stay out of the process that draws windows (design decision 7).

A worker is a fresh interpreter (never a fork, never a second run of the main program), started ahead with its imports
done, limited in memory and CPU time, and gone when its parent is. One job at a time; a worker that dies costs a typed
error and is replaced by the next job.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

from pacs.credentials import Credentials
from pacs.errors import Interrupted, WorkerLost
from pacs.port import Cancelled, Received, Retrieved, RetrieveRequest
from pacs.site import Connection as SiteConnection
from pacs.worker_child import At, Batch, CallJob, Cancel, Limits, Outcome, RetrieveJob

A = TypeVar("A")
V = TypeVar("V")

POLL_S: Final = 0.05
CANCEL_GRACE_S: Final = 0.7
"""A retrieval that has not stopped by itself after this is stopped by ending its worker."""
MAX_DEATHS: Final = 3
"""So many objects may kill a worker within one retrieval; then it is given up."""

_BOOT = (
    "import json, pickle, sys; sys.path[:] = json.loads(sys.argv[1]);"
    "from pacs.workers import child; child(*json.loads(sys.argv[2]))"
)


class WorkerProcess:
    """One warm worker. `retrieve` and `call` block and may be used from any thread, one at a time."""

    def __init__(
        self, *, calling_ae: str = "WORKLIST", preload: Sequence[str] = (), limits: Limits | None = None
    ) -> None:
        """
        Parameters
        ----------
        calling_ae : AE title of this desk
        preload : modules to import ahead, such as the one that holds `ingest`
        limits : memory and CPU time
        """
        self._calling_ae = calling_ae
        self._preload = tuple(preload)
        self._limits = limits or Limits()
        self._job_lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None

    def start(self) -> None:
        """Start the process where it does not run; returns at once, its imports go on meanwhile."""
        if self._process is not None and self._process.poll() is None:
            return
        self._forget()
        ours, theirs = Pipe(duplex=True)
        boot = [theirs.fileno(), self._limits.memory_bytes, self._limits.cpu_s, list(self._preload), os.getpid()]
        arguments = [sys.executable, "-c", _BOOT, json.dumps(sys.path), json.dumps(boot)]
        # Numeric libraries would reserve address space for a thread per core, and the worker needs none of them.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "env": environment}
        if sys.platform == "win32":
            os.set_handle_inheritable(theirs.fileno(), True)
            options["startupinfo"] = subprocess.STARTUPINFO(lpAttributeList={"handle_list": [theirs.fileno()]})
        else:
            options["pass_fds"] = (theirs.fileno(),)
        self._process = subprocess.Popen(arguments, **options)
        theirs.close()
        self._pipe = ours

    def stop(self) -> None:
        """End the process."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._forget()

    @property
    def process_id(self) -> int | None:
        """Of the running process."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def call(self, function: Callable[[A], V], argument: A, cancelled: Cancelled) -> V:
        """`function(argument)` in the worker. The function must be a module-level one, both sides picklable.

        Raises what the function raises, `Interrupted` (the worker is ended for it) or `WorkerLost`.
        """
        with self._job_lock:
            self._begin(CallJob(function, argument), cancelled)
            while True:
                message = self._next(cancelled, None)
                if isinstance(message, Outcome):
                    value: V = _value(message)
                    return value

    def retrieve(
        self,
        connection: SiteConnection,
        request: RetrieveRequest,
        ingest: Callable[[str], Any] | None,
        on_batch: Callable[[list[Any]], None],
        cancelled: Cancelled,
        *,
        credentials: Credentials | None = None,
    ) -> Retrieved:
        """Fetch in the worker; `on_batch(results of ingest)` is called on this thread, the first result at once, then
        at most ten times a second. Without `ingest` the results are the `Received` records.

        An object that kills the worker (twice) is left out and named among the missing; a new worker fetches the rest.
        Raises `PacsError`; what came by then is on disk and was handed over.
        """
        job = RetrieveJob(connection, self._calling_ae, credentials, request, ingest)
        done: set[str] = set()
        poison: list[str] = []
        with self._job_lock:
            while True:
                suspect: list[Received] = []
                try:
                    found = self._retrieve_once(job, on_batch, cancelled, done, suspect)
                except WorkerLost:
                    if (job.named and not suspect) or len(poison) >= MAX_DEATHS or cancelled():
                        raise
                    poison += [item.sop_instance_uid for item in suspect]
                    gone = request.already | done | frozenset(poison)
                    # From the first death on each object is named beforehand, so that the next death has its culprit.
                    job = replace(job, request=replace(request, already=gone, to_come=0), named=True)
                    continue
                if not poison:
                    return found
                warning = f"{len(poison)} object(s) could not be read safely"
                return Retrieved(len(done), found.expected, found.missing + tuple(poison), (*found.warnings, warning))

    def _retrieve_once(
        self,
        job: RetrieveJob,
        on_batch: Callable[[list[Any]], None],
        cancelled: Cancelled,
        done: set[str],
        suspect: list[Received],
    ) -> Retrieved:
        self._begin(job, cancelled)
        while True:
            message = self._next(cancelled, Cancel())
            if isinstance(message, At):
                suspect[:] = [message.received]
            elif isinstance(message, Batch):
                done.update(item.sop_instance_uid for item in message.received)
                suspect.clear()
                on_batch(list(message.results))
            elif isinstance(message, Outcome):
                found: Retrieved = _value(message)
                return found

    def _begin(self, job: RetrieveJob | CallJob, cancelled: Cancelled) -> None:
        """Send the job and wait until it is taken; a worker that had died before is replaced."""
        self._send(job)
        try:
            self._next(cancelled, None)
        except WorkerLost:
            self._send(job)
            self._next(cancelled, None)

    def _send(self, job: RetrieveJob | CallJob) -> None:
        data = pickle.dumps(job)
        for _try in range(2):
            self.start()
            try:
                if self._pipe is not None:
                    self._pipe.send_bytes(data)
                    return
            except OSError:
                self.stop()
        raise WorkerLost("a worker process cannot be started")

    def _next(self, cancelled: Cancelled, cancel: Cancel | None) -> Any:
        """The next message. On a cancel: `cancel` is sent and a grace given, or the worker is ended at once."""
        pipe = self._pipe
        if pipe is None:
            raise WorkerLost("the worker process was stopped")
        deadline: float | None = None
        try:
            while not pipe.poll(POLL_S):
                if deadline is None and cancelled():
                    deadline = time.monotonic() + (CANCEL_GRACE_S if cancel is not None else 0.0)
                    if cancel is not None:
                        pipe.send(cancel)
                if deadline is not None and time.monotonic() >= deadline:
                    self.stop()
                    raise Interrupted("cancelled")
            return pipe.recv()
        except (EOFError, OSError):
            raise self._lost() from None

    def _lost(self) -> WorkerLost:
        process = self._process
        status: int | None = None
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = process.wait(1.0)
        self.stop()
        return WorkerLost("a worker process ended unexpectedly", status=status)

    def _forget(self) -> None:
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # killed, yet held by the system: not waited for
                self._process.wait(1.0)
            self._process = None


def child(handle: int, memory_bytes: int, cpu_s: int, preload: list[str], parent_id: int) -> None:
    """First function of a worker process."""
    from multiprocessing import connection  # noqa: PLC0415 - only in the child

    from pacs.worker_child import main  # noqa: PLC0415 - only in the child

    kind = getattr(connection, "PipeConnection", connection.Connection)
    main(kind(handle), Limits(memory_bytes, cpu_s), preload, parent_id)


def _value(outcome: Outcome) -> Any:
    if outcome.error is not None:
        raise outcome.error
    return outcome.value
