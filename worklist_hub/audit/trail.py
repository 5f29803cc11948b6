"""The seam of the web layer: no answer leaves before its audit line is durable.

ASGI middleware around everything else. An endpoint says what it showed (`trail_of(request).searched(...)`,
`.viewed(...)`), or that the store wrote the line with the change (`.covered()`). What says nothing gets a line of its
own from method and path: a route that somebody adds later is audited too.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from worklist_hub.access.grounds import ground_of_seeing
from worklist_hub.audit.changes import HIDDEN, subject_of
from worklist_hub.audit.ledger import AuditUnavailable, Ledger
from worklist_hub.audit.records import Action, Actor, AuditEvent, Outcome, Subject
from worklist_hub.workitem.protocol import Caller
from worklist_hub.workitem.values import is_uid

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_log = logging.getLogger("wl.hub.audit")
TOKENS_KEPT = 10_000
NAMED_LIMIT = 20
"""A search that finds no more than this is a search for somebody: its line names the patients."""
OPEN_PATHS = frozenset(
    {
        "/region/auth",
        "/region/auth/jwks",
        "/region/me",
        "/region/about",
        "/region/sites",
        "/region/intake",
        "/region/openapi.json",
        "/openapi.json",
        "/",
    }
)
"""Nothing of patients there: reading them is no event."""
_UNAVAILABLE = b"The audit log cannot be written now; nothing is answered without it. Ask again"


@dataclass(slots=True)
class Trail:
    """What one request did, as its endpoint tells."""

    address: str = ""
    events: list[AuditEvent] = field(default_factory=list)
    is_covered: bool = False

    def searched(self, query: str, sites: Sequence[str], rows: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
        """A search was answered with workitems of these hospitals, one each; `rows` are called for where they are few
        enough to be named."""
        found = Counter(site or "-" for site in sites)
        named = tuple(subject_of(row) for row in rows()) if len(sites) <= NAMED_LIMIT else ()
        self.events.append(AuditEvent(Action.SEARCH, query=query, found=dict(found), subjects=named))

    def hidden(self, action: Action, dataset: Mapping[str, Any]) -> None:
        """A workitem was asked for that does not exist for this caller: he is told no more, the hospital is."""
        self.events.append(AuditEvent(action, outcome=Outcome.SERIOUS, subjects=(subject_of(dataset),), text=HIDDEN))

    def viewed(self, dataset: Mapping[str, Any]) -> None:
        """A workitem was shown whole."""
        self.events.append(AuditEvent(Action.VIEW, subjects=(subject_of(dataset),)))

    def note(self, event: AuditEvent) -> None:
        """Anything else; the actor is filled in where it is empty."""
        self.events.append(event)

    def covered(self) -> None:
        """The line is written already, with the change itself."""
        self.is_covered = True


def trail_of(request: Any) -> Trail:
    """Of a Starlette request or websocket; an idle one where no middleware is in front (tests of an endpoint)."""
    found = request.scope.get("state", {}).get("trail")
    return found if isinstance(found, Trail) else Trail()


class AuditTrail:
    """The middleware."""

    def __init__(self, app: App, *, ledger: Ledger) -> None:
        self._app, self._ledger = app, ledger
        self._strangers = Strangers()
        self._tokens: dict[tuple[str, float | None], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or websocket."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        client = scope.get("client")
        trail = Trail(str(client[0]) if client else "")
        scope.setdefault("state", {})["trail"] = trail
        answer = _Answer(send)

        async def audited(message: Message) -> None:
            if answer.is_replaced:
                return
            if message["type"] in _FIRST_WORDS and not answer.is_begun:
                answer.is_begun = True
                events = [*self._strangers.rest(), *self._events(scope, trail, message)]
                try:
                    await self._ledger.recorded(*events)
                except AuditUnavailable:
                    _log.error("answer withheld: audit log away method=%s", scope.get("method", "websocket"))
                    await answer.replace(scope)
                    return
            await send(message)

        await self._app(scope, receive, audited)

    def _events(self, scope: Scope, trail: Trail, message: Message) -> list[AuditEvent]:
        caller = scope["state"].get("caller")
        caller = caller if isinstance(caller, Caller) else None
        status = _status(message)
        actor = Actor.of(caller, trail.address)
        first = [AuditEvent(Action.SIGN_IN, actor, text="first use of a token")] if self._is_new(caller) else []
        if trail.is_covered or (trail.events and status < 400):
            return [*first, *(_with_ground(_with_actor(event, actor), caller) for event in trail.events)]
        path = str(scope["path"])
        if status < 400 and path in OPEN_PATHS:
            return first
        outcome = _outcome(status)
        told = [
            _with_actor(event if event.outcome is not Outcome.SUCCESS else replace(event, outcome=outcome), actor)
            for event in trail.events
        ]
        made = told or [_by_path(scope, status, actor)]
        if caller is None and status >= 400:
            return self._strangers.let_through(trail.address, made)
        return [*first, *made]

    def _is_new(self, caller: Caller | None) -> bool:
        """A provider's token comes to this process for the first time: all that a hub sees of that sign-in."""
        if caller is None or caller.signed_in_by != "openid":
            return False
        key = (caller.subject, caller.expires_at)
        is_new = key not in self._tokens
        self._tokens[key] = None
        if len(self._tokens) > TOKENS_KEPT:
            del self._tokens[next(iter(self._tokens))]
        return is_new


@dataclass(slots=True)
class _Answer:
    """The answer under way."""

    send: Send
    is_begun: bool = False
    is_replaced: bool = False

    async def replace(self, scope: Scope) -> None:
        """By "503, ask again"."""
        self.is_replaced = True
        if scope["type"] == "websocket":
            await self.send({"type": "websocket.close", "code": 1013, "reason": "audit log away"})
            return
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(_UNAVAILABLE)).encode()),
        ]
        await self.send({"type": "http.response.start", "status": 503, "headers": [*headers, (b"retry-after", b"2")]})
        await self.send({"type": "http.response.body", "body": _UNAVAILABLE})


_FIRST_WORDS = ("http.response.start", "websocket.accept", "websocket.close", "websocket.http.response.start")


class Strangers:
    """Refusals of callers that nobody knows: each is told up to a number a minute and address, then counted.

    A flood of forged tokens must neither fill the log nor go unseen.
    """

    WINDOW_S = 60.0
    EACH = 10
    ADDRESSES = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, tuple[float, int, AuditEvent]] = {}
        self._look_at = clock() + self.WINDOW_S

    def let_through(self, address: str, events: list[AuditEvent]) -> list[AuditEvent]:
        """The lines to write: these or none, and the number of what was left out before."""
        now = self._clock()
        told = self.rest(whatever=True) if address not in self._seen and len(self._seen) >= self.ADDRESSES else []
        since, count, first = self._seen.get(address, (now, 0, events[0]))
        if now - since > self.WINDOW_S:
            told += self._left_out(count, first)
            since, count, first = now, 0, events[0]
        self._seen[address] = (since, count + 1, first)
        return [*events, *told] if count < self.EACH else told

    def rest(self, *, whatever: bool = False) -> list[AuditEvent]:
        """A line for each flood whose minute is over (`whatever`: and of those that go on), though nobody comes from
        there again. Any request asks; it looks now and then."""
        now = self._clock()
        if now < self._look_at and not whatever:
            return []
        self._look_at = now + self.WINDOW_S / 4
        over = [one for one, (since, _, _) in self._seen.items() if whatever or now - since > self.WINDOW_S]
        seen = [self._seen.pop(one) for one in over]
        return [line for _, count, first in seen for line in self._left_out(count, first)]

    def _left_out(self, count: int, first: AuditEvent) -> list[AuditEvent]:
        left_out = count - self.EACH
        text = f"{left_out} more refusals within a minute from there"
        return [replace(first, text=text)] if left_out > 0 else []


def _with_ground(event: AuditEvent, caller: Caller | None) -> AuditEvent:
    if caller is None or event.authorization or event.action not in (Action.SEARCH, Action.VIEW, Action.SUBSCRIBE):
        return event
    return replace(event, authorization=ground_of_seeing(caller, event.sites - {"-"}))


def _with_actor(event: AuditEvent, actor: Actor) -> AuditEvent:
    if event.actor == Actor():
        return replace(event, actor=actor)
    return event if event.actor.address else replace(event, actor=replace(event.actor, address=actor.address))


def _status(message: Message) -> int:
    if message["type"] == "websocket.accept":
        return 101
    if message["type"] == "websocket.close":
        return 403
    return int(message["status"])


def _outcome(status: int) -> Outcome:
    if status < 400:
        return Outcome.SUCCESS
    if status in (401, 403, 429):
        return Outcome.SERIOUS
    return Outcome.MINOR if status < 500 else Outcome.MAJOR


def _by_path(scope: Scope, status: int, actor: Actor) -> AuditEvent:
    """A line from the request alone."""
    method, path = str(scope.get("method", "GET")), str(scope["path"])
    parts = [part for part in path.split("/") if part]
    asked = _action(scope["type"], method, parts)
    query = scope.get("query_string", b"").decode("latin-1") if asked in _WITH_QUERY else ""
    uid = next((part for part in parts if is_uid(part)), "")
    subjects = (Subject(workitem_uid=uid),) if uid else ()
    action = Action.REFUSED if status in (401, 403, 429) else asked
    return AuditEvent(
        action, actor, _outcome(status), subjects=subjects, query=query, text=f"{method} {path} answered {status}"
    )


_WITH_QUERY = (Action.SEARCH, Action.SUBSCRIBE)
"""In the query of other requests stand Transaction UIDs, which are secret."""


def _action(kind: str, method: str, parts: Sequence[str]) -> Action:
    if kind == "websocket":
        return Action.LISTEN
    if "subscribers" in parts:
        return Action.UNSUBSCRIBE if method == "DELETE" else Action.SUBSCRIBE
    if not parts or parts[0] != "workitems":
        return Action.OTHER
    if method == "GET":
        return Action.SEARCH if len(parts) == 1 else Action.VIEW
    return Action.CREATE if len(parts) == 1 else Action.UPDATE
