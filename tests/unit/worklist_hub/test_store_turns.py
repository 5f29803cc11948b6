"""Turns: never more at a time than there are, and nobody is passed by."""

from __future__ import annotations

import threading

import pytest

from worklist_hub.store.turns import Turns

PATIENCE_S = 10.0


def test_who_has_had_a_turn_gets_the_next_one_after_those_who_wait() -> None:
    turns, order = Turns(1), list[str]()
    inside, go = threading.Event(), threading.Event()

    def greedy() -> None:
        with turns.turn(PATIENCE_S):
            order.append("greedy")
            inside.set()
            assert go.wait(PATIENCE_S)
        with turns.turn(PATIENCE_S):
            order.append("greedy again")

    def patient(name: str) -> None:
        with turns.turn(PATIENCE_S):
            order.append(name)

    threads = [threading.Thread(target=greedy)]
    threads[0].start()
    assert inside.wait(PATIENCE_S)
    for count, name in enumerate(("first", "second"), start=1):
        threads.append(threading.Thread(target=patient, args=(name,)))
        threads[-1].start()
        while len(turns._waiting) < count:
            threads[-1].join(0.001)
    go.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert order == ["greedy", "first", "second", "greedy again"]


def test_no_more_are_inside_than_there_are_turns() -> None:
    turns, lock, inside, most = Turns(3), threading.Lock(), 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with turns.turn(PATIENCE_S):
                with lock:
                    inside += 1
                    most = max(most, inside)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert 1 <= most <= 3


def test_who_waited_in_vain_takes_nothing_with_him() -> None:
    turns = Turns(1)
    with turns.turn(0.0), pytest.raises(TimeoutError), turns.turn(0.01):
        pass
    with turns.turn(0.0):
        pass
