"""A flood of forged tokens: stopped before they are checked, counted in the log, and no harm to who is signed in."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.peers.hub import ANN
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.refusals import INVALID, NotAdmitted
from worklist_hub.access.settings import Limits
from worklist_hub.audit.records import Action, Actor, AuditEvent
from worklist_hub.audit.trail import Strangers
from worklist_hub.web.callers import Admission
from worklist_hub.web.guard import Guard
from worklist_hub.web.presence import Presence
from worklist_hub.workitem.protocol import Caller

BURST = 5
REFUSED = AuditEvent(Action.REFUSED, Actor(address="10.0.0.1"), text="GET /workitems answered 401")


class Tokens:
    """`good.x.y` is Ann's; every check is counted."""

    def __init__(self) -> None:
        self.checks, self.seen = 0, set[str]()

    def remembered(self, token: str) -> Caller | None:
        return None

    def has_seen(self, token: str) -> bool:
        return token in self.seen

    def caller_of(self, token: str) -> Caller:
        self.checks += 1
        if not token.startswith("good."):
            raise NotAdmitted(INVALID)
        self.seen.add(token)
        return Caller(ANN, "ANN", grants=(Grant("north", Role.READER),), subject="idp|ann")


def answers(tokens: Tokens, *asked: str) -> list[int]:
    async def found(_request: Request) -> Response:
        return Response(status_code=204)

    guard = Middleware(
        Guard,
        admission=Admission(tokens=tokens),
        presence=Presence(),
        limits=Limits(requests_per_s=0.001, burst=BURST),
    )
    app = Starlette(routes=[Route("/workitems", found)], middleware=[guard])

    async def work() -> list[int]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
            told = [await client.get("/workitems", headers={"Authorization": f"Bearer {one}"}) for one in asked]
        return [one.status_code for one in told]

    return asyncio.run(work())


def test_forged_tokens_are_refused_unchecked_once_there_were_too_many_from_an_address() -> None:
    tokens = Tokens()
    told = answers(tokens, *(f"forged.{number}.x" for number in range(40)))
    assert Counter(told) == {401: BURST, 429: 40 - BURST}
    assert tokens.checks == BURST


def test_who_is_signed_in_behind_the_same_address_goes_on_during_a_flood() -> None:
    tokens = Tokens()
    told = answers(tokens, "good.x.y", *["forged.x.y"] * 20, "good.x.y")
    assert (told[0], told[-1]) == (204, 204)
    assert told[-2] == 429


def test_a_flood_that_ends_is_counted_though_nobody_comes_from_there_again() -> None:
    now = [0.0]
    strangers = Strangers(lambda: now[0])
    told = [line for _ in range(700) for line in strangers.let_through("10.0.0.1", [REFUSED])]
    assert len(told) == Strangers.EACH
    assert strangers.rest() == []
    now[0] += Strangers.WINDOW_S + 1
    (line,) = strangers.rest()
    assert line.text.startswith(f"{700 - Strangers.EACH} more refusals")
    assert line.actor.address == "10.0.0.1"
    now[0] += Strangers.WINDOW_S + 1
    assert strangers.rest() == []


def test_floods_are_counted_when_too_many_addresses_come(monkeypatch: Any) -> None:
    strangers = Strangers(lambda: 0.0)
    for _ in range(Strangers.EACH + 3):
        strangers.let_through("10.0.0.1", [REFUSED])
    assert [line.text[:6] for line in strangers.rest(whatever=True)] == ["3 more"]
    assert strangers.rest(whatever=True) == []
    monkeypatch.setattr(Strangers, "ADDRESSES", 1)
    for _ in range(Strangers.EACH + 2):
        strangers.let_through("10.0.0.1", [REFUSED])
    assert [line.text[:6] for line in strangers.let_through("10.0.0.2", [REFUSED])] == ["GET /w", "2 more"]


def test_a_flood_that_goes_on_is_counted_by_the_minute() -> None:
    now = [0.0]
    strangers = Strangers(lambda: now[0])
    for _ in range(Strangers.EACH + 5):
        strangers.let_through("10.0.0.1", [REFUSED])
    now[0] += Strangers.WINDOW_S + 1
    assert [line.text[:6] for line in strangers.let_through("10.0.0.1", [REFUSED])] == ["GET /w", "5 more"]
