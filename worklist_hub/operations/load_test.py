"""`worklist-hub load-test`: claims at a steady rate by many clients, against a hub of its own or one at a URL.

Each client makes a workitem named "Load test", claims it (this is what is measured), and cancels it. It refuses to
run beside real studies unless told to.
"""

from __future__ import annotations

import http.client
import json
import math
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

_JSON = "application/dicom+json"
LABEL = "Load test"


class LoadTestError(Exception):
    """The test cannot be run; the text says why."""


@dataclass(slots=True)
class Result:
    """What was measured; seconds."""

    took_s: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    def percentile(self, share: float) -> float:
        """Of the latencies of claims; 0 where there are none."""
        ordered = sorted(self.latencies)
        return ordered[min(math.ceil(share * len(ordered)) - 1, len(ordered) - 1)] if ordered else 0.0

    def text(self) -> str:
        """For people."""
        number = len(self.latencies)
        rate = number / self.took_s if self.took_s else 0.0
        times = "  ".join(f"p{share:g} {self.percentile(share / 100) * 1000:.1f} ms" for share in (50, 95, 99))
        failed = ", ".join(f"{what}: {count}" for what, count in sorted(self.failures.items())) or "none"
        return f"{number} claims in {self.took_s:.1f} s = {rate:.0f} a second; {times}; failures: {failed}"


@dataclass(frozen=True, slots=True)
class Load:
    """How much. `rate` = claims a second in all; 0 = as fast as they go."""

    clients: int = 50
    rate: float = 200.0
    seconds: float = 10.0


def run(url: str, token: str, load: Load, *, beside_real_studies: bool = False, into: Result | None = None) -> Result:
    """`into` is filled while the test runs. Raises `LoadTestError`."""
    first = _Client(url, token, 0)
    try:
        _refuse_beside_real_studies(first, beside_real_studies)
    finally:
        first.close()
    result, lock = into or Result(), threading.Lock()
    begun = time.monotonic()
    until = begun + load.seconds
    threads = [
        threading.Thread(target=_work, args=(_Client(url, token, number), load, begun, until, result, lock))
        for number in range(load.clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    result.took_s = time.monotonic() - begun
    return result


def signed_in(url: str, account: str, password: str) -> str:
    """The token of a built-in account. Raises `LoadTestError`."""
    form = urlencode({"grant_type": "password", "username": account, "password": password})
    connection = _connection(urlsplit(url))
    try:
        connection.request("POST", "/region/auth/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        told = json.loads(answer.read() or b"{}")
        return str(told["access_token"])
    except (OSError, http.client.HTTPException) as error:
        raise LoadTestError(f"the hub cannot be reached: {error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise LoadTestError(f"the hub answers {answer.status} to the sign-in of '{account}'") from error
    finally:
        connection.close()


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    kind: Callable[..., http.client.HTTPConnection] = (
        http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    )
    return kind(parts.netloc, timeout=30)


def _refuse_beside_real_studies(client: _Client, is_allowed: bool) -> None:
    try:
        status, rows = client.ask("GET", "/workitems?ProcedureStepState=SCHEDULED&limit=5")
    except OSError as error:
        raise LoadTestError(f"the hub cannot be reached: {error}") from error
    if status >= 400:
        raise LoadTestError(f"the hub answers {status} to a search; is WORKLIST_HUB_TOKEN right?")
    labels = [row.get("00741204", {}).get("Value", [""])[0] for row in rows or []]
    if not is_allowed and any(label != LABEL for label in labels):
        raise LoadTestError("real studies are on this list; readers would see the test's. --beside-real-studies if so")


def _work(client: _Client, load: Load, begun: float, until: float, result: Result, lock: threading.Lock) -> None:
    pause = load.clients / load.rate if load.rate else 0.0
    due = begun + secrets.SystemRandom().random() * pause
    while True:
        time.sleep(max(due - time.monotonic(), 0.0))
        if time.monotonic() >= until:
            client.close()
            return
        due += pause
        try:
            seconds = client.claim_one()
        except (OSError, http.client.HTTPException, _Refused) as error:
            client.close()
            what = str(error) if isinstance(error, _Refused) else type(error).__name__
            with lock:
                result.failures[what] = result.failures.get(what, 0) + 1
            continue
        with lock:
            result.latencies.append(seconds)


class _Refused(Exception):
    """The hub said no."""


class _Client:
    """One connection."""

    def __init__(self, url: str, token: str, number: int) -> None:
        self._parts = urlsplit(url)
        reader = {"code": f"load-{number}", "name": f"Load^{number}", "organisation": "Load test"}
        self._headers = {"Content-Type": _JSON, "Accept": _JSON, "X-Worklist-Reader": quote(json.dumps(reader))}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: http.client.HTTPConnection | None = None

    def claim_one(self) -> float:
        """Seconds that the claim alone took."""
        uid, transaction = (f"2.25.{uuid.uuid4().int}" for _ in range(2))
        self._must("POST", f"/workitems?{uid}", [_workitem(uid)])
        begun = time.perf_counter()
        self._must("PUT", f"/workitems/{uid}/state", [_state("IN PROGRESS", transaction)])
        took = time.perf_counter() - begun
        self._must("PUT", f"/workitems/{uid}/state", [_state("CANCELED", transaction)])
        return took

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Status and JSON."""
        if self._connection is None:
            self._connection = _connection(self._parts)
        self._connection.request(method, path, json.dumps(body) if body is not None else None, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        is_json = "json" in (answer.getheader("content-type") or "")
        return answer.status, json.loads(content) if content and is_json else None

    def close(self) -> None:
        """A new connection next time."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _must(self, method: str, path: str, body: object) -> None:
        status, _ = self.ask(method, path, body)
        if status >= 400:
            raise _Refused(f"{method} answered {status}")


def _state(state: str, transaction: str) -> dict[str, Any]:
    return {"00741000": {"vr": "CS", "Value": [state]}, "00081195": {"vr": "UI", "Value": [transaction]}}


def _workitem(uid: str) -> dict[str, Any]:
    code = {"00080100": {"vr": "SH", "Value": ["load-test"]}, "00080102": {"vr": "SH", "Value": ["99UWL"]}}
    site = {**code, "00080104": {"vr": "LO", "Value": ["Load test"]}}
    return {
        "00080018": {"vr": "UI", "Value": [uid]},
        "00741000": {"vr": "CS", "Value": ["SCHEDULED"]},
        "00741200": {"vr": "CS", "Value": ["LOW"]},
        "00741204": {"vr": "LO", "Value": [LABEL]},
        "00741202": {"vr": "LO", "Value": [LABEL]},
        "00404041": {"vr": "CS", "Value": ["READY"]},
        "00404005": {"vr": "DT", "Value": ["20260101000000+0000"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": "Load^Test"}]},
        "00100020": {"vr": "LO", "Value": ["LOADTEST"]},
        "0020000D": {"vr": "UI", "Value": [f"2.25.{uuid.uuid4().int}"]},
        "00404027": {"vr": "SQ", "Value": [site]},
    }
