"""What every request passes before anything looks at it: who asks, from where, how often, and how much it brings."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool

from worklist_hub.access.limits import Buckets
from worklist_hub.access.refusals import EXPIRED, TOO_FAST, NotAdmitted
from worklist_hub.access.settings import Limits
from worklist_hub.config import is_loopback
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.web.callers import Admission
from worklist_hub.web.presence import Presence
from worklist_hub.workitem.protocol import Caller

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1024 * 1024
"""A workitem is a few kilobytes."""
MAX_HEADER_BYTES = 32 * 1024
DRAIN_BYTES = 8 * 1024 * 1024
DRAIN_S = 2.0
OPEN_PATHS = frozenset({"/region/auth", "/region/auth/token", "/region/auth/revoke", "/region/auth/jwks"})
"""For who is not signed in yet; everything else needs a caller, a path that does not exist too."""
SIGNED_OUT = 4401
"""Close code of an event channel whose token or account has ended: come back with a new one."""
COME_BACK = 1013
"""Close code of an event channel whose reader may see something else now: connect and search again."""
CHANGED = "what you may see has changed; connect and search again"
LOOK_AGAIN_S = 5.0
"""How often an open channel asks whether its caller is still let in."""
_ONCE = frozenset({"authorization", "content-length", "content-type", "host", "transfer-encoding", "x-worklist-reader"})


class Refused(Exception):
    """Not let through."""

    def __init__(self, status: int, text: str, retry_after_s: float = 0) -> None:
        super().__init__(text)
        self.status, self.text, self.retry_after_s = status, text, retry_after_s


class Guard:
    """ASGI middleware. Puts the `Caller` into the request's state and counts who is there."""

    def __init__(
        self,
        app: App,
        *,
        admission: Admission,
        presence: Presence,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._app, self._admission, self._presence, self._clock = app, admission, presence, clock
        self._limits = limits or Limits()
        self._rates = Buckets(self._limits.requests_per_s, self._limits.burst, time.monotonic)
        self._strangers = Buckets(self._limits.requests_per_s, self._limits.burst, time.monotonic)
        """By address; a desk whose token was good before is none of them."""
        self._channels: Counter[str] = Counter()
        self._look_again_s = look_again_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        self._presence.enter()
        try:
            caller = await self._let_in(scope)
            if scope["type"] == "websocket":
                await self._channel(caller, scope, receive, send)
            else:
                body = await self._body(scope, receive)
                await self._app(scope, body, send)
        except Refused as refused:
            await _refuse(scope, receive, send, refused)
        finally:
            self._presence.leave()

    async def _let_in(self, scope: Scope) -> Caller | None:
        """Raises `Refused`."""
        headers = _headers(scope)
        if "origin" in headers:
            raise Refused(403, "a web page may not ask this")
        if not self._admission.needs_token and not is_loopback(_host(headers.get("host", ""))):
            raise Refused(403, "without a token this hub answers to its loopback address only")
        _check_size(scope, headers)
        address = _address(scope)
        if scope["path"] in OPEN_PATHS:
            self._take(address)
            return None
        caller = replace(await self._caller_or_stranger(headers, address), address=address)
        scope.setdefault("state", {})["caller"] = caller
        self._take(caller.subject or address)
        return caller

    async def _caller_or_stranger(self, headers: dict[str, str], address: str) -> Caller:
        """An address whose tokens are refused too often is refused before they are checked. Raises `Refused`."""
        if not self._admission.is_shared:
            return await self._caller(headers)
        is_stranger = not self._admission.has_seen(headers.get("authorization", ""))
        if is_stranger and not self._strangers.has_room(address):
            raise Refused(429, TOO_FAST, max(1 / self._limits.requests_per_s, 1))
        try:
            return await self._caller(headers)
        except Refused as refused:
            if is_stranger and refused.status == 401:
                self._strangers.take(address)
            raise

    async def _caller(self, headers: dict[str, str]) -> Caller:
        authorization, reader = headers.get("authorization", ""), headers.get("x-worklist-reader", "")
        try:
            if self._admission.needs_checking(authorization):
                return await run_in_threadpool(self._admission.caller, authorization, reader)
            return self._admission.caller(authorization, reader)
        except NotAdmitted as error:
            raise Refused(error.status, error.text, error.retry_after_s) from error

    def _take(self, key: str) -> None:
        if self._admission.is_shared and (wait_s := self._rates.take(key)):
            raise Refused(429, TOO_FAST, max(wait_s, 1))

    async def _body(self, scope: Scope, receive: Receive) -> Receive:
        """The body, read whole before anything else begins: who sends it drop by drop holds up nobody."""
        if _headers(scope).get("content-length", "0").strip("0") == "":
            return receive
        parts: list[bytes] = []
        length = 0
        try:
            async with asyncio.timeout(self._limits.body_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] != "http.request":
                        return _then([message], receive)
                    parts.append(message.get("body", b""))
                    length += len(parts[-1])
                    if length > MAX_BODY_BYTES:
                        raise Refused(413, f"at most {MAX_BODY_BYTES} bytes are taken")
                    more = message.get("more_body", False)
        except TimeoutError as error:
            raise Refused(408, f"the body took longer than {self._limits.body_s:g} s") from error
        return _then([{"type": "http.request", "body": b"".join(parts), "more_body": False}], receive)

    async def _channel(self, caller: Caller | None, scope: Scope, receive: Receive, send: Send) -> None:
        """One websocket: counted, and closed when its caller's token ends or he is let in no more."""
        key = caller.subject if caller is not None else ""
        if self._admission.is_shared and self._channels[key] >= self._limits.channels:
            raise Refused(429, TOO_FAST, 5)
        self._channels[key] += 1
        try:
            if caller is None or not self._admission.is_shared:
                await self._app(scope, receive, send)
            else:
                await self._app(scope, self._while_let_in(caller, _headers(scope), receive, send), send)
        finally:
            self._channels[key] -= 1
            if not self._channels[key]:
                del self._channels[key]

    def _while_let_in(self, caller: Caller, headers: dict[str, str], receive: Receive, send: Send) -> Receive:
        async def receive_while_let_in() -> Message:
            waiting = asyncio.ensure_future(receive())
            try:
                while True:
                    left = self._look_again_s
                    if caller.expires_at is not None:
                        left = min(max(caller.expires_at - self._clock(), 0), left)
                    await asyncio.wait({waiting}, timeout=left)
                    if waiting.done():
                        return waiting.result()
                    code, reason = await self._why_out(caller, headers)
                    if code:
                        await send({"type": "websocket.close", "code": code, "reason": reason[:100]})
                        return {"type": "websocket.disconnect", "code": code}
            finally:
                waiting.cancel()

        return receive_while_let_in

    async def _why_out(self, caller: Caller, headers: dict[str, str]) -> tuple[int, str]:
        """Close code and reason; 0 while he may go on listening as he came."""
        if caller.expires_at is not None and self._clock() >= caller.expires_at:
            return SIGNED_OUT, EXPIRED
        try:
            now = await self._caller(headers)
        except Refused as refused:
            return (0, "") if refused.status >= 500 else (SIGNED_OUT, refused.text)
        except StoreUnavailable:
            return 0, ""  # nothing happens in a worklist that is away; the end of the token stays
        return (0, "") if replace(now, address=caller.address) == caller else (COME_BACK, CHANGED)


def _headers(scope: Scope) -> dict[str, str]:
    """By lower-case name. Raises `Refused` where one that decides something is there twice."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
        raise Refused(431, f"at most {MAX_HEADER_BYTES} bytes of headers are taken")
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name = raw_name.decode("latin-1").lower()
        if name in found and name in _ONCE:
            raise Refused(400, f"{name} stands there twice")
        found[name] = raw_value.decode("latin-1")
    return found


def _check_size(scope: Scope, headers: dict[str, str]) -> None:
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or len(length) > 15:
        raise Refused(400, "Content-Length is not a number")
    if int(length) > MAX_BODY_BYTES:
        raise Refused(413, f"at most {MAX_BODY_BYTES} bytes are taken")
    if headers.get("transfer-encoding") and scope["type"] == "http":
        raise Refused(411, "send a Content-Length")
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused(415, "send the body as it is, not compressed")


def _host(header: str) -> str:
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _address(scope: Scope) -> str:
    return str(scope["client"][0]) if scope.get("client") else ""


def _then(first: list[Message], receive: Receive) -> Receive:
    async def receive_again() -> Message:
        return first.pop(0) if first else await receive()

    return receive_again


async def _refuse(scope: Scope, receive: Receive, send: Send, refused: Refused) -> None:
    if scope["type"] == "websocket":
        await receive()
        code = SIGNED_OUT if refused.status == 401 else 1008
        await send({"type": "websocket.close", "code": code, "reason": refused.text[:100]})
        return
    if refused.status != 408:
        await _drain(receive)
    content = refused.text.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(content)).encode()),
        (b"connection", b"close"),
    ]
    if refused.status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    if refused.retry_after_s:
        headers.append((b"retry-after", str(round(refused.retry_after_s)).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _drain(receive: Receive) -> None:
    """Read what is still coming, up to a limit: a connection closed on unread bytes takes our answer with it."""
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
