"""What every request passes before anything looks at it: who asks, from where, and how much it brings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from worklist_hub.callers import Admission, NotAdmitted
from worklist_hub.config import is_loopback
from worklist_hub.presence import Presence

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1024 * 1024
"""A workitem is a few kilobytes."""
DRAIN_BYTES = 8 * 1024 * 1024


class Guard:
    """ASGI middleware. Puts the `Caller` into the request's state and counts who is there."""

    def __init__(self, app: App, *, admission: Admission, presence: Presence) -> None:
        self._app, self._admission, self._presence = app, admission, presence

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        self._presence.enter()
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            refused = self._refusal(scope, headers)
            if refused:
                await _refuse(scope, receive, send, *refused)
            else:
                await self._app(scope, receive, send)
        finally:
            self._presence.leave()

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[int, str] | None:
        if "origin" in headers:
            return 403, "a web page may not ask this"
        if not self._admission.needs_token and not is_loopback(_host(headers.get("host", ""))):
            return 403, "without a token this hub answers to its loopback address only"
        try:
            caller = self._admission.caller(headers.get("authorization", ""), headers.get("x-worklist-reader", ""))
        except NotAdmitted as error:
            return 401, str(error)
        scope.setdefault("state", {})["caller"] = caller
        length = headers.get("content-length", "0")
        if not length.isdigit():
            return 400, "Content-Length is not a number"
        if int(length) > MAX_BODY_BYTES:
            return 413, f"at most {MAX_BODY_BYTES} bytes are taken"
        if headers.get("transfer-encoding") and scope["type"] == "http":
            return 411, "send a Content-Length"
        return None


def _host(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, text: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": text[:100]})
        return
    await _drain(receive)
    content = text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _drain(receive: Receive) -> None:
    """Read what is still coming, up to a limit: a connection closed on unread bytes takes our answer with it."""
    left = DRAIN_BYTES
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
