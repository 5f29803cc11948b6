"""Claim to seen: 300 websockets on two hub processes over one PostgreSQL, 10 claims a second; then 20 desks whose lines
are reset until they have come back 1,000 times while studies are claimed, and what each of them has missed in the end.

    python -m benchmarks.hub_events [--seconds 15] [--watchers 300] [--reconnects 1000]

Prints one JSON line; milliseconds from the sending of a claim to a watcher's having it. `raw` is the same through the
database alone: a row and a NOTIFY, to 2 listening connections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
from websockets.asyncio.client import connect

from benchmarks._hub import durable_cluster, fill, make_accounts, percentile, sign_in_lines, signed_in, told
from tests.peers.hub_process import HubProcess
from tests.peers.proxy import FaultProxy
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.events import Changed, Event, EventChannel, Snapshot
from ups.identifiers import random_uid, uid_from_name
from ups.states import ProcedureStepState as State
from worklist_hub.store.workitems import WorkitemStore

CLIENTS = 50
RATE = 10.0
DESKS = 20


async def watch(url: str, token: str, seen: dict[str, list[float]], ready: asyncio.Semaphore) -> None:
    """One websocket; notes when it hears that a workitem is IN PROGRESS."""
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(url, additional_headers=headers, max_size=None, compression=None, proxy=None) as socket:
        ready.release()
        async for frame in socket:
            now = time.monotonic()
            if '"IN PROGRESS"' in frame[:6000]:
                uid = json.loads(frame)["00001000"]["Value"][0]
                seen.setdefault(uid, []).append(now)


def subscribed(hub: HubProcess, number: int, token: str) -> str:
    """The websocket's address of one AE title."""
    client = UpsClient(hub.url, token=token)
    url = client.subscribe(GLOBAL_SUBSCRIPTION, f"WATCH{number}").websocket_url
    client.close()
    return url


async def seen_ms(
    hubs: list[HubProcess], tokens: list[str], watchers: int, uids: list[str], seconds: float
) -> tuple[list[float], int]:
    """Milliseconds of each (claim, watcher), and how many of them never came."""
    seen: dict[str, list[float]] = {}
    ready = asyncio.Semaphore(0)
    urls = [await asyncio.to_thread(subscribed, hubs[n % len(hubs)], n, tokens[n % CLIENTS]) for n in range(watchers)]
    tasks = [asyncio.create_task(watch(url, tokens[number % CLIENTS], seen, ready)) for number, url in enumerate(urls)]
    for _ in tasks:
        await ready.acquire()
    sent: dict[str, float] = {}
    until = time.monotonic() + seconds
    claimer = UpsClient(hubs[0].url, token=tokens[0])
    for uid in uids:
        if time.monotonic() > until:
            break
        sent[uid] = time.monotonic()
        await asyncio.to_thread(claimer.change_state, uid, State.IN_PROGRESS, random_uid())
        await asyncio.sleep(max(sent[uid] + 1 / RATE - time.monotonic(), 0))
    await asyncio.sleep(2.0)
    claimer.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    found = [(moment - sent[uid]) * 1000 for uid, moments in seen.items() if uid in sent for moment in moments]
    return found, len(sent) * watchers - len(found)


class Desk:
    """A desk that follows the list as ours do."""

    def __init__(self, url: str, number: int, token: str) -> None:
        self.client = UpsClient(url, token=token)
        self.states: dict[str, State] = {}
        self._stop = threading.Event()
        channel = EventChannel(self.client, f"DESK{number}")
        self._thread = threading.Thread(target=channel.run, args=(self._emit, self._stop.is_set, self._stop.wait))
        self._thread.start()

    def _emit(self, event: Event) -> None:
        rows = event.workitems if isinstance(event, Snapshot) else ()
        rows = (event.workitem,) if isinstance(event, Changed) else rows
        for row in rows:
            self.states[row.uid] = row.state

    def close(self) -> None:
        """End it."""
        self._stop.set()
        self._thread.join()
        self.client.close()


def missed(hubs: list[HubProcess], tokens: list[str], uids: list[str], wanted: int) -> tuple[int, int]:
    """(changes that a desk does not know in the end, reconnects); lines are reset until desks came back so often."""
    with ExitStack() as stack:
        proxies = [stack.enter_context(FaultProxy(hub.port)) for hub in hubs]
        desks = [Desk(f"http://127.0.0.1:{proxies[n % len(hubs)].port}", n, tokens[n]) for n in range(DESKS)]
        claimer = UpsClient(hubs[0].url, token=tokens[0])
        before = sum(proxy.connections for proxy in proxies)
        claimed = []
        for uid in uids:
            if sum(proxy.connections for proxy in proxies) - before >= wanted:
                break
            for proxy in proxies:
                proxy.reset()
            claimer.change_state(uid, State.IN_PROGRESS, random_uid())
            claimed.append(uid)
            time.sleep(0.4)
        until = time.monotonic() + 30.0
        while (left := sum(desk.states.get(uid) is not State.IN_PROGRESS for desk in desks for uid in claimed)) and (
            time.monotonic() < until
        ):
            time.sleep(0.1)
        reconnects = sum(proxy.connections for proxy in proxies) - before
        for desk in desks:
            desk.close()
        claimer.close()
    return left, reconnects


def raw_ms(url: str, count: int) -> list[float]:
    """A durable row and a NOTIFY, until both listening connections have it."""
    found = []
    with (
        psycopg.connect(url, autocommit=True) as writer,
        psycopg.connect(url, autocommit=True) as one,
        psycopg.connect(url, autocommit=True) as two,
    ):
        writer.execute("CREATE TABLE raw (uid text)")
        for listener in (one, two):
            listener.execute("LISTEN raw")
        for _ in range(count):
            began = time.perf_counter()
            with writer.transaction():
                writer.execute("INSERT INTO raw VALUES ('1')")
                writer.execute("NOTIFY raw")
            for listener in (one, two):
                assert list(listener.notifies(timeout=5, stop_after=1))
            found.append((time.perf_counter() - began) * 1000)
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--watchers", type=int, default=300)
    parser.add_argument("--reconnects", type=int, default=1000)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(durable_cluster()).new_database()
        store = WorkitemStore(url)
        make_accounts(store, CLIENTS)
        store.close()
        fill(url, 0, 1_000)
        uids = [uid_from_name(f"bench|{number}") for number in range(1_000)]
        lines = sign_in_lines(folder)
        hubs = [stack.enter_context(HubProcess(folder / f"hub{n}", url, *lines)) for n in range(2)]
        tokens = signed_in(hubs[0].url, CLIENTS)
        found, not_seen = asyncio.run(seen_ms(hubs, tokens, arguments.watchers, uids[:500], arguments.seconds))
        print(f"{len(found)} seen, {not_seen} not", file=sys.stderr, flush=True)
        left, reconnects = missed(hubs, tokens, uids[500:], arguments.reconnects)
        raw = raw_ms(url, 200)
    figures = {
        "p50_ms": percentile(found, 0.5),
        "p95_ms": percentile(found, 0.95),
        "not_seen": float(not_seen),
        "raw_p50_ms": percentile(raw, 0.5),
        "missed_after_reconnects": float(left),
        "reconnects": float(reconnects),
    }
    told("hub_events", figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
