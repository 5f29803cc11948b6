"""Handing a draft over, over HTTP: `/region/drafts/{workitem}`. Only the holder of a claim puts, takes or drops one.

The author puts it while he holds the study, names the receiver in Scheduled Human Performers and releases; the
receiver claims the replacement and takes it. It is gone when the study is completed, canceled, or taken over instead.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response

from ups.datetimes import dt_from_datetime
from ups.identifiers import replacement_uid
from ups.states import ProcedureStepState
from worklist_hub.access.grounds import HOLDER, OWN_DESK
from worklist_hub.access.policy import Action, may
from worklist_hub.audit.changes import subject_of
from worklist_hub.audit.records import Action as AuditAction
from worklist_hub.audit.records import AuditEvent
from worklist_hub.audit.trail import trail_of
from worklist_hub.store import handed
from worklist_hub.store.handed import Handed
from worklist_hub.store.workitems import WorkitemStore
from worklist_hub.web import bodies, drafts, sentences
from worklist_hub.web.bodies import BadRequest
from worklist_hub.web.drafts import DraftKeys, DraftsUnavailable, SealBroken
from worklist_hub.web.transactions import caller_of
from worklist_hub.web.urls import Row
from worklist_hub.workitem.claims import holder_of, is_held_with
from worklist_hub.workitem.protocol import Caller, Stored
from worklist_hub.workitem.values import is_uid

V = TypeVar("V")
_NAME_LIMIT = 64
_NO_CLAIM = "There is no such claim"


class Handing:
    """Put, take and drop."""

    def __init__(self, store: WorkitemStore, keys: DraftKeys, random: Callable[[int], bytes] = os.urandom) -> None:
        self._store, self._keys, self._random = store, keys, random

    @property
    def rows(self) -> tuple[Row, ...]:
        """For the table of URLs."""
        path = "/region/drafts/{uid}"
        return (("PUT", path, self.put), ("GET", path, self.take), ("DELETE", path, self.drop))

    async def put(self, request: HttpRequest) -> Response:
        """The author's draft, for the workitem that will replace the one he holds."""
        uid, transaction_uid = _asked(request)
        told = await bodies.json_of(request)
        if not isinstance(told, dict) or set(told) != {"receiver", "draft"} or not isinstance(told["draft"], dict):
            raise BadRequest("the body must hold receiver and draft")
        receiver = told["receiver"]
        if not isinstance(receiver, str) or len(receiver) > _NAME_LIMIT or not receiver.isprintable():
            raise BadRequest("receiver must be the code of a reader, or empty")
        try:
            content = json.dumps(told["draft"], ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise BadRequest("the draft holds letters that cannot be written") from error

        def job(connection: sa.Connection, stored: Stored) -> None:
            holder, to = holder_of(stored.dataset), replacement_uid(uid)
            sealed = drafts.seal(self._keys.key(), to, receiver, content, self._random)
            at = dt_from_datetime(self._store.database.now(connection))
            handed.put(connection, Handed(to, holder.code if holder else "", receiver, "hub", sealed, at))

        told = AuditEvent(AuditAction.HAND_OVER, text=f"put a draft for {receiver or 'whoever is next'}")
        await self._with_claim(request, uid, transaction_uid, told, job)
        return Response(status_code=204)

    async def take(self, request: HttpRequest) -> Response:
        """The draft for the workitem that the caller holds; sealed for his claim alone from now on."""
        uid, transaction_uid = _asked(request)

        def job(connection: sa.Connection, stored: Stored) -> Response:
            found = handed.get(connection, uid)
            if found is None:
                raise BadRequest("No draft was handed over with this study", 404)
            holder = holder_of(stored.dataset)
            if found.receiver and (holder is None or holder.code != found.receiver):
                raise BadRequest("This draft was handed to another reader", 403)
            secret = self._keys.key() if found.sealed_for == "hub" else transaction_uid.encode()
            content = drafts.unseal(secret, uid, found.receiver, found.content)
            if found.sealed_for == "hub":
                sealed = drafts.seal(transaction_uid.encode(), uid, found.receiver, content, self._random)
                handed.put(connection, Handed(uid, found.author, found.receiver, "claim", sealed, found.at))
            answer = {"author": found.author, "at": found.at, "draft": json.loads(content)}
            return JSONResponse(answer, headers={"Cache-Control": "no-store"})

        told = AuditEvent(AuditAction.VIEW, text="took the draft that was handed over")
        return await self._with_claim(request, uid, transaction_uid, told, job)

    async def drop(self, request: HttpRequest) -> Response:
        """The author's that he put, or the receiver's that he took."""
        uid, transaction_uid = _asked(request)

        def job(connection: sa.Connection, _stored: Stored) -> None:
            if not handed.drop(connection, [uid, replacement_uid(uid)]):
                raise BadRequest("No draft was handed over with this study", 404)

        told = AuditEvent(AuditAction.HAND_OVER, text="dropped the draft")
        await self._with_claim(request, uid, transaction_uid, told, job)
        return Response(status_code=204)

    async def _with_claim(
        self,
        request: HttpRequest,
        uid: str,
        transaction_uid: str,
        told: AuditEvent,
        job: Callable[[sa.Connection, Stored], V],
    ) -> V:
        caller: Caller = caller_of(request)
        about: list[Stored] = []

        def work(connection: sa.Connection) -> V:
            stored = self._store.read_in(connection, uid)
            about[:] = [stored] if stored else []
            if stored is None or not may(caller, Action.SEE, stored.dataset):
                raise BadRequest(_NO_CLAIM, 404)
            if stored.state is not ProcedureStepState.IN_PROGRESS:
                raise BadRequest(sentences.NOT_CLAIMED, 409)
            if not is_held_with(stored, transaction_uid):
                raise BadRequest(sentences.TRANSACTION_UID_INCORRECT)
            if not may(caller, Action.HOLD, stored.dataset):
                raise BadRequest(may(caller, Action.HOLD, stored.dataset).reason, 403)
            return job(connection, stored)

        ground = ""
        try:
            result = await run_in_threadpool(self._store.change, work)
            ground = OWN_DESK if caller.is_trusted else HOLDER
            return result
        except DraftsUnavailable as error:
            raise BadRequest(str(error), 403) from error
        except SealBroken as error:
            raise BadRequest(str(error), 409) from error
        finally:
            for stored in about:
                if may(caller, Action.SEE, stored.dataset):
                    subjects = (subject_of(stored.dataset),)
                    trail_of(request).note(replace(told, subjects=subjects, authorization=ground))
                else:
                    trail_of(request).hidden(told.action, stored.dataset)


def _asked(request: HttpRequest) -> tuple[str, str]:
    """Workitem and Transaction UID. Raises `BadRequest`."""
    uid = str(request.path_params["uid"])
    if not is_uid(uid):
        raise BadRequest(_NO_CLAIM, 404)
    transaction_uid = bodies.uid_from_query(request, bodies.TRANSACTION_NAMES)
    if not transaction_uid:
        raise BadRequest(sentences.TRANSACTION_UID_MISSING)
    return uid, transaction_uid
