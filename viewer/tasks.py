"""The one way to work in the background: `submit` and `serve`. The only module of the product that makes threads.

`submit`: a frozen request and a cancel token go in; exactly one outcome (done, failed, cancelled) comes back on the
main thread, and only to an owner that still lives. Lanes have limits; a newer task with the same key cancels the
older one. `serve`: endless work that restarts with back-off, reports values, and stops at shutdown.

No Qt object may end its life in one of these threads: callbacks and what they belong to are kept, and let go of, on the
main thread only, and only there garbage is collected (`viewer.garbage`).
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QCoreApplication, QObject, Qt, QTimerEvent, Signal, Slot
from shiboken6 import isValid

from viewer.cancel import Cancelled, CancelToken
from viewer.garbage import Collector, hold, release

_log = logging.getLogger("wl.tasks")

R = TypeVar("R")
V = TypeVar("V")

LANES: dict[str, int] = {
    "interaction": 2,
    "search": 8,
    "hub": 3,
    "journal": 1,
    "retrieve": 3,
    "prefetch": 1,
    "deliver": 2,
    "thumbnail": 1,
    "sign_in": 1,
}
"""Name of each lane and how many of its tasks run at once. `search` has places for as many hospitals, so that those
that are down delay nobody."""

SHUTDOWN_S = 5.0
RESTART_FIRST_S = 0.5
RESTART_CAP_S = 15.0
COLLECT_MS = 100
"""How often the main thread looks whether garbage is to be collected."""


@dataclass(frozen=True, slots=True)
class Done(Generic[V]):
    """The work returned."""

    value: V


@dataclass(frozen=True, slots=True)
class Failed:
    """The work raised."""

    error: Exception


@dataclass(frozen=True, slots=True)
class WasCancelled:
    """The work was cancelled, superseded, or its owner is gone."""


Outcome = Done[Any] | Failed | WasCancelled


class Task:
    """A handle: cancel it, or ask whether it has ended."""

    def __init__(self) -> None:
        self.token = CancelToken()
        self.ended = False

    def cancel(self) -> None:
        """Ask the work to stop; the outcome is then `WasCancelled`."""
        self.token.cancel()


_Ended = tuple[Task, Outcome]


@dataclass(frozen=True, slots=True)
class _Service:
    """A thread and what it calls on the main thread, kept here so that the thread is not the last to let go."""

    thread: threading.Thread
    kept: tuple[object, ...]


class _Relay(QObject):
    """Carries calls and outcomes to the main thread, queued. Collects garbage there from the first of them on."""

    posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.waiting: dict[Task, Callable[[Outcome], None]] = {}
        """Who is told what became of each task."""
        self.ended: deque[_Ended] = deque()
        self._collector = Collector()
        self._timer = 0
        self.posted.connect(self._run, Qt.ConnectionType.QueuedConnection)
        if QCoreApplication.instance() is not None:
            self._start()

    def post(self, call: Callable[[], None]) -> None:
        """From any thread. Nothing happens once the application is gone."""
        if isValid(self):
            self.posted.emit(call)

    def wake(self) -> None:
        """One more has `ended`."""
        self.post(self._deliver_one)

    def stop(self) -> None:
        """Calls still arrive; garbage is no longer looked after."""
        if self._timer > 0 and isValid(self):
            self.killTimer(self._timer)
        self._timer = -1

    def timerEvent(self, _event: QTimerEvent) -> None:
        """Qt: the timer."""
        self._collector.collect_due()

    @Slot(object)
    def _run(self, call: Callable[[], None]) -> None:
        self._start()
        call()

    def _start(self) -> None:
        """Once there is an event loop: a runner may be made before the application is."""
        if self._timer == 0:
            self._timer = self.startTimer(COLLECT_MS)

    def _deliver_one(self) -> None:
        task, outcome = self.ended.popleft()
        self.waiting.pop(task)(outcome)


class _Lane:
    """A priority queue and its few threads, made on first use.

    What a call returns goes to the relay. The main thread may let go of everything at that moment, so the thread itself
    keeps nothing of the call: whoever lets go last is the one who destroys.
    """

    def __init__(self, name: str, limit: int, relay: _Relay) -> None:
        self._name, self._limit, self._relay = name, limit, relay
        self._queue: list[tuple[int, int, Callable[[], _Ended]]] = []
        self._count = itertools.count()
        self._condition = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def put(self, priority: int, call: Callable[[], _Ended]) -> bool:
        """Queue a call; False after `close`, when it would never run."""
        with self._condition:
            if self._closed:
                return False
            heapq.heappush(self._queue, (priority, next(self._count), call))
            if self._idle < len(self._queue) and len(self._threads) < self._limit:
                thread = threading.Thread(target=self._work, name=f"task-{self._name}", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._condition.notify()
            return True

    def _work(self) -> None:
        taken: list[Callable[[], _Ended]] = []
        while self._take(taken):
            self._relay.ended.append(taken.pop()())  # neither the call nor its outcome ever has a name here
            self._relay.wake()

    def _take(self, taken: list[Callable[[], _Ended]]) -> bool:
        """Wait for a call; False when there will be none."""
        with self._condition:
            self._idle += 1
            while not self._queue and not self._closed:
                self._condition.wait()
            self._idle -= 1
            if self._queue:
                taken.append(heapq.heappop(self._queue)[2])
            return bool(taken)

    def close(self) -> list[threading.Thread]:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        return self._threads


class TaskRunner:
    """Runs background work for one application. Make it on the main thread, hand it over, call `shutdown` once.

    `submit`, `serve` and `shutdown` are called on the main thread; `post` from any. `clock` (monotonic seconds) and
    `pause` (waits on a token, True = cancelled) decide about restarts of services.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[CancelToken, float], bool] = CancelToken.wait,
    ) -> None:
        self._clock, self._pause = clock, pause
        self._relay = _Relay()
        self._lanes = {name: _Lane(name, limit, self._relay) for name, limit in LANES.items()}
        self._latest: dict[tuple[str, object], Task] = {}
        self._services: list[_Service] = []
        self._stopping = CancelToken()
        self._holds = True
        hold()

    def post(self, call: Callable[[], None]) -> None:
        """Run `call` on the main thread soon; from any thread. Nothing happens once the application is gone."""
        self._relay.post(call)

    def submit(
        self,
        work: Callable[[R, CancelToken], V],
        request: R,
        *,
        lane: str,
        owner: object,
        done: Callable[[V], None] | None = None,
        failed: Callable[[Exception], None] | None = None,
        cancelled: Callable[[], None] | None = None,
        key: object = None,
        priority: int = 0,
    ) -> Task:
        """Run `work(request, token)` in `lane`; call exactly one of the three callbacks on the main thread.

        Parameters
        ----------
        owner : weakly referenced; when it is gone (or its Qt object deleted) no callback runs
        key : a newer task with the same (lane, key) cancels the older one
        priority : lower runs first within the lane
        """
        task = Task()
        if key is not None:
            older = self._latest.get((lane, key))
            if older is not None:
                older.cancel()
            self._latest[lane, key] = task
        owner_ref, latest = weakref.ref(owner), self._latest

        def deliver(outcome: Outcome) -> None:
            task.ended = True
            if key is not None and latest.get((lane, key)) is task:
                del latest[lane, key]
            if _is_alive(owner_ref()):
                _tell(WasCancelled() if task.token.cancelled() else outcome, done, failed, cancelled)

        self._relay.waiting[task] = deliver
        if not self._lanes[lane].put(priority, lambda: (task, _outcome(work, request, task.token))):
            task.cancel()
            self._relay.ended.append((task, WasCancelled()))
            self._relay.wake()
        return task

    def serve(
        self,
        name: str,
        work: Callable[[CancelToken, Callable[[V], None]], None],
        report: Callable[[V], None],
        *,
        owner: object,
        broken: Callable[[Exception], None] | None = None,
    ) -> Task:
        """Run endless `work(token, emit)`; each emitted value reaches `report` on the main thread.

        Where it raises, `broken(error)` is told on the main thread and it starts again after a back-off that doubles
        up to `RESTART_CAP_S` and begins anew after a run longer than that. Where it returns, it is over. It must
        return soon after the token is cancelled.
        """
        task = Task()
        self._stopping.on_cancel(task.cancel)
        owner_ref = weakref.ref(owner)

        def tell(callback: Callable[[Any], None], value: Any) -> None:
            if _is_alive(owner_ref()) and not task.token.cancelled():
                callback(value)

        def emit(value: V) -> None:
            self.post(lambda: tell(report, value))

        def run() -> None:
            pause_s = RESTART_FIRST_S
            while not task.token.cancelled():
                started_s = self._clock()
                outcome = _outcome(lambda _none, token: work(token, emit), None, task.token)
                if isinstance(outcome, Failed):
                    _log.warning("service stopped: name=%s error=%s", name, type(outcome.error).__name__)
                    if broken is not None:
                        error = outcome.error
                        self.post(lambda error=error: tell(broken, error))  # type: ignore[misc]
                elif isinstance(outcome, Done):
                    return
                if self._clock() - started_s > RESTART_CAP_S:
                    pause_s = RESTART_FIRST_S  # it ran well for long: this is a new trouble, not the old one
                if self._pause(task.token, pause_s):
                    return
                pause_s = min(pause_s * 2, RESTART_CAP_S)

        thread = threading.Thread(target=run, name=f"serve-{name}", daemon=True)
        self._services = [service for service in self._services if service.thread.is_alive()]
        self._services.append(_Service(thread, (work, report, broken)))
        thread.start()
        return task

    def shutdown(self, deadline_s: float = SHUTDOWN_S) -> list[str]:
        """Cancel everything, join with a deadline; names of the threads that did not stop."""
        self._stopping.cancel()
        for task in list(self._relay.waiting):
            task.cancel()
        threads = [thread for lane in self._lanes.values() for thread in lane.close()]
        threads += [service.thread for service in self._services]
        until_s = time.monotonic() + deadline_s
        for thread in threads:
            thread.join(max(0.0, until_s - time.monotonic()))
        left = [thread.name for thread in threads if thread.is_alive()]
        if not left and self._holds:
            self._holds = False
            self._relay.stop()
            release()
        return left


def _outcome(work: Callable[[R, CancelToken], V], request: R, token: CancelToken) -> Outcome:
    """Run the work and name how it ended: one of the three places where a broad except is right."""
    try:
        token.check()
        return Done(work(request, token))
    except Cancelled:
        return WasCancelled()
    except Exception as error:  # noqa: BLE001 - the border of background work
        return Failed(error)


def _tell(
    outcome: Outcome,
    done: Callable[[Any], None] | None,
    failed: Callable[[Exception], None] | None,
    cancelled: Callable[[], None] | None,
) -> None:
    """Call the one callback that fits; a failure that nobody listens to is logged."""
    if isinstance(outcome, Done):
        if done is not None:
            done(outcome.value)
    elif isinstance(outcome, WasCancelled):
        if cancelled is not None:
            cancelled()
    elif failed is not None:
        failed(outcome.error)
    else:
        _log.error("background work failed, nobody listens: %s", type(outcome.error).__name__)


def _is_alive(owner: object) -> bool:
    """Whether the owner still exists, the C++ side of a Qt object included."""
    if owner is None:
        return False
    return not isinstance(owner, QObject) or isValid(owner)
