"""The embedded hub as a process: starts fast, is joined, ends after its last client, carries on from the same file."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.hub import ANN, study_to_read
from ups.client import GLOBAL_SUBSCRIPTION, UpsClient
from ups.errors import NotAuthorised, Unreachable
from worklist_client.worklist.region import about, sites

DEADLINE_S = 20.0
IDLE_S = 1.0
WATCHER = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1], additional_headers={"Authorization": "Bearer " + sys.argv[2]}, proxy=None) as socket:
    print("watching", flush=True)
    for frame in socket:
        pass
"""


def command(folder: Path, idle_s: float = IDLE_S) -> list[str]:
    serve = [sys.executable, "-m", "worklist_hub", "serve", "--embedded"]
    return [*serve, "--data-dir", str(folder), "--idle-s", str(idle_s)]


def address_of(folder: Path, process: subprocess.Popen[bytes]) -> dict[str, object]:
    until = time.monotonic() + DEADLINE_S
    while time.monotonic() < until:
        try:
            found: dict[str, object] = json.loads((folder / "hub.json").read_text())
            if found["pid"] == process.pid:
                return found
        except (OSError, ValueError):
            pass
        assert process.poll() is None, "the hub ended"
        time.sleep(0.005)
    raise AssertionError("the hub did not say where it is")


@contextmanager
def embedded(folder: Path, idle_s: float = IDLE_S) -> Iterator[tuple[subprocess.Popen[bytes], UpsClient]]:
    """A hub process and a client of it; the process is ended with the block."""
    process = subprocess.Popen(command(folder, idle_s), stderr=subprocess.DEVNULL)
    client = None
    try:
        address = address_of(folder, process)
        client = UpsClient(str(address["url"]), token=str(address["token"]), reader=ANN)
        yield process, client
    finally:
        if client is not None:
            client.close()
        if process.poll() is None:
            process.kill()
        process.wait()


def test_the_address_is_for_its_owner_only_and_the_token_is_needed(tmp_path: Path) -> None:
    with embedded(tmp_path) as (_, client):
        mode = (tmp_path / "hub.json").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        assert stat.S_IMODE((tmp_path / "worklist.sqlite").stat().st_mode) == 0o600
        assert client.base_url.startswith("http://127.0.0.1:")
        assert client.search() == ()
        stranger = UpsClient(client.base_url, token="guessed")
        with pytest.raises(NotAuthorised):
            stranger.search()
        stranger.close()


def test_a_second_start_joins_at_once_and_leaves_the_address(tmp_path: Path) -> None:
    with embedded(tmp_path, idle_s=DEADLINE_S) as (process, client):
        before = (tmp_path / "hub.json").read_bytes()
        done = subprocess.run(command(tmp_path), timeout=DEADLINE_S, check=False)
        assert done.returncode == 0
        assert (tmp_path / "hub.json").read_bytes() == before
        assert process.poll() is None
        assert client.search() == ()


def test_it_ends_when_its_last_client_is_gone_killed_ones_included(tmp_path: Path) -> None:
    with embedded(tmp_path) as (process, client):
        url = client.subscribe(GLOBAL_SUBSCRIPTION, "DESK").websocket_url
        token = client.headers["Authorization"].removeprefix("Bearer ")
        watchers = [
            subprocess.Popen([sys.executable, "-c", WATCHER, url, token], stdout=subprocess.PIPE) for _ in range(2)
        ]
        for watcher in watchers:
            assert watcher.stdout is not None
            assert watcher.stdout.readline() == b"watching\n"
        watchers[0].kill()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2.5 * IDLE_S)
        watchers[1].kill()
        assert process.wait(DEADLINE_S) == 0
        assert not (tmp_path / "hub.json").exists()
        for watcher in watchers:
            watcher.wait()
            assert watcher.stdout is not None
            watcher.stdout.close()


def test_the_next_one_carries_on_from_the_same_file(tmp_path: Path) -> None:
    made = study_to_read()
    with embedded(tmp_path) as (process, client):
        client.create(made)
        first = client.headers["Authorization"]
        assert process.wait(DEADLINE_S) == 0
    with embedded(tmp_path) as (_, client):
        assert [row.uid for row in client.search()] == [made.uid]
        assert client.headers["Authorization"] != first


def test_a_killed_hub_leaves_nothing_that_stops_the_next(tmp_path: Path) -> None:
    made = study_to_read()
    with embedded(tmp_path) as (process, client):
        client.create(made)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (tmp_path / "hub.json").exists()
        with pytest.raises(Unreachable):
            client.search()
    with embedded(tmp_path) as (_, client):
        assert [row.uid for row in client.search()] == [made.uid]


def test_many_starts_at_once_make_one_hub(tmp_path: Path) -> None:
    # None may end as idle while a busy machine is still starting the others.
    started = command(tmp_path, idle_s=DEADLINE_S)
    processes = [subprocess.Popen(started, stderr=subprocess.DEVNULL) for _ in range(6)]
    try:
        until = time.monotonic() + DEADLINE_S
        while sum(process.poll() is None for process in processes) > 1 and time.monotonic() < until:
            time.sleep(0.01)
        (serving,) = (process for process in processes if process.poll() is None)
        assert address_of(tmp_path, serving)["pid"] == serving.pid
        assert {process.poll() for process in processes} == {None, 0}
    finally:
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def test_a_bad_hub_toml_ends_it_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[hub]\nlistne = "x"\n')
    done = subprocess.run(command(tmp_path), capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 2
    assert "hub.toml: [hub] listne is unknown; allowed are" in done.stderr
    assert not (tmp_path / "hub.json").exists()


def test_it_listens_on_loopback_whatever_hub_toml_says(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text('[hub]\nlisten = "0.0.0.0:4711"\n')
    with embedded(tmp_path) as (_, client):
        assert client.base_url.startswith("http://127.0.0.1:")
        assert not client.base_url.endswith(":4711")


def test_a_standalone_hub_says_that_it_serves_this_machine_only(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('[hub]\nlisten = "127.0.0.1:0"\n')
    serve = [sys.executable, "-m", "worklist_hub", "serve", "--config", str(config)]
    process = subprocess.Popen(serve, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert "to this machine only" in said
        client = UpsClient(said.split()[2])
        assert client.search() == ()
        client.close()
        process.terminate()
        process.wait(DEADLINE_S)
        process.stdout.close()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_a_standalone_hub_refuses_to_be_open_to_the_world(tmp_path: Path) -> None:
    config = tmp_path / "hub.toml"
    config.write_text('[hub]\nlisten = "0.0.0.0:0"\n')
    serve = [sys.executable, "-m", "worklist_hub", "serve", "--config", str(config)]
    done = subprocess.run(serve, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 2
    assert "token_file is needed" in done.stderr


def test_an_edited_hub_toml_is_served_without_a_new_start(tmp_path: Path) -> None:
    site = '[[site]]\nsite_id = "{0}"\nname = "{0}"\ncolor = "#123456"\n'
    (tmp_path / "hub.toml").write_text(site.format("north"))
    with embedded(tmp_path) as (_, client):
        assert [one.site_id for one in sites(client)] == ["north"]
        (tmp_path / "hub.toml").write_text(site.format("north") + site.format("west"))
        assert [one.site_id for one in sites(client)] == ["north", "west"]
        (tmp_path / "hub.toml").write_text("[hub]\nlistne = 1\n")
        token = client.headers["Authorization"].removeprefix("Bearer ")
        assert "listne" in about(client.base_url, token).problem
        assert [one.site_id for one in sites(client)] == ["north", "west"]
