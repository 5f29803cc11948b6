"""The transactions on workitems over HTTP: one thin function each (PS3.18 11.4 to 11.9)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from ups import dicom_json as dj
from ups.codes import Code
from ups.identifiers import random_uid
from ups.states import TEXTS, Answer, ProcedureStepState
from worklist_hub.access.policy import row_filter
from worklist_hub.access.view import shown, shown_line
from worklist_hub.access.where import where
from worklist_hub.audit.records import Action
from worklist_hub.audit.trail import trail_of
from worklist_hub.store.lines import Line
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.web import bodies, sentences
from worklist_hub.web.bodies import BadRequest
from worklist_hub.web.sentences import Transaction
from worklist_hub.workitem.matching import wanted_from
from worklist_hub.workitem.protocol import (
    Caller,
    ChangeState,
    Create,
    Decision,
    Refusal,
    Request,
    RequestCancel,
    Update,
)
from worklist_hub.workitem.values import is_uid

UNKNOWN = Refusal(Answer.UNKNOWN_WORKITEM, TEXTS[Answer.UNKNOWN_WORKITEM])
MAX_COUNTED = 10_000
_SEARCH_WORDS = frozenset(
    {
        "includefield",
        "limit",
        "offset",
        "fuzzymatching",
        "emptyvaluematching",
        "multiplevaluematching",
        "accept",
        "charset",
    }
)


class Transactions:
    """The transactions of the service, over one store."""

    def __init__(self, store: WorkitemStore, new_uid: Callable[[], str] = random_uid) -> None:
        self._store, self._new_uid = store, new_uid

    async def create(self, request: HttpRequest) -> Response:
        """PS3.18 11.4. Without a UID in the query or the body the hub makes one."""
        dataset = await bodies.dataset_of(request)
        uid = bodies.uid_from_query(request, bodies.CREATE_NAMES) or dj.text(dataset, "SOPInstanceUID")
        uid = uid or self._new_uid()
        outcome = await self._carry_out(request, uid, Create(uid, dataset))
        url = f"{bodies.service_of(request)}/workitems/{uid}"
        headers = {} if isinstance(outcome, Refusal) else {"Location": url, "Content-Location": url}
        return bodies.change_answer(request, Transaction.CREATE, outcome, headers=headers)

    async def retrieve(self, request: HttpRequest) -> Response:
        """PS3.18 11.5. The Transaction UID is not there to be returned."""
        bodies.check_acceptable(request)
        uid = str(request.path_params["uid"])
        stored = await run_in_threadpool(self._store.read, uid) if is_uid(uid) else None
        seen = shown(caller_of(request), stored.dataset) if stored is not None else None
        if seen is None:
            if stored is not None:
                trail_of(request).hidden(Action.VIEW, stored.dataset)
            return bodies.change_answer(request, Transaction.UPDATE, UNKNOWN)
        trail_of(request).viewed(seen)
        return bodies.json_answer([seen], headers={"Cache-Control": "no-store"})

    async def search(self, request: HttpRequest) -> Response:
        """PS3.18 11.9."""
        bodies.check_acceptable(request)
        caller, pairs = caller_of(request), request.query_params.multi_items()
        wanted = wanted_from(
            [(key, value) for key, value in pairs if key.lower() not in _SEARCH_WORDS],
            with_empty=bodies.flag_from_query(request, "emptyvaluematching"),
            with_multiple=bodies.flag_from_query(request, "multiplevaluematching"),
        )
        include = [one for key, value in pairs if key == "includefield" for one in value.split(",") if one]
        tags = bodies.tags_wanted(include, [one.path[0] for one in wanted])
        asked = request.query_params.get("limit", str(bodies.DEFAULT_LIMIT))
        limit = bodies.number_from_query(asked, "limit", bodies.MAX_LIMIT)
        offset = bodies.number_from_query(request.query_params.get("offset", "0"), "offset", 10**9)
        visible = None if caller.is_trusted else where(row_filter(caller, {one.path[0] for one in wanted if one.value}))
        answer = Response(status_code=204)
        found: list[Line] = []
        if limit:
            found = await run_in_threadpool(self._store.lines, wanted, limit=limit + 1, offset=offset, visible=visible)
        told = [(line, text) for line in found[:limit] if (text := shown_line(caller, line, tags)) is not None]
        if told:
            answer = bodies.lines_answer([text for _, text in told])
        answer.headers["Cache-Control"] = "no-store"
        if len(found) > limit:
            count, is_more = await run_in_threadpool(
                self._store.count, wanted, offset=offset + limit, most=MAX_COUNTED, visible=visible
            )
            answer.headers.append(
                "Warning", bodies.warning(request, sentences.remaining(max(count, 1), is_more=is_more))
            )
        if bodies.flag_from_query(request, "fuzzymatching"):
            answer.headers.append("Warning", bodies.warning(request, sentences.LITERAL_MATCHING))
        sites = [line.row.site_id for line, _ in told]
        trail_of(request).searched(request.url.query, sites, lambda: [json.loads(text) for _, text in told])
        return answer

    async def update(self, request: HttpRequest) -> Response:
        """PS3.18 11.6. The Transaction UID comes in the query, under any of its names or bare, or in the body."""
        changes = await bodies.dataset_of(request)
        in_query = bodies.uid_from_query(request, bodies.TRANSACTION_NAMES)
        in_body = dj.text(changes, "TransactionUID")
        if in_query and in_body and in_query != in_body:
            raise BadRequest("the Transaction UIDs in query and body differ")
        return await self._answer(request, Transaction.UPDATE, Update(changes, in_query or in_body))

    async def change_state(self, request: HttpRequest) -> Response:
        """PS3.18 11.7."""
        dataset = await bodies.dataset_of(request)
        try:
            state = ProcedureStepState(dj.text(dataset, "ProcedureStepState"))
        except ValueError as error:
            raise BadRequest("Procedure Step State is missing or none of the four") from error
        asked = ChangeState(state, dj.text(dataset, "TransactionUID"))
        return await self._answer(request, Transaction.CHANGE_STATE, asked)

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
        return await self._answer(request, Transaction.REQUEST_CANCEL, asked)

    async def _answer(self, request: HttpRequest, transaction: Transaction, asked: Request) -> Response:
        uid = str(request.path_params["uid"])
        outcome = await self._carry_out(request, uid, asked) if is_uid(uid) else UNKNOWN
        has_uid = bool(getattr(asked, "transaction_uid", ""))
        return bodies.change_answer(request, transaction, outcome, has_transaction_uid=has_uid)

    async def _carry_out(self, request: HttpRequest, uid: str, asked: Request) -> Decision | Refusal:
        outcome = await self._store.carried_out(uid, asked, caller_of(request))
        trail_of(request).covered()
        return outcome


def caller_of(request: HttpRequest) -> Caller:
    """Who asks, as the guard found."""
    return cast(Caller, request.state.caller)
