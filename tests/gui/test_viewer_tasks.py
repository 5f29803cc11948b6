"""Background work: exactly one outcome, on the main thread, to a living owner; services restart; nothing is left."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
from PySide6.QtCore import QObject
from shiboken6 import delete

from viewer.cancel import Cancelled, CancelToken
from viewer.tasks import LANES, RESTART_CAP_S, RESTART_FIRST_S, TaskRunner

DEADLINE_S = 5.0


class Heard(QObject):
    """An owner that notes what it was told, and on which thread."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[tuple[str, object]] = []
        self.threads: list[threading.Thread] = []

    def _note(self, kind: str, value: object = None) -> None:
        self.outcomes.append((kind, value))
        self.threads.append(threading.current_thread())

    def done(self, value: object) -> None:
        self._note("done", value)

    def failed(self, error: Exception) -> None:
        self._note("failed", type(error))

    def cancelled(self) -> None:
        self._note("cancelled")

    def callbacks(self) -> dict[str, Callable[..., None]]:
        return {"done": self.done, "failed": self.failed, "cancelled": self.cancelled}


def test_work_runs_elsewhere_and_its_value_comes_back_to_the_main_thread(qtbot, runner: TaskRunner) -> None:
    owner, worked_on = Heard(), []

    def work(request: int, token: CancelToken) -> int:
        worked_on.append(threading.current_thread())
        return request + 1

    runner.submit(work, 41, lane="hub", owner=owner, **owner.callbacks())
    qtbot.waitUntil(lambda: bool(owner.outcomes))
    assert owner.outcomes == [("done", 42)]
    assert owner.threads == [threading.main_thread()]
    assert worked_on[0] is not threading.main_thread()


def test_a_failure_is_the_only_outcome_of_work_that_raises(qtbot, runner: TaskRunner) -> None:
    owner = Heard()

    def work(request: None, token: CancelToken) -> None:
        raise ValueError("no")

    runner.submit(work, None, lane="hub", owner=owner, **owner.callbacks())
    qtbot.waitUntil(lambda: bool(owner.outcomes))
    qtbot.wait(20)
    assert owner.outcomes == [("failed", ValueError)]


def test_a_failure_nobody_listens_to_is_logged_without_its_text(qtbot, runner: TaskRunner, caplog) -> None:
    owner = Heard()

    def work(request: None, token: CancelToken) -> None:
        raise ValueError("Jansen^Piet")

    with caplog.at_level(logging.ERROR, logger="wl.tasks"):
        task = runner.submit(work, None, lane="hub", owner=owner)
        qtbot.waitUntil(lambda: task.ended)
    assert "ValueError" in caplog.text
    assert "Jansen" not in caplog.text


def test_cancelled_work_has_one_outcome_even_when_it_finishes(qtbot, runner: TaskRunner) -> None:
    owner, begun, go_on = Heard(), threading.Event(), threading.Event()

    def work(request: None, token: CancelToken) -> str:
        begun.set()
        assert go_on.wait(DEADLINE_S)
        return "finished all the same"

    task = runner.submit(work, None, lane="hub", owner=owner, **owner.callbacks())
    assert begun.wait(DEADLINE_S)
    task.cancel()
    go_on.set()
    qtbot.waitUntil(lambda: task.ended)
    assert owner.outcomes == [("cancelled", None)]


def test_check_is_not_swallowed_by_a_broad_except(qtbot, runner: TaskRunner) -> None:
    owner, begun = Heard(), threading.Event()

    def work(request: None, token: CancelToken) -> str:
        begun.set()
        assert token.wait(DEADLINE_S)
        try:
            token.check()
        except Exception:  # noqa: BLE001 - the carelessness under test
            return "swallowed"
        return "not noticed"

    task = runner.submit(work, None, lane="hub", owner=owner, **owner.callbacks())
    assert begun.wait(DEADLINE_S)
    task.cancel()
    qtbot.waitUntil(lambda: task.ended)
    assert owner.outcomes == [("cancelled", None)]


def test_the_latest_of_a_key_wins(qtbot, runner: TaskRunner) -> None:
    owner, gate = Heard(), threading.Event()

    def work(request: int, token: CancelToken) -> int:
        assert gate.wait(DEADLINE_S)
        return request

    tasks = [
        runner.submit(work, number, lane="journal", owner=owner, key="the same", **owner.callbacks())
        for number in range(5)
    ]
    gate.set()
    qtbot.waitUntil(lambda: all(task.ended for task in tasks))
    assert [value for kind, value in owner.outcomes if kind == "done"] == [4]
    assert [kind for kind, _ in owner.outcomes].count("cancelled") == 4


def test_the_same_key_in_two_lanes_is_two_keys(qtbot, runner: TaskRunner) -> None:
    owner = Heard()

    def work(request: str, token: CancelToken) -> str:
        return request

    for lane in ("hub", "deliver"):
        runner.submit(work, lane, lane=lane, owner=owner, key="k", **owner.callbacks())
    qtbot.waitUntil(lambda: len(owner.outcomes) == 2)
    assert {value for _, value in owner.outcomes} == {"hub", "deliver"}


@pytest.mark.parametrize("how", ["collected", "deleted"])
def test_a_dead_owner_hears_nothing(qtbot, runner: TaskRunner, how: str) -> None:
    heard: list[object] = []
    owner, gate = QObject(), threading.Event()

    def work(request: None, token: CancelToken) -> None:
        assert gate.wait(DEADLINE_S)

    task = runner.submit(work, None, lane="hub", owner=owner, done=heard.append, cancelled=lambda: heard.append("c"))
    if how == "deleted":
        delete(owner)
    else:
        del owner
        gc.collect()
    gate.set()
    qtbot.waitUntil(lambda: task.ended)
    assert heard == []


def test_a_lane_never_runs_more_than_its_limit(qtbot, runner: TaskRunner) -> None:
    owner, lock, running, most = Heard(), threading.Lock(), [0], [0]
    meeting = threading.Barrier(LANES["retrieve"], timeout=DEADLINE_S)

    def work(request: int, token: CancelToken) -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        meeting.wait()
        with lock:
            running[0] -= 1

    for number in range(3 * LANES["retrieve"]):
        runner.submit(work, number, lane="retrieve", owner=owner, **owner.callbacks())
    qtbot.waitUntil(lambda: len(owner.outcomes) == 3 * LANES["retrieve"])
    assert most[0] == LANES["retrieve"]
    assert {kind for kind, _ in owner.outcomes} == {"done"}


def test_lower_priority_numbers_run_first(qtbot, runner: TaskRunner) -> None:
    owner, gate = Heard(), threading.Event()

    def wait(request: int, token: CancelToken) -> int:
        assert gate.wait(DEADLINE_S)
        return request

    for priority in (0, 5, 1, 3):
        runner.submit(wait, priority, lane="journal", owner=owner, priority=priority, **owner.callbacks())
    gate.set()
    qtbot.waitUntil(lambda: len(owner.outcomes) == 4)
    assert [value for _, value in owner.outcomes] == [0, 1, 3, 5]


def test_work_submitted_after_shutdown_is_cancelled_not_lost(qtbot, qapp: object) -> None:
    runner, owner = TaskRunner(), Heard()
    runner.shutdown()
    runner.submit(lambda request, token: request, 1, lane="hub", owner=owner, **owner.callbacks())
    qtbot.waitUntil(lambda: bool(owner.outcomes))
    assert owner.outcomes == [("cancelled", None)]


def test_shutdown_leaves_no_thread(qtbot, qapp: object) -> None:
    before, runner, owner = set(threading.enumerate()), TaskRunner(), Heard()
    begun = threading.Barrier(3, timeout=DEADLINE_S)

    def work(request: None, token: CancelToken) -> None:
        begun.wait()
        token.wait(DEADLINE_S)

    def service(token: CancelToken, emit: Callable[[int], None]) -> None:
        begun.wait()
        token.wait(DEADLINE_S)

    runner.submit(work, None, lane="hub", owner=owner)
    runner.serve("listening", service, lambda value: None, owner=owner)
    begun.wait()
    assert runner.shutdown() == []
    assert set(threading.enumerate()) <= before


def test_shutdown_names_what_did_not_stop(qtbot, qapp: object) -> None:
    runner, owner, gate, begun = TaskRunner(), Heard(), threading.Event(), threading.Event()

    def deaf(request: None, token: CancelToken) -> None:
        begun.set()
        gate.wait(DEADLINE_S)

    runner.submit(deaf, None, lane="hub", owner=owner)
    assert begun.wait(DEADLINE_S)
    assert runner.shutdown(deadline_s=0.05) == ["task-hub"]
    gate.set()
    assert runner.shutdown() == []


class Times:
    """A clock that moves only when told, and pauses that are noted instead of slept."""

    def __init__(self, runs_last_s: list[float]) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []
        self._runs_last_s = runs_last_s

    def clock(self) -> float:
        return self.now_s

    def pause(self, token: CancelToken, seconds: float) -> bool:
        self.pauses.append(seconds)
        return token.cancelled() or self.over

    @property
    def over(self) -> bool:
        return len(self.pauses) == len(self._runs_last_s)

    def run(self) -> None:
        self.now_s += self._runs_last_s[len(self.pauses)]


def serve_failing(qtbot, times: Times) -> list[type]:
    runner, owner, broken = TaskRunner(times.clock, times.pause), Heard(), []

    def service(token: CancelToken, emit: Callable[[int], None]) -> None:
        times.run()
        raise ConnectionError

    runner.serve("s", service, lambda v: None, owner=owner, broken=lambda error: broken.append(type(error)))
    qtbot.waitUntil(lambda: times.over and len(broken) == len(times.pauses))
    runner.shutdown()
    return broken


def test_a_service_that_breaks_starts_again_with_a_growing_pause(qtbot) -> None:
    times = Times([0.0] * 8)
    broken = serve_failing(qtbot, times)
    assert times.pauses[:4] == [RESTART_FIRST_S * 2**n for n in range(4)]
    assert max(times.pauses) == RESTART_CAP_S
    assert broken == [ConnectionError] * 8


def test_a_long_healthy_run_makes_the_pause_short_again(qtbot) -> None:
    times = Times([0.0, 0.0, 0.0, 3600.0, 0.0])
    serve_failing(qtbot, times)
    first = RESTART_FIRST_S
    assert times.pauses == [first, 2 * first, 4 * first, first, 2 * first]


def test_a_service_reports_its_values_in_order_on_the_main_thread(qtbot, runner: TaskRunner) -> None:
    owner = Heard()

    def service(token: CancelToken, emit: Callable[[int], None]) -> None:
        for number in range(20):
            emit(number)
        token.wait(DEADLINE_S)

    task = runner.serve("numbers", service, owner.done, owner=owner)
    qtbot.waitUntil(lambda: len(owner.outcomes) == 20)
    task.cancel()
    assert [value for _, value in owner.outcomes] == list(range(20))
    assert set(owner.threads) == {threading.main_thread()}


def test_a_cancelled_service_reports_nothing_more(qtbot, runner: TaskRunner) -> None:
    owner, begun = Heard(), threading.Event()

    def service(token: CancelToken, emit: Callable[[str], None]) -> None:
        begun.set()
        assert token.wait(DEADLINE_S)
        emit("too late")

    task = runner.serve("late", service, owner.done, owner=owner)
    assert begun.wait(DEADLINE_S)
    task.cancel()
    qtbot.wait(50)
    assert owner.outcomes == []


def test_cancel_callbacks_run_once_and_at_once_when_it_is_too_late() -> None:
    token, calls = CancelToken(), []
    token.on_cancel(lambda: calls.append("before"))
    token.cancel()
    token.cancel()
    token.on_cancel(lambda: calls.append("after"))
    assert calls == ["before", "after"]
    with pytest.raises(Cancelled):
        token.check()


def test_thousands_of_signals_do_not_kill_the_interpreter() -> None:
    """PySide6 6.12.0 loses a reference to True at every signal emitted, Python 3.11 aborts when none is left."""
    code = (
        "from PySide6.QtCore import QCoreApplication\n"
        "from viewer.tasks import TaskRunner\n"
        "app = QCoreApplication([])\n"
        "runner = TaskRunner()\n"
        "for _ in range(20000): runner.post(lambda: None)\n"
        "for _ in range(20000): app.processEvents()\n"
        "print('alive')\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout.strip()) == (0, "alive"), result.stderr[-400:]
