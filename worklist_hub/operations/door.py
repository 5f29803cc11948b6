"""/health, /ready and /metrics, before anybody is asked who he is; and the count of all other requests.

/health: this process lives (a supervisor restarts it where not). /ready: it can serve now (a proxy asks it): the
database answers and nobody has asked it to stop. Neither says anything but yes or what is missing or late.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from worklist_hub.operations.metrics import CONTENT_TYPE, Registry
from worklist_hub.operations.settings import OperationsSettings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Readiness = Callable[[], Mapping[str, str]]
"""By part: "ok", what keeps the hub from serving, or `LATE` and what is late only. Blocking; asked in a thread."""
LATE = "late: "
"""What begins so is said and keeps nothing from serving: it is alike at every hub of the region, and a proxy that took
them all from its list would end the night over it."""
READY_WITHIN_S = 2.0
ASKED_EVERY_S = 0.25
_ROUTES = ("state", "cancelrequest", "subscribers", "suspend")


@dataclass(slots=True)
class Traffic:
    """Requests in progress, and whether new ones are still taken."""

    in_progress: int = 0
    is_closed: bool = False


class OperationsDoor:
    """ASGI middleware."""

    def __init__(
        self, app: App, *, settings: OperationsSettings, readiness: Readiness, registry: Registry, traffic: Traffic
    ) -> None:
        self._app, self._settings, self._readiness, self._registry = app, settings, readiness, registry
        self._traffic = traffic
        self._requests = registry.counter(
            "worklist_hub_requests_total", "Requests answered", ("method", "route", "status")
        )
        self._seconds = registry.histogram(
            "worklist_hub_request_seconds", "From the first byte to the start of the answer", ("method", "route")
        )
        self._last = ({"database": "not asked yet"}, 0.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = await self._own(scope)
        if answer is not None:
            await _send(send, *answer)
            return
        if self._traffic.is_closed:
            await _send(send, 503, "text/plain", "this hub is stopping and has done nothing; ask again", close=True)
            return
        begun, labels = time.perf_counter(), (_method(scope), route_of(scope["path"]))

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.add(*labels, str(message["status"]))
                self._seconds.observe(time.perf_counter() - begun, *labels)
            await send(message)

        self._traffic.in_progress += 1
        try:
            await self._app(scope, receive, counted)
        finally:
            self._traffic.in_progress -= 1

    async def _own(self, scope: Scope) -> tuple[int, str, str] | None:
        path = scope["path"]
        if path not in ("/health", "/ready", "/metrics") or scope["method"] not in ("GET", "HEAD"):
            return None
        if path == "/health":
            return 200, "application/json", '{"status":"ok"}'
        if path == "/ready":
            parts = await self._parts()
            return 200 if is_ready(parts) else 503, "application/json", json.dumps(parts)
        return await self._metrics(scope)

    async def _metrics(self, scope: Scope) -> tuple[int, str, str]:
        token = self._settings.metrics_token
        headers = {name.lower(): value for name, value in scope["headers"]}
        given = headers.get(b"authorization", b"")
        if not token:
            return 404, "text/plain", "no token for metrics is set"
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return 401, "text/plain", "a token is needed"
        return 200, CONTENT_TYPE, await asyncio.to_thread(self._registry.text)

    async def _parts(self) -> dict[str, str]:
        """Asked four times a second at most: anybody may ask /ready."""
        found, at = self._last
        if time.monotonic() - at < ASKED_EVERY_S:
            return found
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                found = dict(await asyncio.to_thread(self._readiness))
        except TimeoutError:
            found = {"database": "does not answer"}
        self._last = (found, time.monotonic())
        return found


def is_ready(parts: Mapping[str, str]) -> bool:
    """Whether nothing keeps the hub from serving."""
    return all(state == "ok" or state.startswith(LATE) for state in parts.values())


def route_of(path: str) -> str:
    """The route without what was asked for: no UID and no AE title in a label."""
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["workitems"]:
        rest = [part for part in parts[2:] if part in _ROUTES]
        return "/".join(["/workitems", *(["{uid}"] if len(parts) > 1 else []), *rest])
    return f"/{parts[0]}/..." if len(parts) > 1 and parts[0] in ("region", "ws") else "other"


def _method(scope: Scope) -> str:
    method = str(scope["method"])
    return method if method in ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS") else "other"


async def _send(send: Send, status: int, content_type: str, text: str, *, close: bool = False) -> None:
    content = text.encode()
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if close:
        headers += [(b"connection", b"close"), (b"retry-after", b"1")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
