"""Subscriptions and the event channel over HTTP (PS3.18 11.10 to 11.13, 8.10)."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from ups.dicom_json import DicomJson
from ups.tags import KEYWORD_OF, VR_OF
from worklist_hub.access.grounds import ground_of_seeing
from worklist_hub.access.policy import SHOWN_KEYWORDS
from worklist_hub.access.view import shown
from worklist_hub.audit.changes import subject_of
from worklist_hub.audit.ledger import AuditUnavailable
from worklist_hub.audit.records import Action, Actor, AuditEvent
from worklist_hub.audit.trail import NAMED_LIMIT, trail_of
from worklist_hub.store.subscriptions import FILTERED_GLOBAL, GLOBAL, SubscriptionStore
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.web import bodies
from worklist_hub.web.bodies import BadRequest
from worklist_hub.web.channels import Channel, Channels
from worklist_hub.web.sentences import Transaction
from worklist_hub.web.transactions import UNKNOWN, caller_of
from worklist_hub.workitem.events import state_report
from worklist_hub.workitem.matching import Match, wanted_from
from worklist_hub.workitem.protocol import Caller
from worklist_hub.workitem.values import is_uid

_AE_TITLE = re.compile(r"[\x21-\x5b\x5d-\x7e]{1,16}")
_ALL = (GLOBAL, FILTERED_GLOBAL)
_FIRST_PAGE = 500
"""Initial State Reports of a global subscription with a deletion lock go out by so many."""
_FIRST_REPORTS = "told of what is there"
_AUDIT_AGAIN_S = 1.0
"""While the audit cannot be written nothing is told."""


@dataclass(frozen=True, slots=True)
class _First:
    """What a new subscriber is told before anything happens, and the line that says so."""

    key: str
    caller: Caller
    wanted: list[Match]
    told: AuditEvent


class Watching:
    """Subscribe, unsubscribe, suspend, and listen."""

    def __init__(self, store: WorkitemStore, subscriptions: SubscriptionStore, channels: Channels) -> None:
        self._store, self._subscriptions, self._channels = store, subscriptions, channels
        self._telling: set[asyncio.Task[None]] = set()

    async def subscribe(self, request: HttpRequest) -> Response:
        """PS3.18 11.10."""
        uid, ae_title = str(request.path_params["uid"]), _ae_title(request.path_params["aet"])
        filters = dict(_filters(request.query_params.multi_items()))
        if filters and uid not in _ALL:
            raise BadRequest("only a global subscription has a filter")
        if uid == FILTERED_GLOBAL and not filters:
            raise BadRequest("a filtered global subscription needs a filter")
        wanted = wanted_from(list(filters.items()))
        if uid not in _ALL and not await self._is_there(request, uid, Action.SUBSCRIBE):
            return bodies.change_answer(request, Transaction.SUBSCRIBE, UNKNOWN)
        lock = bodies.flag_from_query(request, "deletionlock")
        caller = caller_of(request)
        key = channel_key(caller, ae_title)
        await run_in_threadpool(self._subscriptions.subscribe, key, uid, filters, deletion_lock=lock)
        await self._know_subscribers()
        if uid not in _ALL or lock:
            told = AuditEvent(Action.SUBSCRIBE, Actor.of(caller), query=request.url.query, text=_FIRST_REPORTS)
            first = _First(key, caller, wanted if uid in _ALL else wanted_from([("SOPInstanceUID", uid)]), told)
            self._tell_at_first(first)
        scheme = "wss" if request.url.scheme == "https" else "ws"
        url = f"{scheme}://{request.url.netloc}/ws/subscribers/{ae_title}"
        return Response(status_code=201, headers={"Content-Location": url})

    async def unsubscribe(self, request: HttpRequest) -> Response:
        """PS3.18 11.11."""
        return await self._end_or_suspend(request, self._subscriptions.unsubscribe)

    async def suspend(self, request: HttpRequest) -> Response:
        """PS3.18 11.12."""
        if str(request.path_params["uid"]) not in _ALL:
            return bodies.error_answer(request, "Only a global subscription can be suspended", 404)
        return await self._end_or_suspend(request, self._subscriptions.suspend)

    async def channel(self, websocket: WebSocket) -> None:
        """PS3.18 11.13 and 8.10: the event channel of one AE title."""
        ae_title = websocket.path_params["aet"]
        if not _AE_TITLE.fullmatch(ae_title):
            await websocket.close(1008, "not an AE title")
            return
        await websocket.accept()
        caller = cast(Caller, websocket.state.caller)
        key = channel_key(caller, ae_title)
        channel = self._channels.open(key, caller)
        sender = asyncio.create_task(_send_frames(websocket, channel))
        try:
            while True:
                await websocket.receive_text()  # a watcher has nothing to say; this notices that it left
        except (WebSocketDisconnect, KeyError):
            pass
        finally:
            self._channels.close(key, channel)
            sender.cancel()

    async def _is_there(self, request: HttpRequest, uid: str, asked: Action) -> bool:
        """Whether the caller may know; whose workitem it is stands in the audit either way."""
        stored = await run_in_threadpool(self._store.read, uid) if is_uid(uid) else None
        if stored is None:
            return False
        if shown(caller_of(request), stored.dataset) is None:
            trail_of(request).hidden(asked, stored.dataset)
            return False
        trail_of(request).note(AuditEvent(asked, subjects=(subject_of(stored.dataset),)))
        return True

    async def _know_subscribers(self) -> None:
        self._channels.set_subscribers(await run_in_threadpool(self._subscriptions.subscribers))

    def _tell_at_first(self, first: _First) -> None:
        task = asyncio.create_task(self._state_reports(first))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _state_reports(self, first: _First) -> None:
        """The initial State Report of everything that is subscribed to, no faster than the watcher takes them."""
        offset = 0
        while self._channels.is_open(first.key):
            found: list[DicomJson] = await run_in_threadpool(
                self._store.search, first.wanted, limit=_FIRST_PAGE, offset=offset
            )
            if not await self._is_written_down(first, found):
                await asyncio.sleep(_AUDIT_AGAIN_S)
                continue
            self._channels.publish([state_report(dataset, position=0) for dataset in found], only=first.key)
            if len(found) < _FIRST_PAGE:
                return
            offset += len(found)
            await self._channels.until_taken(first.key)

    async def _is_written_down(self, first: _First, found: list[DicomJson]) -> bool:
        """The line of the audit comes before the reports: they tell what a search tells."""
        is_open = all(match.path[0] in SHOWN_KEYWORDS for match in first.wanted)  # as `Channels` sends them
        rows = [(dataset, shown(first.caller, dataset)) for dataset in found]
        seen = [row for dataset, row in rows if row is not None and (is_open or row is dataset)]
        subjects = tuple(subject_of(row) for row in seen)
        by_site = dict(Counter(one.site_id or "-" for one in subjects))
        ground = ground_of_seeing(first.caller, by_site.keys() - {"-"})
        named = subjects if len(subjects) <= NAMED_LIMIT else ()
        event = replace(first.told, found=by_site, subjects=named, authorization=ground)
        if self._store.ledger is None or not seen:
            return True
        try:
            await self._store.ledger.recorded(event)
        except AuditUnavailable:
            return False
        return True

    async def _end_or_suspend(self, request: HttpRequest, act: Callable[[str, str], bool]) -> Response:
        ae_title, uid = _ae_title(request.path_params["aet"]), str(request.path_params["uid"])
        key = channel_key(caller_of(request), ae_title)
        is_known = uid in _ALL or await self._is_there(request, uid, Action.UNSUBSCRIBE)
        if not is_known or not await run_in_threadpool(act, key, uid):
            return bodies.error_answer(request, "There is no such subscription", 404)
        await self._know_subscribers()
        return Response(status_code=200)


def channel_key(caller: Caller, ae_title: str) -> str:
    """Whose AE title it is: two readers whose desks have the same one neither hear nor end each other's events.

    At most 49 characters; longer than any AE title, so that it cannot be taken for one.
    """
    if caller.is_trusted or not caller.subject:
        return ae_title
    return f"{ae_title}@{hashlib.sha256(caller.subject.encode()).hexdigest()[:32]}"


async def _send_frames(websocket: WebSocket, channel: Channel) -> None:
    while (frame := await channel.next_frame()) is not None:
        await websocket.send_text(frame)
    await websocket.close(1013, "too far behind; connect and search again")


def _filters(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """From `filter=key=value,key=value` and, as some clients write it, from plain parameters.

    In a list of UIDs the comma goes on with the list: `filter=SOPInstanceUID=1.2,1.3,WorklistLabel=NEURO`.
    """
    found: list[tuple[str, str]] = []
    for key, value in pairs:
        if key == "filter":
            for part in value.split(","):
                name, equals, wanted = part.partition("=")
                if equals:
                    found.append((name, wanted))
                elif found and is_uid(part) and VR_OF.get(_keyword(found[-1][0])) == "UI":
                    found[-1] = (found[-1][0], f"{found[-1][1]},{part}")
                else:
                    raise BadRequest("filter must be attribute=value, separated by commas")
        elif key not in ("deletionlock", "accept", "charset"):
            found.append((key, value))
    return found


def _keyword(key: str) -> str:
    last = key.rpartition(".")[2]
    return KEYWORD_OF.get(last.upper(), last)


def _ae_title(text: Any) -> str:
    if not _AE_TITLE.fullmatch(text):
        raise BadRequest("an AE title has 1 to 16 printable characters")
    return str(text)
