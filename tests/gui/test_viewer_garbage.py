"""Qt objects end their lives on the main thread, whoever held them last: destroyed elsewhere they end the program."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from viewer import garbage
from viewer.garbage import OLDEST_S, Collector
from viewer.tasks import TaskRunner

PRELUDE = """
import gc, sys, threading, time
from PySide6.QtCore import QCoreApplication, QObject, QTimer, Qt
from viewer.tasks import TaskRunner

def note(*_arguments):
    ends.append(threading.current_thread().name)

class Cycle(QObject):
    def __init__(self):
        super().__init__()
        self.itself = self
        self.timer = QTimer(self)
        self.timer.start(1)
        self.destroyed.connect(note, Qt.ConnectionType.DirectConnection)

def spin(until):
    deadline = time.monotonic() + 20
    while not until() and time.monotonic() < deadline:
        app.processEvents()

ends = []
app = QCoreApplication([])
runner = TaskRunner()
"""

CYCLES = (
    PRELUDE
    + """
gc.set_threshold(100, 1, 1)
made = threading.Event()
def work(_request, token):
    made.wait()
    for _ in range(20): [[number] for number in range(1000)]  # the collector's turn, many times over
done = []
runner.submit(work, None, lane="hub", owner=app, done=done.append)
for _ in range(5): Cycle()
made.set()
spin(lambda: done)
spin(lambda: len(ends) == 5)
print(sorted(set(ends)), runner.shutdown())
"""
)

LAST_HELD = (
    PRELUDE
    + """
class Owner(QObject):
    def __init__(self):
        super().__init__()
        self.destroyed.connect(note, Qt.ConnectionType.DirectConnection)
    def work(self, request, token): request.wait()
    def done(self, value): pass

tasks, held_back = [], []
def hold_back(frame, event, _argument):
    if event == "return" and frame.f_code.co_name == "post":  # the main thread does all of its part first
        deadline = time.monotonic() + 20
        while not tasks[-1].ended and time.monotonic() < deadline: pass
        held_back.append(tasks[-1])
threading.setprofile(hold_back)
for number in range(10):
    owner, begin = Owner(), threading.Event()
    tasks.append(runner.submit(owner.work, begin, lane="hub", owner=owner, done=owner.done))
    del owner
    begin.set()
    spin(lambda: len(held_back) == number + 1)
spin(lambda: len(ends) == 10)
print(sorted(set(ends)), runner.shutdown())
"""
)


@pytest.mark.parametrize("code", [CYCLES, LAST_HELD], ids=["cycles", "last held by a task"])
def test_no_qt_object_is_destroyed_in_a_background_thread(code: str) -> None:
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=90, check=False)
    assert (result.returncode, result.stdout.strip()) == (0, "['MainThread'] []"), result.stderr[-800:]


def test_python_collects_by_itself_again_when_no_thread_is_left(qapp: object) -> None:
    before = gc.isenabled()
    first, second = TaskRunner(), TaskRunner()
    assert not gc.isenabled()
    first.shutdown()
    first.shutdown()
    assert not gc.isenabled()
    second.shutdown()
    assert gc.isenabled() == before


def test_what_lives_long_is_gone_through_only_when_it_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(garbage, "monotonic", lambda: clock[0])
    monkeypatch.setattr(gc, "get_count", lambda: (1, 1, 1))
    monkeypatch.setattr(gc, "get_threshold", lambda: (0, 0, 0))
    with garbage.held():
        collector = Collector()
        assert collector.collect_due() == 1  # not again so soon
        clock[0] = OLDEST_S
        assert collector.collect_due() == 2
        clock[0] = 2 * OLDEST_S
        assert collector.collect_due() == 1  # nothing new
        kept = [[number] for number in range(len(gc.get_objects()))]
        gc.collect(1)  # they live long now
        clock[0] = 3 * OLDEST_S
        assert collector.collect_due() == 2
        assert kept


@pytest.mark.parametrize(("count", "generation"), [((700, 10, 10), -1), ((701, 10, 10), 0), ((701, 11, 10), 1)])
def test_the_thresholds_are_pythons_own(
    monkeypatch: pytest.MonkeyPatch, count: tuple[int, int, int], generation: int
) -> None:
    monkeypatch.setattr(gc, "get_count", lambda: count)
    monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 10))
    assert Collector().collect_due() == generation
