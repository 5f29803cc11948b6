"""A process that has a lease and hangs, or is killed, loses it to another within half a minute."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.peers.hub_process import ROOT
from tests.peers.postgres import Cluster
from worklist_hub.store.session import BEAT_S, BELIEVED_S, SILENT_S
from worklist_hub.store.workitems import WorkitemStore

MOST_S = 30.0
HOLDER = """
import sys, time
from worklist_hub.store.workitems import WorkitemStore
store = WorkitemStore(sys.argv[1])
lease = store.lease("poll north")
while True:
    print("held" if lease.is_held() else "not held", flush=True)
    time.sleep(0.1)
"""


def said(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    until = time.monotonic() + MOST_S
    while process.stdout.readline().strip() != wanted:
        assert time.monotonic() < until


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
def test_another_process_takes_over(postgres_cluster: Cluster, fate: signal.Signals) -> None:
    url = postgres_cluster.new_database()
    store = WorkitemStore(url)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    tick = threading.Event()
    try:
        said(holder, "held")
        lease = store.lease("poll north")
        began = time.monotonic()
        holder.send_signal(fate)
        while not lease.is_held() and time.monotonic() - began < MOST_S:
            tick.wait(0.1)
        assert lease.is_held()
        if fate is signal.SIGSTOP:  # it wakes up, and must not believe that it has what it had
            holder.send_signal(signal.SIGCONT)
            said(holder, "not held")
            assert lease.is_held()
    finally:
        holder.kill()
        holder.wait()
        assert holder.stdout is not None
        holder.stdout.close()
        store.close()


def test_the_holder_stops_believing_before_the_server_lets_another_have_it() -> None:
    assert BEAT_S < BELIEVED_S < SILENT_S
    assert SILENT_S + BEAT_S < MOST_S
