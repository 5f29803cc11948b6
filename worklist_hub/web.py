"""UPS-RS over HTTP: one thin function a transaction (PS3.18 11.4 to 11.13), and `/region/` for the rest."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from importlib import metadata
from typing import Any, cast

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from ups import dicom_json as dj
from ups.codes import Code
from ups.states import TEXTS, Answer, ProcedureStepState
from worklist_hub import bodies
from worklist_hub.bodies import BadRequest
from worklist_hub.channels import Channel, Channels
from worklist_hub.edited import CurrentConfig
from worklist_hub.events import state_report
from worklist_hub.intake_states import IntakeStates
from worklist_hub.matching import MatchingError, match_from
from worklist_hub.protocol import Caller, ChangeState, Create, Decision, Refusal, Request, RequestCancel, Update
from worklist_hub.store.subscriptions import FILTERED_GLOBAL, GLOBAL, SubscriptionStore
from worklist_hub.store.workitems import LostRace, WorkitemStore
from worklist_hub.store.writer import WriterClosed

_log = logging.getLogger("wl.hub.web")
_AE_TITLE = re.compile(r"^[\x21-\x5b\x5d-\x7e]{1,16}$")
_SEARCH_WORDS = ("includefield", "limit", "offset", "fuzzymatching", "accept", "charset")
_Endpoint = Callable[[HttpRequest], Awaitable[Response]]


class Transactions:
    """The transactions of the service, over one store."""

    def __init__(self, store: WorkitemStore, subscriptions: SubscriptionStore, channels: Channels) -> None:
        self._store, self._subscriptions, self._channels = store, subscriptions, channels

    async def create(self, request: HttpRequest) -> Response:
        """PS3.18 11.4."""
        dataset = await bodies.dataset_of(request)
        uid = bodies.uid_from_query(request, bodies.CREATE_NAMES) or dj.text(dataset, "SOPInstanceUID")
        outcome = await self._carry_out(request, uid, Create(uid, dataset))
        if isinstance(outcome, Refusal):
            return bodies.refusal_answer(outcome)
        location = str(request.url.replace(path=f"/workitems/{uid}", query=""))
        return bodies.plain_answer(outcome.answer, status=201, headers={"Location": location})

    async def retrieve(self, request: HttpRequest) -> Response:
        """PS3.18 11.5. The Transaction UID is not there to be returned."""
        stored = await run_in_threadpool(self._store.read, _uid(request))
        if stored is None:
            return bodies.refusal_answer(Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM]))
        return bodies.json_answer([stored.dataset], headers={"Cache-Control": "no-store"})

    async def search(self, request: HttpRequest) -> Response:
        """PS3.18 11.9."""
        pairs = request.query_params.multi_items()
        wanted = [match_from(key, value) for key, value in pairs if key.lower() not in _SEARCH_WORDS]
        include = [one for key, value in pairs if key == "includefield" for one in value.split(",") if one]
        tags = bodies.tags_wanted(include)
        asked = request.query_params.get("limit", str(bodies.DEFAULT_LIMIT))
        limit = bodies.number_from_query(asked, "limit", bodies.MAX_LIMIT)
        offset = bodies.number_from_query(request.query_params.get("offset", "0"), "offset", 10**9)
        found = await run_in_threadpool(self._store.search, wanted, limit=limit + 1, offset=offset) if limit else []
        headers = {"Cache-Control": "no-store"}
        if len(found) > limit:
            headers["Warning"] = bodies.warning("There are more results; page on with offset")
        rows = [bodies.row_of(dataset, tags) for dataset in found[:limit]]
        return bodies.json_answer(rows, headers=headers) if rows else Response(status_code=204, headers=headers)

    async def update(self, request: HttpRequest) -> Response:
        """PS3.18 11.6. The Transaction UID comes in the query, under any of its names or bare, or in the body."""
        changes = await bodies.dataset_of(request)
        in_query = bodies.uid_from_query(request, bodies.TRANSACTION_NAMES)
        in_body = dj.text(changes, "TransactionUID")
        if in_query and in_body and in_query != in_body:
            raise BadRequest("the Transaction UIDs in query and body differ")
        return await self._answer(request, Update(changes, in_query or in_body))

    async def change_state(self, request: HttpRequest) -> Response:
        """PS3.18 11.7."""
        dataset = await bodies.dataset_of(request)
        try:
            state = ProcedureStepState(dj.text(dataset, "ProcedureStepState"))
        except ValueError as error:
            raise BadRequest("Procedure Step State is missing or none of the four") from error
        return await self._answer(request, ChangeState(state, dj.text(dataset, "TransactionUID")))

    async def request_cancel(self, request: HttpRequest) -> Response:
        """PS3.18 11.8."""
        dataset = await bodies.dataset_of(request, may_be_empty=True)
        item = dj.first_item(dataset, "ProcedureStepDiscontinuationReasonCodeSequence")
        asked = RequestCancel(
            dj.text(dataset, "ReasonForCancellation"),
            Code.of(item) if item else None,
            dj.text(dataset, "ContactDisplayName"),
            dj.text(dataset, "ContactURI"),
        )
        return await self._answer(request, asked, success=202)

    async def subscribe(self, request: HttpRequest) -> Response:
        """PS3.18 11.10."""
        uid, ae_title = _uid(request), _ae_title(request.path_params["aet"])
        pairs = request.query_params.multi_items()
        filters = dict(_filters(pairs))
        if filters and uid not in (GLOBAL, FILTERED_GLOBAL):
            raise BadRequest("only a global subscription has a filter")
        for key, value in filters.items():
            match_from(key, value)
        if uid not in (GLOBAL, FILTERED_GLOBAL) and await run_in_threadpool(self._store.read, uid) is None:
            return bodies.refusal_answer(Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM]))
        lock = request.query_params.get("deletionlock", "false").lower() == "true"
        await run_in_threadpool(self._subscribe, ae_title, uid, filters, lock)
        scheme = "wss" if request.url.scheme == "https" else "ws"
        url = f"{scheme}://{request.url.netloc}/ws/subscribers/{ae_title}"
        return Response(status_code=201, headers={"Content-Location": url})

    async def unsubscribe(self, request: HttpRequest) -> Response:
        """PS3.18 11.12."""
        return await self._end_or_suspend(request, self._subscriptions.unsubscribe)

    async def suspend(self, request: HttpRequest) -> Response:
        """PS3.18 11.11."""
        return await self._end_or_suspend(request, self._subscriptions.suspend)

    async def channel(self, websocket: WebSocket) -> None:
        """PS3.18 11.13 and 8.10: the event channel of one AE title."""
        ae_title = websocket.path_params["aet"]
        if not _AE_TITLE.match(ae_title):
            await websocket.close(1008, "not an AE title")
            return
        await websocket.accept()
        channel = self._channels.open(ae_title)
        sender = asyncio.create_task(_send_frames(websocket, channel))
        try:
            while True:
                await websocket.receive_text()  # a watcher has nothing to say; this notices that it left
        except (WebSocketDisconnect, KeyError):
            pass
        finally:
            self._channels.close(ae_title, channel)
            sender.cancel()

    def _subscribe(self, ae_title: str, uid: str, filters: dict[str, str], deletion_lock: bool) -> None:
        self._subscriptions.subscribe(ae_title, uid, filters, deletion_lock=deletion_lock)
        self._channels.set_subscribers(self._subscriptions.subscribers())
        if deletion_lock and uid in (GLOBAL, FILTERED_GLOBAL):
            everything = self._store.search([], limit=bodies.MAX_LIMIT)
            reports = [state_report(dataset, position=0) for dataset in everything]
            self._channels.publish(reports, only=ae_title)

    async def _end_or_suspend(self, request: HttpRequest, act: Callable[[str, str], bool]) -> Response:
        ae_title, uid = _ae_title(request.path_params["aet"]), _uid(request)
        if not await run_in_threadpool(act, ae_title, uid):
            return bodies.error_answer("There is no such subscription", 404)
        self._channels.set_subscribers(await run_in_threadpool(self._subscriptions.subscribers))
        return Response(status_code=200)

    async def _answer(self, request: HttpRequest, asked: Request, success: int | None = None) -> Response:
        outcome = await self._carry_out(request, _uid(request), asked)
        if isinstance(outcome, Refusal):
            return bodies.refusal_answer(outcome)
        return bodies.plain_answer(outcome.answer, status=success)

    async def _carry_out(self, request: HttpRequest, uid: str, asked: Request) -> Decision | Refusal:
        return await run_in_threadpool(self._store.carry_out, uid, asked, cast(Caller, request.state.caller))


def routes(
    transactions: Transactions, config: CurrentConfig, intake: IntakeStates, *, embedded: bool
) -> list[BaseRoute]:
    """Every URL of the hub."""
    one, subscriber = "/workitems/{uid}", "/workitems/{uid}/subscribers/{aet}"

    async def region_sites(_request: HttpRequest) -> Response:
        return JSONResponse([site.as_json() for site in config.now().sites])

    async def region_intake(_request: HttpRequest) -> Response:
        return JSONResponse([site.as_json() for site in intake.now()])

    async def region_about(request: HttpRequest) -> Response:
        name = config.now().ae_title
        about = {"name": name, "solo": embedded, "embedded": embedded, "problem": config.problem if embedded else ""}
        reader = cast(Caller, request.state.caller).reader
        if reader is not None:  # a token's own: desks sign with the name that the hub knows
            about["reader"] = {"code": reader.code, "name": reader.name, "organisation": reader.organisation}
        return JSONResponse({**about, "version": metadata.version("universal-radiology-worklist")})

    table: list[tuple[str, str, _Endpoint]] = [
        ("POST", "/workitems", transactions.create),
        ("GET", "/workitems", transactions.search),
        ("GET", one, transactions.retrieve),
        ("POST", one, transactions.update),
        ("PUT", f"{one}/state", transactions.change_state),
        ("PUT", f"{one}/state/{{aet}}", transactions.change_state),
        ("POST", f"{one}/cancelrequest", transactions.request_cancel),
        ("POST", f"{one}/cancelrequest/{{aet}}", transactions.request_cancel),
        ("POST", subscriber, transactions.subscribe),
        ("DELETE", subscriber, transactions.unsubscribe),
        ("POST", f"{subscriber}/suspend", transactions.suspend),
        ("GET", "/region/sites", region_sites),
        ("GET", "/region/intake", region_intake),
        ("GET", "/region/about", region_about),
    ]
    made: list[BaseRoute] = [Route(path, _guarded(call), methods=[method]) for method, path, call in table]
    made.append(WebSocketRoute("/ws/subscribers/{aet}", transactions.channel))
    return made


def _guarded(call: _Endpoint) -> _Endpoint:
    """`call` with its errors as statuses."""

    async def endpoint(request: HttpRequest) -> Response:
        try:
            return await call(request)
        except BadRequest as error:
            return bodies.error_answer(error.text, error.status)
        except MatchingError as error:
            return bodies.error_answer(str(error), 400)
        except LostRace:
            return bodies.error_answer("The workitem is changing too fast; ask again", 409)
        except (WriterClosed, sa.exc.OperationalError):
            _log.warning("store refused method=%s", request.method)
            return bodies.error_answer("The worklist cannot be written now; ask again", 503)

    return endpoint


async def _send_frames(websocket: WebSocket, channel: Channel) -> None:
    while (frame := await channel.frames.get()) is not None:
        await websocket.send_text(frame)
    await websocket.close(1013, "too far behind; connect and search again")


def _filters(pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """From `filter=key=value,key=value` and, as some clients write it, from plain parameters."""
    found: list[tuple[str, str]] = []
    for key, value in pairs:
        if key == "filter":
            for part in value.split(","):
                name, equals, wanted = part.partition("=")
                if not equals:
                    raise BadRequest("filter must be attribute=value, separated by commas")
                found.append((name, wanted))
        elif key != "deletionlock":
            found.append((key, value))
    return found


def _uid(request: HttpRequest) -> str:
    return str(request.path_params["uid"])


def _ae_title(text: Any) -> str:
    if not _AE_TITLE.match(text):
        raise BadRequest("an AE title has 1 to 16 printable characters")
    return str(text)
