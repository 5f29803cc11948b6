"""`/region/auth`: how to sign in here, and, for the built-in accounts, the tokens themselves (RFC 6749 4.3, 6; 7009).

Imported only where callers must sign in.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from worklist_hub.access.limits import Buckets
from worklist_hub.access.refusals import INVALID, TOO_MANY, WRONG_PASSWORD, NotAdmitted
from worklist_hub.access.settings import BUILT_IN, AuthSettings, Limits
from worklist_hub.accounts.issuer import Issuer
from worklist_hub.accounts.passwords import AT_ONCE
from worklist_hub.accounts.store import Account, AccountStore
from worklist_hub.audit.records import Action, Actor, AuditEvent
from worklist_hub.audit.trail import trail_of

_MAX_FORM = 16384


class SignIn:
    """The endpoints."""

    def __init__(
        self,
        settings: AuthSettings,
        limits: Limits,
        accounts: AccountStore,
        issuer: Issuer | None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings, self._accounts, self._issuer, self._clock = settings, accounts, issuer, clock
        self._failed = Buckets(limits.sign_ins_per_min / 60, limits.sign_ins_per_min, time.monotonic)
        self._checking = asyncio.Semaphore(AT_ONCE)
        """Others wait here: in the threads of all requests they would keep readers waiting."""

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        made: list[BaseRoute] = [Route("/region/auth", self.methods, methods=["GET"])]
        if self._issuer is not None:
            made.append(Route("/region/auth/token", self.token, methods=["POST"]))
            made.append(Route("/region/auth/revoke", self.revoke, methods=["POST"]))
            made.append(Route("/region/auth/jwks", self.jwks, methods=["GET"]))
        return made

    async def methods(self, _request: Request) -> Response:
        """What a desk needs to know before it signs in."""
        settings, found = self._settings, []
        if settings.issuer:
            openid = {"kind": "openid", "issuer": settings.issuer, "client_id": settings.client_id}
            found.append({**openid, "scopes": settings.scopes, "audience": settings.audience})
        if self._issuer is not None:
            found.append({"kind": "password"})
        return JSONResponse({"methods": found})

    async def jwks(self, _request: Request) -> Response:
        """The public key, for whoever else wants to check our tokens."""
        assert self._issuer is not None
        return JSONResponse({"keys": [self._issuer.public_key]})

    async def token(self, request: Request) -> Response:
        """By name and password, or by refresh token."""
        form = await _form(request)
        kinds: dict[str, Callable[[Request, dict[str, str]], Awaitable[dict[str, Any]]]] = {
            "password": self._by_password,
            "refresh_token": self._by_refresh,
        }
        act = kinds.get(form.get("grant_type", ""))
        if act is None:
            return _error("unsupported_grant_type", "grant_type must be password or refresh_token", 400)
        try:
            answer = await act(request, form)
        except NotAdmitted as refused:
            known = await run_in_threadpool(self._accounts.find, form.get("username", ""))
            _note(request, known.login if known is not None else "", refused.text)
            status = 400 if refused.status == 401 else refused.status  # RFC 6749 5.2
            return _error("invalid_grant", refused.text, status, refused.retry_after_s)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    async def revoke(self, request: Request) -> Response:
        """Sign out."""
        form = await _form(request)
        await run_in_threadpool(self._accounts.end_sign_in, form.get("token", ""))
        trail_of(request).note(AuditEvent(Action.SIGN_OUT))
        return Response(status_code=200)

    async def _by_password(self, request: Request, form: dict[str, str]) -> dict[str, Any]:
        address = request.client.host if request.client else ""
        name, password = form.get("username", ""), form.get("password", "")
        async with self._checking:
            account = await self._checked(address, name, password)
        refresh = await run_in_threadpool(self._accounts.new_refresh_token, account, self._settings.refresh_token_s)
        _note(request, account.login, "", account)
        return self._answer(account, refresh)

    async def _checked(self, address: str, name: str, password: str) -> Account:
        if wait_s := self._failed.take(address):  # before the slow check: guesses at once must not pass together
            raise NotAdmitted(TOO_MANY, 429, math.ceil(wait_s))
        try:
            account = await run_in_threadpool(self._accounts.check_password, name, password)
        except Exception as error:
            if not isinstance(error, NotAdmitted) or error.text != WRONG_PASSWORD:
                self._failed.give_back(address)
            raise
        self._failed.give_back(address)
        return account

    async def _by_refresh(self, request: Request, form: dict[str, str]) -> dict[str, Any]:
        given = form.get("refresh_token", "")
        if not given:
            raise NotAdmitted(INVALID)
        account, refresh = await run_in_threadpool(self._accounts.renew, given)
        _note(request, account.login, "renewed", account)
        return self._answer(account, refresh)

    def _answer(self, account: Account, refresh: str) -> dict[str, Any]:
        assert self._issuer is not None
        claims = {"sub": account.account_id, "preferred_username": account.login, "name": account.reader.name}
        lasts = self._settings.access_token_s
        access = self._issuer.token(claims, int(self._clock()), lasts)
        return {"access_token": access, "token_type": "Bearer", "expires_in": lasts, "refresh_token": refresh}


def _note(request: Request, login: str, text: str, account: Account | None = None) -> None:
    """For the audit. A name that nobody has is not kept: it may be a password typed in the wrong line."""
    actor = Actor(subject=f"{BUILT_IN}|{login}"[:128], signed_in_by="password")
    if account is not None:
        person = account.reader
        actor = replace(actor, code=person.code, name=person.name, organization=person.organisation)
    trail_of(request).note(AuditEvent(Action.SIGN_IN, actor, text=text))


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body())[: _MAX_FORM + 1]
    if len(body) > _MAX_FORM:
        return {}
    try:
        found = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except (UnicodeDecodeError, ValueError):
        return {}
    return {key: values[0] for key, values in found.items() if len(values) == 1}


def _error(code: str, text: str, status: int, retry_after_s: int = 0) -> Response:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(retry_after_s)} if retry_after_s else {})
    return JSONResponse({"error": code, "error_description": text}, status, headers)
