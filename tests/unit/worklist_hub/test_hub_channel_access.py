"""An open event channel is its reader's only as long as he is let in, and shows what he may see now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.peers.hub import ANN
from worklist_hub.access.grants import Grant, Role
from worklist_hub.access.refusals import INVALID, NO_ACCESS, UNAVAILABLE, NotAdmitted
from worklist_hub.store.database import StoreUnavailable
from worklist_hub.web.callers import Admission
from worklist_hub.web.guard import COME_BACK, SIGNED_OUT, Guard
from worklist_hub.web.presence import Presence
from worklist_hub.workitem.protocol import Caller

TOKEN = "head.payload.signature"
CALLER = Caller(ANN, "ANN", grants=(Grant("north", Role.READER),), subject="idp|ann", expires_at=100.0)


class Tokens:
    """Answers the first look with `CALLER`, later ones with what is left of `later`, over and over its last."""

    def __init__(self, *later: Caller | Exception) -> None:
        self.answers = [CALLER, *later]
        self.looks = 0

    def were_asked(self) -> bool:
        return self.looks > 5

    def remembered(self, token: str) -> Caller | None:
        return None

    def has_seen(self, token: str) -> bool:
        return False

    def caller_of(self, token: str) -> Caller:
        self.looks += 1
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Exception):
            raise found
        return found


def closed_with(tokens: Tokens, enough: Callable[[], bool], clock: Callable[[], float] = lambda: 0.0) -> int:
    """The code that a silent channel is closed with; 0 where it is open when it is `enough`."""
    sent: list[dict[str, Any]] = []

    async def listen(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()

    async def work() -> None:
        async def receive() -> dict[str, Any]:
            while not enough():
                await asyncio.sleep(0.001)
            return {"type": "websocket.receive", "text": ""}

        async def send(message: Any) -> None:
            sent.append(message)

        guard = Guard(listen, admission=Admission(tokens=tokens), presence=Presence(), clock=clock, look_again_s=0.001)
        headers = [(b"authorization", f"Bearer {TOKEN}".encode()), (b"host", b"127.0.0.1")]
        scope = {"type": "websocket", "path": "/ws/subscribers/ANN", "headers": headers, "client": ("127.0.0.1", 1)}
        async with asyncio.timeout(10):
            await guard(scope, receive, send)

    asyncio.run(work())
    return next((message["code"] for message in sent if message["type"] == "websocket.close"), 0)


def test_the_channel_of_a_disabled_account_is_closed_while_its_token_lives() -> None:
    for refusal in (NotAdmitted(INVALID), NotAdmitted(NO_ACCESS, 403)):
        assert closed_with(Tokens(CALLER, refusal), lambda: False) == SIGNED_OUT


def test_the_channel_of_a_reader_whose_grants_changed_comes_back() -> None:
    assert closed_with(Tokens(replace(CALLER, grants=(Grant("south", Role.READER),))), lambda: False) == COME_BACK


def test_a_channel_stays_open_while_its_reader_is_known_or_nobody_can_be_asked() -> None:
    away = (NotAdmitted(UNAVAILABLE, 503, 30), StoreUnavailable("away"))
    for later in ((), away):
        tokens = Tokens(*later, CALLER)
        assert closed_with(tokens, tokens.were_asked) == 0


def test_a_channel_is_closed_when_its_token_ends_though_nobody_can_be_asked() -> None:
    now = iter([0.0, 0.0, *[200.0] * 1000])
    tokens = Tokens(NotAdmitted(UNAVAILABLE, 503, 30))
    assert closed_with(tokens, lambda: False, clock=lambda: next(now)) == SIGNED_OUT
