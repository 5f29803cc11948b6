"""Hostile input: whatever comes over the wire, the answer is a clear 4xx, memory stays bounded and the hub goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from websockets.sync.client import connect

from tests.peers.hub import ANN, client_of, running_hub, study_to_read
from ups.client import GLOBAL_SUBSCRIPTION, reader_header
from worklist_hub.access.settings import Limits
from worklist_hub.service import Hub
from worklist_hub.web.server import PatientProtocol

READER = {"X-Worklist-Reader": reader_header(ANN)}
MUTATIONS = 10_000
AT_ONCE = 64
SILENCE_S = 0.2
"""An incomplete request gets no answer before the hub's patience ends; we do not wait for that ten thousand times."""
GROWTH_BYTES = 64 * 1024 * 1024


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(PatientProtocol, "headers_s", 0.5)
    with running_hub(tmp_path, intake_enabled=False, limits=Limits(body_s=0.5)) as running:
        yield running


def address(hub: Hub) -> tuple[str, int]:
    host, port = hub.socket.getsockname()[:2]
    return host, port


def said(hub: Hub, *parts: bytes, pause_s: float = 0.0) -> bytes:
    """Everything that comes back on one connection, until the hub closes it."""
    with socket.create_connection(address(hub), timeout=10) as wire:
        for part in parts:
            try:
                wire.sendall(part)
            except OSError:
                break
            time.sleep(pause_s)
        answer = b""
        try:
            while received := wire.recv(65536):
                answer += received
        except OSError:
            pass
        return answer


def head(hub: Hub, method: str = "POST", path: str = "/workitems?1.2.3", *more: str) -> bytes:
    host, port = address(hub)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{port}", "Connection: close"]
    lines += [f"X-Worklist-Reader: {READER['X-Worklist-Reader']}", *more]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


JSON = "Content-Type: application/dicom+json"


def test_a_head_that_dribbles_ends_with_408(hub: Hub) -> None:
    whole = head(hub)
    begun = time.monotonic()
    assert status(said(hub, *(whole[index : index + 1] for index in range(40)), pause_s=0.02)) == 408
    assert time.monotonic() - begun < 5
    assert status(said(hub)) == 408


def test_a_second_head_that_dribbles_ends_too(hub: Hub) -> None:
    first = head(hub, "GET", "/region/about").replace(b"Connection: close\r\n", b"")
    answer = said(hub, first, b"GET /region/ab")
    assert status(answer) == 200
    assert b"HTTP/1.1 408" in answer


def test_a_body_that_dribbles_ends_with_408(hub: Hub) -> None:
    begun = time.monotonic()
    assert status(said(hub, head(hub, "POST", "/workitems?1.2", JSON, "Content-Length: 500"), b"{", b" ")) == 408
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("more", "body", "expected"),
    [
        ((JSON, "Content-Length: 99999999"), b"", 413),
        ((JSON, f"Content-Length: {'9' * 40}"), b"", 400),
        ((JSON, "Content-Length: -1"), b"", 400),
        ((JSON, "Content-Length: 2", "Content-Length: 3"), b"{}", 400),
        ((JSON, "Content-Length: 2", "Transfer-Encoding: chunked"), b"0\r\n\r\n", 411),
        ((JSON, "Transfer-Encoding: chunked"), b"2\r\n{}\r\n0\r\n\r\n", 411),
        ((JSON, "Transfer-Encoding: xchunked", "Content-Length: 2"), b"{}", 501),
        ((JSON, "Content-Encoding: gzip", "Content-Length: 2"), b"{}", 415),
        (("Host: evil.example", JSON, "Content-Length: 2"), b"{}", 400),
        (("Authorization: Bearer a", "Authorization: Bearer b"), b"", 400),
        (("X-Worklist-Reader: %7B%22code%22%3A%222%22%7D",), b"", 400),
        (("Content-Type: text/plain", JSON, "Content-Length: 2"), b"{}", 400),
        (("X-A: 1\r\n folded: 2", JSON), b"", 415),
        (("X-A : 1",), b"", 400),
        (("X-A: \x00",), b"", 400),
        (("X-A: " + "a" * 70_000,), b"", 431),
    ],
    ids=lambda one: str(one)[:50],
)
def test_headers_that_smuggle_or_flood_are_refused(hub: Hub, more: tuple[str, ...], body: bytes, expected: int) -> None:
    answer = said(hub, head(hub, "POST", "/workitems?1.2.3", *more) + body)
    assert status(answer) in {expected, 400}, answer[:300]
    assert answer.count(b"HTTP/1.1 ") == 1
    with client_of(hub) as client:
        assert client.search({}) == ()


def test_one_request_never_becomes_two(hub: Hub) -> None:
    hidden = head(hub, "POST", "/workitems?9.9", JSON, "Content-Length: 2") + b"{}"
    for more in (
        ("Content-Length: 0", f"Content-Length: {len(hidden)}"),
        ("Transfer-Encoding: chunked", f"Content-Length: {len(hidden)}"),
        (f"Content-Length: {len(hidden)}",),
    ):
        said(hub, head(hub, "POST", "/workitems?1.2", JSON, *more) + hidden)
    with client_of(hub) as client:
        assert "9.9" not in {row.uid for row in client.search({})}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 500_000,
        b'{"00404034":{"vr":"SQ","Value":[' * 10_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        json.dumps({"00100020": {"vr": "LO", "Value": ["x" * 900_000]}}).encode(),
        json.dumps({f"0009{index:04X}": {"vr": "LO", "Value": []} for index in range(20_000)}).encode(),
        b'{"00100020":{"vr":"LO","Value":[' + b"1" * 900_000 + b"]}}",
        b'{"00100020":{"vr":"LO"},"00100020":{"vr":"LO","Value":["x"]}}',
        b'{"00741004":{"vr":"DS","Value":[1e999]}}',
        b'{"\\r\\nSet-Cookie: a=b":{"vr":"LO"}}',
        gzip.compress(b" " * 100_000_000),
    ],
    ids=["brackets", "sequences", "objects", "long", "many", "digits", "twice", "infinite", "tag", "bomb"],
)
def test_bodies_that_blow_up_are_refused_quickly(hub: Hub, body: bytes) -> None:
    process, begun = psutil.Process(), time.monotonic()
    before = process.memory_info().rss
    headers = READER | {"Content-Type": "application/dicom+json"}
    for method, path in (("POST", "/workitems?1.2.3"), ("PUT", "/workitems/1.2.3/state")):
        answer = requests.request(method, hub.url + path, data=body, headers=headers)
        assert answer.status_code in (400, 404, 201)
        assert "Set-Cookie" not in answer.headers
    assert time.monotonic() - begun < 10
    assert process.memory_info().rss - before < GROWTH_BYTES


def test_a_bomb_is_not_unpacked(hub: Hub) -> None:
    bomb = gzip.compress(b" " * 100_000_000)
    headers = READER | {"Content-Type": "application/dicom+json", "Content-Encoding": "gzip"}
    answer = requests.post(f"{hub.url}/workitems?1.2", data=bomb, headers=headers)
    assert answer.status_code == 415


POOL = 40
"""Threads that carry requests, at most; how many there are depends on the moment."""


def _threads() -> int:
    """Of all but that pool, which is bounded by itself."""
    names = [thread.name for thread in threading.enumerate()]
    pooled = sum(name.startswith("AnyIO worker") for name in names)
    assert pooled <= POOL
    return len(names) - pooled


@pytest.mark.timeout(300)
def test_ten_thousand_mutated_requests_get_a_clear_answer_each(hub: Hub) -> None:
    seed = int(os.environ.get("WORKLIST_SEED", "7"))
    maker = random.Random(seed)
    study = study_to_read("1.2.3").to_json()
    good = _good_requests(hub, json.dumps(study).encode())
    process = psutil.Process()
    _send_all(hub, [_mutated(maker, good) for _ in range(500)])  # warm: caches, threads, pools
    before, threads = process.memory_info().rss, _threads()
    seen = _send_all(hub, [_mutated(maker, good) for _ in range(MUTATIONS)])
    assert {code for code in seen if code >= 500} == set(), seen
    assert sum(count for code, count in seen.items() if 400 <= code < 500) > MUTATIONS / 4, seen
    assert process.memory_info().rss - before < GROWTH_BYTES
    assert _threads() <= threads + 2
    with client_of(hub) as client:
        client.search({})


def _good_requests(hub: Hub, study: bytes) -> list[bytes]:
    claim = b'{"00741000":{"vr":"CS","Value":["IN PROGRESS"]},"00081195":{"vr":"UI","Value":["1.2.9"]}}'
    made = []
    for method, path, body in (
        ("POST", "/workitems?1.2.3", study),
        (
            "POST",
            "/workitems/1.2.3?transaction-uid=1.2.9",
            b'{"00741002":{"vr":"SQ","Value":[{"00741004":{"vr":"DS"}}]}}',
        ),
        ("PUT", "/workitems/1.2.3/state", claim),
        ("POST", "/workitems/1.2.3/cancelrequest", b'{"00741238":{"vr":"LT","Value":["why"]}}'),
        ("GET", "/workitems?PatientName=a*&limit=5&offset=1&includefield=all&StudyDate=20260101-", b""),
        ("GET", "/workitems/1.2.3", b""),
        ("POST", "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/DESK?deletionlock=true", b""),
        ("DELETE", "/workitems/1.2.840.10008.5.1.4.34.5/subscribers/DESK", b""),
        ("OPTIONS", "/", b""),
        ("GET", "/region/openapi.json", b""),
    ):
        more = (JSON, f"Content-Length: {len(body)}") if body else ()
        made.append(head(hub, method, path, *more) + body)
    return made


def _mutated(maker: random.Random, good: list[bytes]) -> bytes:
    text = bytearray(maker.choice(good))
    for _ in range(maker.randint(1, 4)):
        where = maker.randrange(len(text))
        kind = maker.randrange(6)
        if kind == 0:
            text[where] = maker.randrange(256)
        elif kind == 1:
            text[where:where] = bytes(maker.randrange(256) for _ in range(maker.randint(1, 20)))
        elif kind == 2:
            del text[where : where + maker.randint(1, 30)]
        elif kind == 3:
            text[where:where] = maker.choice(
                [b"\r\n", b"%00", b"%ff", b"\x00", b"{", b"\\ud800", b"9" * 30, b"&&", b".."]
            )
        elif kind == 4:
            other = maker.choice(good)
            start = maker.randrange(len(other))
            text[where:where] = other[start : start + maker.randint(1, 60)]
        else:
            text = text[:where] + text[max(where - 40, 0) :]
        if not text:
            text = bytearray(b"G")
    return bytes(text)


def _send_all(hub: Hub, texts: list[bytes]) -> Counter[int]:
    """Statuses, 0 for a request that the hub still waits for, or whose connection it just closed."""
    seen: Counter[int] = Counter()

    async def send(text: bytes, gate: asyncio.Semaphore) -> None:
        async with gate:
            reader, writer = await asyncio.open_connection(*address(hub))
            try:
                writer.write(text)
                async with asyncio.timeout(SILENCE_S):
                    first = await reader.readline()
                    while await reader.read(65536):
                        pass
                seen[status(first)] += 1
            except (TimeoutError, OSError):
                seen[0] += 1
            finally:
                writer.close()

    async def everything() -> None:
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(send(text, gate) for text in texts))

    asyncio.run(everything())
    return seen


def test_a_channel_may_be_silent_for_longer_than_a_request_may_take(hub: Hub) -> None:
    """Patience is for heads of requests; a night without news is no reason to cut the line."""
    with client_of(hub) as client:
        url = client.subscribe(GLOBAL_SUBSCRIPTION, "WATCH").websocket_url
        made = study_to_read()
        with connect(url, additional_headers=READER, proxy=None) as channel:
            with pytest.raises(TimeoutError):
                channel.recv(timeout=3 * PatientProtocol.headers_s)
            assert hub.store.create_if_absent(made)
            assert made.uid in str(channel.recv(timeout=5))
